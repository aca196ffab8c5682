// Whether the services answer. The page says it in one place, and this tries again by itself: at the time of Retry-After,
// or after 2, 4, 8 … 60 seconds; and at once when the browser has a network again or the person asks for it.

import { Failure } from "./failure.ts";

const FIRST_WAIT = 2_000; // milliseconds
const LONGEST_WAIT = 60_000;
const SHORTEST_WAIT = 500;

/** Whether a failure is about the way to the services, not about what was asked. Trying again later may help. */
export function isOfConnection(failure: Failure): boolean {
  return failure.kind === "offline" || failure.kind === "unreachable" || failure.kind === "limited";
}

export interface Trouble {
  failure: Failure;
  /** When it is tried again, in milliseconds since the epoch. */
  nextAt: number;
}

interface Surroundings {
  now: () => number;
  setTimeout: (act: () => void, milliseconds: number) => unknown;
  clearTimeout: (timer: never) => void;
}

export class Connection {
  readonly #surroundings: Surroundings;
  readonly #listeners = new Set<() => void>();
  readonly #attempts = new Set<() => void>();
  #trouble: Trouble | null = null;
  #timer: unknown;
  #tries = 0;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly get = (): Trouble | null => this.#trouble;

  /** `attempt` is called when it is time to try again. It must end in a call of `answered` or `failed`. */
  onRetry(attempt: () => void): void {
    this.#attempts.add(attempt);
  }

  /** A service has answered, whatever it said. */
  answered(): void {
    this.#tries = 0;
    this.#stop();
    this.#set(null);
  }

  failed(failure: Failure): void {
    const { now } = this.#surroundings;
    if (this.#timer !== undefined && this.#trouble?.failure.kind === failure.kind) return; // it waits already
    this.#stop();
    const wait =
      failure.retryAt === undefined
        ? Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#tries)
        : Math.max(SHORTEST_WAIT, failure.retryAt - now());
    this.#tries += 1;
    this.#timer = this.#surroundings.setTimeout(() => this.retry(), wait);
    this.#set({ failure, nextAt: now() + wait });
  }

  /** Try again now, if there is trouble. */
  readonly retry = (): void => {
    if (this.#trouble === null) return;
    this.#stop();
    for (const attempt of this.#attempts) attempt();
  };

  #stop(): void {
    if (this.#timer !== undefined) this.#surroundings.clearTimeout(this.#timer as never);
    this.#timer = undefined;
  }

  #set(trouble: Trouble | null): void {
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    for (const listener of this.#listeners) listener();
  }
}
