// Listens to /api/v1/events while the page is looked at, and says when something has changed elsewhere.
//
// An EventSource cannot send the access token, so this reads the stream of a fetch. Of all tabs one listens, the one that
// holds the lock; it tells the others. A stream ends with its token, and the next one goes on from where it was. When
// there is none, nothing is lost: the page asks for changes when it is looked at again.

const SILENCE = 60_000; // milliseconds without a heartbeat after which the stream counts as broken
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 60_000;
const LOCK = "todo-events";

interface Surroundings {
  /** Opens a stream that goes on from where the page is. Fails like a call of the API. */
  open: (signal: AbortSignal) => Promise<Response>;
  changed: () => void;
  locks: Pick<LockManager, "request">;
  random: () => number;
}

export class Live {
  readonly #surroundings: Surroundings;
  #stop: AbortController | null = null;
  #hurry: (() => void) | null = null;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** Begin or end to listen. */
  listen(wanted: boolean): void {
    if (wanted === (this.#stop !== null)) return;
    this.#stop?.abort();
    this.#stop = wanted ? new AbortController() : null;
    if (this.#stop) void this.#whenAlone(this.#stop.signal);
  }

  /** Try again now: the network is back. */
  hurry(): void {
    this.#hurry?.();
  }

  async #whenAlone(signal: AbortSignal): Promise<void> {
    try {
      await this.#surroundings.locks.request(LOCK, { signal }, () => this.#goOn(signal));
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #goOn(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; failures += 1) {
      if (await this.#follow(signal)) failures = 0;
      if (!signal.aborted) await this.#pause(Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** failures), signal);
    }
  }

  /** Follow one stream to its end. False if there was none, or nothing came. */
  async #follow(signal: AbortSignal): Promise<boolean> {
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), SILENCE);
    let hasCome = false;
    try {
      const response = await this.#surroundings.open(AbortSignal.any([signal, silence.signal]));
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read()) {
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), SILENCE);
        hasCome = true;
        const blocks = (text + part.value).split("\n\n");
        text = blocks.pop() ?? "";
        if (blocks.some((each) => each.includes("event: changes"))) this.#surroundings.changed();
      }
    } catch {
      // no stream at the moment: the next attempt, or the page's own calls, learn why and say so
    } finally {
      clearTimeout(timer);
    }
    return hasCome;
  }

  /** Some time between half of `longest` and all of it: after a restart not all pages come back at once. */
  #pause(longest: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        this.#hurry = null;
        resolve();
      };
      const timer = setTimeout(done, longest * (0.5 + this.#surroundings.random() / 2));
      signal.addEventListener("abort", done);
      this.#hurry = done;
    });
  }
}
