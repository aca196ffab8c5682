// The issuer's keys in memory (rules J1 to J15 of VERIFIER.md).
//
// No request can remove a known key. If a fetch fails or brings no usable set, the old set stays. If it succeeds, it
// replaces the set as a whole, so a key that the issuer has withdrawn is removed by the next successful fetch.

import { MAX_LENGTH, parseKeys, type PublishedKeys } from "./key-set.ts";
import { download } from "./outgoing.ts";
import { jittered, sleep } from "./pauses.ts";
import { Refused } from "./refusals.ts";
import { type SavedCopies } from "./store.ts";
import { type Surroundings } from "./surroundings.ts";

/** When to fetch keys. All in seconds. Tests set shorter times. */
export interface KeyTimes {
  interval: number;
  forcedCooldown: number;
  forcedWait: number;
  unknownKidTtl: number;
  firstRetry: number;
  lastRetry: number;
  timeout: number;
  maxAge: number;
  /** How old the time of the last fetch may get in the saved copy. */
  saveEvery: number;
}

export const KEY_TIMES: KeyTimes = {
  interval: 30,
  forcedCooldown: 30,
  forcedWait: 1,
  unknownKidTtl: 60,
  firstRetry: 1,
  lastRetry: 60,
  timeout: 3,
  maxAge: 24 * 60 * 60,
  saveEvery: 60 * 60,
};

/** The result of one fetch. While the document stays the same, so does the object `published`. */
interface KeySet {
  readonly published: PublishedKeys;
  readonly document: Uint8Array;
  readonly etag: string | undefined;
  readonly fetchedAt: number;
  /** The same moment by the clock that nobody sets. */
  readonly fetchedAtMonotonic: number;
}

const MOST_UNKNOWN_KIDS = 256;

export class KeyCache {
  readonly #uri: string;
  readonly #times: KeyTimes;
  readonly #saved: SavedCopies;
  readonly #around: Surroundings;
  readonly #unknown = new Map<string, number>(); // kids that a fetch did not find, and until when they cause no other
  #held: KeySet | undefined;
  #kept: KeySet | undefined; // in the saved copy
  #fetching: Promise<boolean> | undefined;
  #forced: Promise<boolean> | undefined;
  #forcedAt = -Infinity;
  #failures = 0;
  readonly counts = { changed: 0, unchanged: 0, failed: 0, unknownKids: 0 };

  constructor(uri: string, times: KeyTimes, saved: SavedCopies, around: Surroundings) {
    this.#uri = uri;
    this.#times = times;
    this.#saved = saved;
    this.#around = around;
  }

  /** The keys to verify with. Throws Refused (`keys-unavailable`) without a successful fetch in the last 24 hours. */
  get current(): PublishedKeys {
    const { age } = this;
    if (this.#held === undefined || age === undefined || age > this.#times.maxAge) {
      throw new Refused("keys-unavailable", "the issuer's keys are not known at the moment");
    }
    return this.#held.published;
  }

  /** The keys, even if they are too old to verify tokens with. */
  get held(): PublishedKeys | undefined {
    return this.#held?.published;
  }

