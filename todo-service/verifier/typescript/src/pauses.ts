// Pauses of the background work. They differ at random, so that replicas do not all ask at the same moment.

/** `seconds` times a random factor from `least` to `most`. */
export function jittered(seconds: number, least: number, most: number): number {
  return seconds * (least + (most - least) * Math.random());
}

/** Wait. The wait ends early, without an error, when the signal is aborted; it does not keep a process from ending. */
export function sleep(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, 1000 * seconds);
    if (typeof timer === "object") timer.unref(); // in Node.js and Deno; elsewhere it is a number
    signal.addEventListener("abort", done);
  });
}
