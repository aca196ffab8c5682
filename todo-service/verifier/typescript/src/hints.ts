// Hints that a status list has changed: a stream of server-sent events (HTML Living Standard §9.2) from the issuer.
//
// With a hint the changed list is fetched at once; without it, with the next poll. A hint decides nothing else, so after
// any error this module waits and connects again. The stream is only available inside the issuer's network.

import { jittered, sleep } from "./pauses.ts";
import { hasInteger, isObject, parse } from "./strict-json.ts";
import { type Surroundings } from "./surroundings.ts";

/** When to give a stream up, and when to connect again. All in seconds. Tests set shorter times. */
export interface HintTimes {
  firstRetry: number;
  lastRetry: number;
  /** Longest wait for the head of the response. */
  connect: number;
  /** Longest silence. The issuer sends a comment every ten seconds. */
  quiet: number;
}

export const HINT_TIMES: HintTimes = { firstRetry: 1, lastRetry: 30, connect: 3, quiet: 30 };

export type Hint = (uri: string, version: number) => void;

const MAX_LINE = 4096;
const MAX_DEPTH = 2;

/** Call `hint` with every hint of the stream, until stopped. If the stream ends, connect again. */
export async function follow(
  address: string,
  hint: Hint,
  times: HintTimes,
  around: Surroundings,
  signal: AbortSignal,
): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    try {
      for await (const line of lines(address, times, around, signal)) {
        failures = 0;
        const found = parseLine(line);
        if (found !== undefined && !signal.aborted) hint(found.uri, found.version);
      }
    } catch (error) {
      const problem = error instanceof Error ? error.message : "unknown";
      if (failures === 0 && !signal.aborted) {
        around.log.warn(`no hints from the issuer, so lists are only polled: ${problem}`);
      }
      failures += 1;
    }
    const seconds = Math.min(times.firstRetry * 2 ** Math.min(failures, 8), times.lastRetry);
    await sleep(jittered(seconds, 0.5, 1), signal);
  }
}

/** The lines of the stream. Throws if it is refused, is silent for too long, or has a line that is too long. */
async function* lines(
  address: string,
  times: HintTimes,
  around: Surroundings,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const stop = new AbortController();
  const end = (): void => stop.abort(new Error("the stream was given up"));
  const silence = new Silence(end);
  signal.addEventListener("abort", end);
  try {
    silence.begin(times.connect);
    const headers = { "Accept": "text/event-stream", "Accept-Encoding": "identity" };
    const init: RequestInit = { headers, redirect: "manual", cache: "no-store", signal: stop.signal };
    const response = await around.fetch(address, init);
    const mediaType = (response.headers.get("Content-Type") ?? "").split(";", 1)[0]?.trim().toLowerCase();
    if (response.status !== 200 || mediaType !== "text/event-stream" || response.body === null) {
      throw new Error(`the response has status ${response.status}, or is no stream of events`);
    }
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    let rest = "";
    for (;;) {
      silence.begin(times.quiet);
      const chunk = await reader.read();
      if (chunk.done) return;
      const whole = (rest + decoder.decode(chunk.value, { stream: true })).split("\n");
      rest = whole.pop() ?? "";
      if (rest.length > MAX_LINE) throw new Error("a line is too long");
      yield* whole;
    }
  } finally {
    silence.end();
    signal.removeEventListener("abort", end);
    stop.abort(); // closes the connection, whatever happened
  }
}

/** The list and version that a line names; undefined for comments and all other lines. */
function parseLine(line: string): { uri: string; version: number } | undefined {
  if (!line.startsWith("data:") || line.length > MAX_LINE) return undefined;
  try {
    const members = parse(new TextEncoder().encode(line.slice(5)), MAX_DEPTH);
    if (!isObject(members) || typeof members.uri !== "string" || !hasInteger(members, "version")) return undefined;
    const { uri, version } = members;
    return version >= 0 && version < 2 ** 31 ? { uri, version } : undefined;
  } catch {
    return undefined; // not JSON: no hint
  }
}

/** Calls `end` after so many seconds without another `begin`. It keeps no process from ending. */
class Silence {
  readonly #end: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(end: () => void) {
    this.#end = end;
  }

  begin(seconds: number): void {
    this.end();
    this.#timer = setTimeout(this.#end, 1000 * seconds);
    if (typeof this.#timer === "object") this.#timer.unref(); // in Node.js and Deno; elsewhere it is a number
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
