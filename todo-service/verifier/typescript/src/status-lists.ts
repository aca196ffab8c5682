// The issuer's status lists in memory. They say whether a token is revoked.
//
// The age of a list counts from its signed `iat`. A set bit stays set, whatever is fetched later: if an older list arrives,
// its set bits are added to the list in memory. A list is removed when the issuer no longer lists it, or no longer
// publishes its key, or after a restore of the issuer (epochs.ts).

import { type AccessToken } from "./access-token.ts";
import { Epochs } from "./epochs.ts";
import { type KeyCache } from "./key-cache.ts";
import { download } from "./outgoing.ts";
import { jittered, sleep } from "./pauses.ts";
import { Refused } from "./refusals.ts";
import { type SavedCopies } from "./store.ts";
import {
  type Freshness,
  freshness,
  isFromFuture,
  isSet,
  MAX_AGGREGATION_LENGTH,
  MAX_LENGTH,
  MAX_LISTS,
  MEDIA_TYPE,
  isUnder,
  parseAggregation,
  restore,
  type StatusList,
  succeeding,
  UnknownStatusKey,
  UnusableStatusList,
  verify,
} from "./status-list.ts";
import { type Surroundings } from "./surroundings.ts";

/** When to fetch status lists. All in seconds. Tests set shorter times. */
export interface ListTimes {
  interval: number;
  lastRetry: number;
  unknownListCooldown: number;
  /** Shortest time between fetches that follow hints. */
  betweenHints: number;
  /** After a hint: how long a cache on the way may answer with an older version. */
  cachedFor: number;
  /** Shortest time between two writes of the saved copy. */
  betweenSaves: number;
  timeout: number;
}

export const LIST_TIMES: ListTimes = {
  interval: 2,
  lastRetry: 10,
  unknownListCooldown: 2,
  betweenHints: 0.1,
  cachedFor: 3,
  betweenSaves: 1,
  timeout: 3,
};

const FETCHED_AT_ONCE = 4;
const ASCII = new TextDecoder("ascii");

export class StatusLists {
  readonly #uri: string;
  readonly prefix: string;
  readonly #fetchedFrom: string;
  readonly #keys: KeyCache;
  readonly #times: ListTimes;
  readonly #saved: SavedCopies;
  readonly #around: Surroundings;
  readonly #epochs: Epochs;
  readonly #held = new Map<string, StatusList>();
  readonly #etags = new Map<string, string | undefined>();
  readonly #fetching = new Map<string, Promise<boolean>>();
  readonly #askedAt = new Map<string, number>();
  readonly #hinted = new Map<string, number>(); // the versions that hints name and no fetch has followed yet
  readonly #followed = new Map<string, number>();
  readonly #hintedAt = new Map<string, number>();
  #isFollowing = false;
  #isSaving = false;
  #isUnsaved = false;
  #listed: readonly string[] = [];
  #failures = 0;
  #failure = "";
  readonly counts = { changed: 0, unchanged: 0, older: 0, failed: 0, hints: { followed: 0, known: 0, foreign: 0 } };
  /** True once a poll has ended and there are lists. It stays true: if they are lost, requests get a reason. */
  isReady = false;

  /** `uri` is the aggregation's; all lists are under it. `fetchedFrom` is its address inside the network. */
  constructor(
    uri: string,
    fetchedFrom: string,
    keys: KeyCache,
    times: ListTimes,
    saved: SavedCopies,
    around: Surroundings,
  ) {
    this.#uri = uri;
    this.prefix = `${uri}/`;
    this.#fetchedFrom = fetchedFrom;
    this.#keys = keys;
    this.#times = times;
    this.#saved = saved;
    this.#around = around;
    this.#epochs = new Epochs(this.prefix);
  }

