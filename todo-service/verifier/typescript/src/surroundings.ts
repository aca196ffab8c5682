// What the verifier uses of the process that it runs in. Tests replace it.

import { type Fetch } from "./outgoing.ts";

export interface Log {
  info(message: string): void;
  warn(message: string): void;
}

export interface Surroundings {
  fetch: Fetch;
  /** Seconds since the epoch: measures the age of tokens, keys and lists. */
  clock: () => number;
  /** Seconds since any moment: measures pauses between fetches. */
  monotonic: () => number;
  log: Log;
}

export const OWN: Surroundings = {
  fetch: (url, init) => fetch(url, init),
  clock: () => Date.now() / 1000,
  monotonic: () => performance.now() / 1000,
  log: { info: () => undefined, warn: (message) => console.warn(`atjwt: ${message}`) },
};