  /** Seconds since a fetch last succeeded; undefined without keys. Setting a clock back makes no key younger. */
  get age(): number | undefined {
    if (this.#held === undefined) return undefined;
    const { fetchedAt, fetchedAtMonotonic } = this.#held;
    return Math.max(0, this.#around.clock() - fetchedAt, this.#around.monotonic() - fetchedAtMonotonic);
  }

  /** Begin with the saved copy, if there is one that may be used. */
  async load(): Promise<void> {
    const found = await this.#saved.keys(this.#uri, this.#around.clock(), this.#times.maxAge);
    if (found === undefined) return;
    try {
      const published = await parseKeys(found.document, (message) => this.#around.log.warn(message));
      const age = this.#around.clock() - found.fetchedAt;
      this.#kept = { ...found, published, fetchedAtMonotonic: this.#around.monotonic() - age };
      this.#held ??= this.#kept;
      this.#saved.counts.used += 1;
    } catch (error) {
      this.#saved.refuse("of the keys", error);
    }
  }

  /** Write the saved copy if the set has changed, and once an hour to renew the time of the last fetch in it. */
  async save(): Promise<void> {
    const [held, kept] = [this.#held, this.#kept];
    if (!this.#saved.isOn || held === undefined) return;
    if (kept?.published === held.published && held.fetchedAt - kept.fetchedAt < this.#times.saveEvery) return;
    if (await this.#saved.keepKeys(this.#uri, held)) this.#kept = held;
  }

  /** Fetch until stopped. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (await this.refresh()) await this.save();
      await sleep(this.#pause(), signal);
    }
  }

  /** Fetch now, or wait for the fetch under way: two never run at once. False if it failed. */
  refresh(): Promise<boolean> {
    this.#fetching ??= this.#fetch().finally(() => (this.#fetching = undefined));
    return this.#fetching;
  }

  /** A fetch that begins after this call: the issuer may have answered the one under way before it published a key. */
  async refreshAnew(): Promise<boolean> {
    await this.#fetching;
    return await this.refresh();
  }

  /** Whether a new fetch finds `kid`. Waits at most a second; there is at most one such fetch in 30 s (rule J5).
   *
   * The 30 s count from the last attempt, even if it failed. Scheduled fetches do not count: one that ended just before a
   * rotation would otherwise delay finding the new key.
   */
  async learn(kid: string): Promise<boolean> {
    this.counts.unknownKids += 1;
    const forced = this.#isKnownToBeUnknown(kid) ? undefined : this.#force();
    if (forced === undefined) return false;
    const stop = new AbortController();
    const succeeded = await Promise.race([forced, sleep(this.#times.forcedWait, stop.signal).then(() => false)]);
    stop.abort();
    if (this.#has(kid)) return true;
    if (succeeded) this.#noteUnknown(kid);
    return false;
  }

  #has(kid: string): boolean {
    const held = this.#held?.published;
    return held !== undefined && (held.accessTokens.has(kid) || held.statusLists.has(kid));
  }

  /** The forced fetch under way, which all callers share; otherwise a new one, or undefined during the cooldown. */
  #force(): Promise<boolean> | undefined {
    if (this.#forced === undefined) {
      const now = this.#around.monotonic();
      if (now - this.#forcedAt < this.#times.forcedCooldown) return undefined;
      this.#forcedAt = now;
      this.#forced = this.refreshAnew().finally(() => (this.#forced = undefined));
    }
    return this.#forced;
  }

  #isKnownToBeUnknown(kid: string): boolean {
    const until = this.#unknown.get(kid);
    return until !== undefined && this.#around.monotonic() < until;
  }

  #noteUnknown(kid: string): void {
    this.#unknown.delete(kid);
    this.#unknown.set(kid, this.#around.monotonic() + this.#times.unknownKidTtl);
    const [oldest] = this.#unknown.size > MOST_UNKNOWN_KIDS ? this.#unknown.keys() : [];
    if (oldest !== undefined) this.#unknown.delete(oldest);
  }

  async #fetch(): Promise<boolean> {
    try {
      this.#swap(await this.#download());
      this.#failures = 0;
      return true;
    } catch (error) {
      this.#failures += 1;
      this.counts.failed += 1;
      this.#around.log.warn(
        `the issuer's keys cannot be fetched: ${error instanceof Error ? error.message : "unknown"}`,
      );
      return false;
    }
  }

  async #download(): Promise<KeySet> {
    const held = this.#held;
    const answer = await download(this.#around.fetch, {
      url: this.#uri,
      accept: "application/json",
      etag: held?.etag,
      maxLength: MAX_LENGTH,
      timeout: this.#times.timeout,
    });
    const fetched = { fetchedAt: this.#around.clock(), fetchedAtMonotonic: this.#around.monotonic() };
    if (answer === undefined) {
      if (held === undefined) throw new Error("there is nothing to keep");
      return { ...held, ...fetched };
    }
    const { body: document, etag } = answer;
    if (held !== undefined && areEqual(held.document, document)) return { ...held, etag, ...fetched };
    const published = await parseKeys(document, (message) => this.#around.log.warn(message));
    return { published, document, etag, ...fetched };
  }

  #swap(fetched: KeySet): void {
    const isChanged = this.#held?.published !== fetched.published;
    this.#held = fetched;
    this.counts[isChanged ? "changed" : "unchanged"] += 1;
    if (!isChanged) return;
    this.#unknown.clear();
    const kids = new Set([...fetched.published.accessTokens.keys(), ...fetched.published.statusLists.keys()]);
    this.#around.log.info(`the issuer's keys are now: ${[...kids].join(", ")}`);
  }

  #pause(): number {
    if (this.#failures === 0) return jittered(this.#times.interval, 0.9, 1.1);
    const backoff = this.#times.firstRetry * 2 ** Math.min(this.#failures - 1, 16);
    return jittered(Math.min(backoff, this.#times.lastRetry), 0.5, 1);
  }
}

function areEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((octet, index) => octet === other[index]);
}