  /** How fresh the list is that marks the token as not revoked. A token that names no list counts as live.
   *
   * Throws Refused: the token has been revoked, its list is too short for its index, or it is of an older epoch; or
   * (`status-unavailable`) its list is not in memory. Then a fetch begins.
   */
  check(token: AccessToken, now: number): Freshness {
    if (token.status === undefined) return "live";
    const { uri, index } = token.status;
    const held = this.#held.get(uri);
    if (held === undefined) throw this.#withoutList(uri);
    const isRevoked = isSet(held, index);
    if (isRevoked === undefined) {
      throw new Refused("bad-status", "the index is behind the end of the status list");
    }
    if (isRevoked) throw new Refused("revoked", "the token has been revoked");
    return freshness(held, now, token.exp - token.iat);
  }

  /** Uri, version and signed `iat` of each list in memory. */
  get held(): readonly { uri: string; version: number; iat: number }[] {
    return [...this.#held.values()].map(({ uri, version, iat }) => ({ uri, version, iat }));
  }

  /** Fetch a list at once: the issuer's stream says that it has changed (hints.ts).
   *
   * If several hints for a list arrive before its fetch begins, one fetch follows all of them. A cache on the way may answer
   * with an older version, so the list is fetched again for some seconds (`cachedFor`), at most every `betweenHints`.
   * That is also what a hint costs whose version does not exist.
   */
  hint(uri: string, version: number, signal: AbortSignal): void {
    if (!this.#held.has(uri)) {
      this.counts.hints.foreign += 1;
    } else if (this.#followed.get(uri) === version || this.#hinted.get(uri) === version) {
      this.counts.hints.known += 1;
    } else {
      this.#hinted.set(uri, version);
      this.#hintedAt.set(uri, this.#around.monotonic());
      if (!this.#isFollowing) void this.#followHints(signal);
    }
  }

  async #followHints(signal: AbortSignal): Promise<void> {
    this.#isFollowing = true;
    while (this.#hinted.size > 0 && !signal.aborted) {
      const hinted = [...this.#hinted];
      this.#hinted.clear();
      for (const [uri, version] of hinted) {
        if (this.#followed.get(uri) !== version) this.counts.hints.followed += 1;
        this.#followed.set(uri, version);
        // The issuer may have answered a fetch under way before the change.
        for (let under = this.#fetching.get(uri); under !== undefined; under = this.#fetching.get(uri)) await under;
        await this.#refreshList(uri, version);
        if (this.#isBehind(uri, version) && !this.#hinted.has(uri)) this.#hinted.set(uri, version);
      }
      await sleep(this.#times.betweenHints, signal);
    }
    this.#isFollowing = false;
  }

  /** Whether the list is still older than a hint has said a moment ago. */
  #isBehind(uri: string, version: number): boolean {
    const since = this.#around.monotonic() - (this.#hintedAt.get(uri) ?? -Infinity);
    return (this.#held.get(uri)?.version ?? version) < version && since < this.#times.cachedFor;
  }

  /** Begin with the saved copy: lists whose signature the keys in memory verify. */
  async load(): Promise<void> {
    const keys = this.#keys.held?.statusLists;
    const found = keys && (await this.#saved.lists(this.prefix));
    if (keys === undefined || found === undefined) return;
    this.#epochs.resume(found.epoch);
    for (const [uri, document] of [...found.documents].slice(0, MAX_LISTS)) {
      try {
        if (!isUnder(uri, this.prefix)) throw new UnusableStatusList("it is from another address");
        const list = await restore(document, uri, keys, this.#around.clock());
        this.#beginEpoch(uri);
        if (!this.#held.has(uri)) this.#held.set(uri, list);
        this.#saved.counts.used += 1;
      } catch (error) {
        this.#saved.refuse("of a status list", error);
      }
    }
  }

  /** Write the saved copy soon, at most once a second. */
  #save(): void {
    this.#isUnsaved = this.#saved.isOn;
    if (!this.#isSaving) void this.#saveChanges();
  }

  async #saveChanges(): Promise<void> {
    this.#isSaving = true;
    while (this.#isUnsaved) {
      this.#isUnsaved = false;
      const documents = new Map([...this.#held.values()].map(({ uri, document }) => [uri, document]));
      await this.#saved.keepLists({ prefix: this.prefix, epoch: this.#epochs.newest, documents });
      await sleep(this.#times.betweenSaves, new AbortController().signal);
    }
    this.#isSaving = false;
  }

  /** Poll until stopped. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.#keys.held === undefined) {
        await sleep(0.05, signal); // without keys no list can be verified
        continue;
      }
      await this.refresh();
      await sleep(this.#pause(), signal);
    }
  }

  /** Fetch the aggregation, then every list that it names. True if all fetches succeeded. */
  async refresh(): Promise<boolean> {
    const succeeded = await this.#poll();
    this.isReady ||= this.#held.size > 0;
    this.#failures = succeeded ? 0 : this.#failures + 1;
    if (succeeded) this.#failure = "";
    return succeeded;
  }

  async #poll(): Promise<boolean> {
    this.#forgetWithdrawnKeys();
    let uris: readonly string[];
    try {
      uris = await this.#list();
    } catch (error) {
      this.#failed("the aggregation of status lists cannot be fetched", error);
      return false;
    }
    this.#keep(new Set(uris));
    if (this.#epochs.isAnnounced(uris)) await this.#keys.refreshAnew();
    const waiting = uris.filter((uri) => !this.#epochs.isOver(uri, uris));
    let succeeded = true;
    const work = async (): Promise<void> => {
      for (let uri = waiting.shift(); uri !== undefined; uri = waiting.shift()) {
        succeeded = (await this.#refreshList(uri)) && succeeded;
      }
    };
    await Promise.all(Array.from({ length: FETCHED_AT_ONCE }, work));
    return succeeded;
  }

  async #list(): Promise<readonly string[]> {
    const answer = await download(this.#around.fetch, {
      url: this.#fetchedFrom,
      accept: "application/json",
      mediaType: "application/json",
      etag: this.#etags.get(this.#uri),
      maxLength: MAX_AGGREGATION_LENGTH,
      timeout: this.#times.timeout,
    });
    if (answer !== undefined) {
      this.#listed = parseAggregation(answer.body, this.prefix);
      this.#etags.set(this.#uri, answer.etag);
    }
    return this.#listed;
  }

  /** Fetch one list, or wait for its fetch under way: two fetches of one list never run at once. False if it failed. */
  #refreshList(uri: string, version?: number): Promise<boolean> {
    const known = this.#fetching.get(uri);
    if (known !== undefined) return known;
    const fetching = this.#fetch(uri, version)
      .then(() => true)
      .catch((error: unknown) => {
        this.#failed("a status list cannot be fetched", error);
        return false;
      })
      .finally(() => this.#fetching.delete(uri));
    this.#fetching.set(uri, fetching);
    return fetching;
  }

  /** With a version the address has a query, so that no cache answers with the version before. */
  async #fetch(uri: string, version: number | undefined): Promise<void> {
    const query = version === undefined ? "" : `?v=${version}`;
    const answer = await download(this.#around.fetch, {
      url: `${this.#fetchedFrom}/${uri.slice(this.prefix.length)}${query}`,
      accept: MEDIA_TYPE,
      mediaType: MEDIA_TYPE,
      etag: this.#held.has(uri) ? this.#etags.get(uri) : undefined,
      maxLength: MAX_LENGTH,
      timeout: this.#times.timeout,
    });
    if (answer === undefined) {
      this.counts.unchanged += 1;
      return;
    }
    const text = ASCII.decode(answer.body);
    const fetched = await this.#verify(uri, text).catch(async (error: unknown) => {
      if (error instanceof UnknownStatusKey && (await this.#keys.learn(error.kid)))
        return await this.#verify(uri, text);
      throw error;
    });
    this.#swap(uri, fetched, answer.etag);
  }

  async #verify(uri: string, text: string): Promise<StatusList> {
    return await verify(text, uri, this.#keys.held?.statusLists ?? new Map(), this.#around.clock());
  }

  #swap(uri: string, fetched: StatusList, etag: string | undefined): void {
    this.#beginEpoch(uri);
    const held = this.#held.get(uri);
    if (held === undefined) {
      if (this.#held.size >= MAX_LISTS) throw new UnusableStatusList("there are too many lists in memory");
    } else if (fetched.iat < held.iat && !isFromFuture(held, this.#around.clock())) {
      // The sender may be a node or cache that lags behind. Or the clock of the other node was ahead: then this list is
      // in fact newer, so the tokens that it marks count as revoked in any case.
      this.counts.older += 1;
      this.#held.set(uri, succeeding(held, fetched));
      return;
    }
    this.#held.set(uri, held === undefined ? fetched : succeeding(fetched, held));
    this.#etags.set(uri, etag);
    this.counts.changed += 1;
    this.#save();
  }

  /** Follow the epoch of a verified list. Throws UnusableStatusList if it is an older one. */
  #beginEpoch(uri: string): void {
    if (!this.#epochs.follow(uri)) return;
    for (const each of this.#held.keys()) {
      if (![0, this.#epochs.newest].includes(this.#epochs.of(each))) this.#held.delete(each);
    }
  }

  #withoutList(uri: string): Refused {
    if (this.#epochs.isOver(uri, this.#listed)) {
      return new Refused("older-epoch", "the token is from before the issuer's last restore");
    }
    this.#fetchUnknown(uri);
    return new Refused("status-unavailable", "the token's status list has not been fetched yet");
  }

  /** Begin to fetch a list that a verified token names, at most once per cooldown and list. */
  #fetchUnknown(uri: string): void {
    const now = this.#around.monotonic();
    if (now - (this.#askedAt.get(uri) ?? -Infinity) < this.#times.unknownListCooldown) return;
    this.#askedAt.delete(uri);
    this.#askedAt.set(uri, now);
    const [oldest] = this.#askedAt.size > MAX_LISTS ? this.#askedAt.keys() : [];
    if (oldest !== undefined) this.#askedAt.delete(oldest);
    if (this.#fetching.size < FETCHED_AT_ONCE) void this.#refreshList(uri);
  }

  /** Remove the lists that the issuer no longer lists: all their tokens have expired. */
  #keep(listed: ReadonlySet<string>): void {
    for (const uri of this.#held.keys()) if (!listed.has(uri)) this.#held.delete(uri);
    for (const uri of this.#etags.keys()) if (uri !== this.#uri && !listed.has(uri)) this.#etags.delete(uri);
    for (const uri of this.#followed.keys()) if (!listed.has(uri)) this.#followed.delete(uri);
    for (const uri of this.#hintedAt.keys()) if (!listed.has(uri)) this.#hintedAt.delete(uri);
  }

  /** Drop lists signed by a withdrawn key, even if no newer list has been fetched yet. */
  #forgetWithdrawnKeys(): void {
    const known = this.#keys.held?.statusLists;
    for (const [uri, { kid }] of this.#held) if (known?.has(kid) === false) this.#held.delete(uri);
  }

  /** Count a failure. Log it only if it differs from the one before, since polls are frequent. */
  #failed(what: string, error: unknown): void {
    this.counts.failed += 1;
    const failure = `${what}: ${error instanceof Error ? error.message : "unknown"}`;
    if (failure !== this.#failure) this.#around.log.warn(failure);
    this.#failure = failure;
  }

  #pause(): number {
    const longest = Math.max(this.#times.interval, this.#times.lastRetry);
    return jittered(Math.min(this.#times.interval * 2 ** Math.min(this.#failures, 8), longest), 0.9, 1.1);
  }
}
