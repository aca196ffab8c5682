// `Verifier`: finds an issuer's keys and status lists, keeps them fresh, and verifies access tokens with them.

import { type AccessToken, refuseBound } from "./access-token.ts";
import { checkIssuer, discover, type Endpoints } from "./discovery.ts";
import * as dpop from "./dpop.ts";
import { follow, HINT_TIMES, type HintTimes } from "./hints.ts";
import { KEY_TIMES, KeyCache, type KeyTimes } from "./key-cache.ts";
import { type PublishedKeys } from "./key-set.ts";
import { jittered, sleep } from "./pauses.ts";
import { type Policy, type Terms, termsOf, type WhenStale } from "./policy.ts";
import { type Reason, Refused, UnknownKey } from "./refusals.ts";
import { LIST_TIMES, StatusLists, type ListTimes } from "./status-lists.ts";
import { SpentProofs } from "./spent-proofs.ts";
import { SavedCopies, type Store } from "./store.ts";
import { OWN, type Surroundings } from "./surroundings.ts";
import { VerifiedTokens } from "./verified-tokens.ts";

const FIRST_RETRY = 1; // seconds
const LAST_RETRY = 60;
const METADATA_INTERVAL = 60 * 60;
const SIGN_IN_LEEWAY = 60;
const NO_HINTS = { followed: 0, known: 0, foreign: 0 };
const NO_LIST_COUNTS = { changed: 0, unchanged: 0, older: 0, failed: 0, hints: NO_HINTS };

export interface Options {
  /** As the `iss` of the tokens, to the letter. */
  issuer: string;
  /** This API, as in the `aud` of the tokens. */
  audience: string;
  policy?: Policy;
  /** The issuer's origin inside the network, if it is not reached under its own name. http is allowed. */
  reachedAt?: string;
  /** Where keys and lists are, for an issuer without metadata. Otherwise they are discovered. */
  endpoints?: Endpoints;
  /** Further origins at which the issuer may keep its keys and lists. */
  alsoAt?: readonly string[];
  /** Where the issuer says at once which status list has changed. auth-service has such a stream inside its network. */
  hints?: string;
  /** Copies of what was fetched last, so that a start needs no issuer. `folder` of atjwt/files keeps them as files. */
  saved?: Store;
  /** What tests replace: `fetch`, clocks and the log. */
  around?: Partial<Surroundings>;
  /** Times between fetches, in seconds. Tests set shorter ones. */
  times?: { metadata?: number; keys?: Partial<KeyTimes>; lists?: Partial<ListTimes>; hints?: Partial<HintTimes> };
}

/** Counters and ages at one moment, for metrics. Ages are in seconds; undefined: nothing is in memory. */
export interface Report {
  readonly keys: { readonly kids: readonly string[]; readonly age: number | undefined } & KeyCache["counts"];
  readonly statusLists: {
    readonly held: readonly { readonly uri: string; readonly version: number; readonly iat: number }[];
    /** Age of the oldest list. */
    readonly age: number | undefined;
  } & StatusLists["counts"];
  /** What was read from the saved copies and written to them. */
  readonly saved: Readonly<SavedCopies["counts"]>;
  /** Refused tokens since the start, by reason. */
  readonly refusals: Readonly<Partial<Record<Reason, number>>>;
}

interface Following {
  readonly endpoints: Endpoints;
  readonly keys: KeyCache;
  readonly lists: StatusLists | undefined;
  readonly terms: Terms;
}

/** Verifies the access tokens of one issuer for one audience.
 *
 * Throws TypeError if the issuer is not https and not on loopback, and neither `reachedAt` nor `endpoints` is given.
 */
export class Verifier {
  readonly audience: string;
  readonly issuer: string;
  /** The algorithms of DPoP proofs that the policy allows. */
  readonly proofAlgorithms: readonly string[];
  readonly #options: Options;
  readonly #around: Surroundings;
  readonly #policy: Policy;
  readonly #refusals: Partial<Record<Reason, number>> = {};
  readonly #saved: SavedCopies;
  readonly #spentProofs = new SpentProofs();
  #loading: Promise<void> | undefined;
  #following: Following | undefined;
  #verified: { published: PublishedKeys; tokens: VerifiedTokens } | undefined;
  #discovering: Promise<boolean> | undefined;
  #running: AbortController | undefined;
  #problem = "";

  constructor(options: Options) {
    if (options.reachedAt === undefined && options.endpoints === undefined) checkIssuer(options.issuer);
    this.issuer = options.issuer;
    this.audience = options.audience;
    this.#options = options;
    this.#around = { ...OWN, ...options.around };
    this.#policy = options.policy ?? {};
    this.#saved = new SavedCopies(options.saved, this.#around.log);
    const { proofAlgorithms } = termsOf(this.issuer, this.audience, "", this.#policy); // throws if it cannot work
    this.proofAlgorithms = [...proofAlgorithms].sort();
    if (options.endpoints !== undefined) this.#following = this.#follow(options.endpoints);
  }

  /** A verifier that fetches in the background from now on. It does not wait for the issuer. */
  static start(options: Options): Verifier {
    const verifier = new Verifier(options);
    verifier.start();
    return verifier;
  }

  /** Begin to fetch in the background. It keeps no process from ending. Starting twice changes nothing. */
  start(): void {
    if (this.#running !== undefined) return;
    this.#running = new AbortController();
    void this.#run(this.#running.signal);
  }

  /** Stop fetching. What is in memory stays, and gets old. */
  stop(): void {
    this.#running?.abort();
    this.#running = undefined;
  }

  /** The claims of a bearer token that is valid and not revoked. It waits for no network.
   *
   * A token that is bound to a key is refused: see `verifyDpop`.
   *
   * `whenStale` replaces the policy's, for a request that may read with stale status lists but not write.
   *
   * Throws Refused, with its reason. If the key is unknown, it is looked for in the background.
   */
  async verify(text: string, whenStale?: WhenStale): Promise<AccessToken> {
    return await this.#verifyNow(text, undefined, whenStale);
  }

  /** As `verify`, for a token that is bound to a key, and the proof of possession beside it (RFC 9449 §7.1).
   *
   * `proof` is the value of the request's one DPoP header. `url` is the request's, as its client knows it. Its origin comes
   * from your settings, not from the Host header: whoever replays a proof can choose that. The proof is checked each
   * time, whether the token was seen before or not. Each proof is accepted once per process.
   *
   * Throws Refused. Reasons of the proof begin with `proof-`.
   */
  async verifyDpop(
    text: string,
    proof: string,
    method: string,
    url: string,
    whenStale?: WhenStale,
  ): Promise<AccessToken> {
    return await this.#verifyNow(text, { text: proof, method, url }, whenStale);
  }

  /** The same; if the key is unknown, it waits at most a second for one fetch, which all such requests share.
   *
   * `proof` is that of a token which came with the scheme DPoP; undefined: it came with the scheme Bearer.
   */
  async verifyOrWait(text: string, whenStale?: WhenStale, proof?: dpop.Proof): Promise<AccessToken> {
    try {
      return await this.#verify(text, proof, whenStale).catch(async (error: unknown) => {
        if (error instanceof UnknownKey && (await this.#following?.keys.learn(error.kid))) {
          return await this.#verify(text, proof, whenStale);
        }
        throw error;
      });
    } catch (error) {
      throw this.#counted(error);
    }
  }

  /** Whether the person signed in within so many seconds (RFC 9470). A service's own token always passes: the service
   * authenticated itself to get it.
   */
  hasRecentSignIn(token: AccessToken, seconds: number): boolean {
    if (token.isOfService) return true;
    const age = this.#around.clock() - (token.authTime ?? -Infinity);
    return age >= -SIGN_IN_LEEWAY && age <= seconds; // a sign-in of the future has an unknown age
  }

  /** Fetch everything once: metadata if they are not known, keys, status lists. False if something failed.
   *
   * For runtimes without background work, such as workers. Elsewhere `start` does it.
   */
  async refresh(): Promise<boolean> {
    await this.#load();
    if (!(await this.#find()) || this.#following === undefined) return false;
    const succeeded = await refreshed(this.#following);
    await this.#following.keys.save();
    return succeeded;
  }

  /** Whether tokens can be verified: there are keys and, if the issuer has any, status lists. */
  get isReady(): boolean {
    const { keys, lists } = this.#following ?? {};
    try {
      return keys?.current !== undefined && (lists === undefined || lists.isReady);
    } catch {
      return false;
    }
  }

  /** Why the issuer's metadata could not be used, in words for its operator; empty if they could. */
  get problem(): string {
    return this.#problem;
  }

  report(): Report {
    const { keys, lists } = this.#following ?? {};
    const held = lists?.held ?? [];
    const now = this.#around.clock();
    const age = held.length === 0 ? undefined : Math.max(0, ...held.map(({ iat }) => now - iat));
    return {
      keys: {
        ...(keys?.counts ?? { changed: 0, unchanged: 0, failed: 0, unknownKids: 0 }),
        kids: [...(keys?.held?.accessTokens.keys() ?? [])],
        age: keys?.age,
      },
      statusLists: { ...(lists?.counts ?? NO_LIST_COUNTS), held, age },
      saved: { ...this.#saved.counts },
      refusals: { ...this.#refusals },
    };
  }

  async #verifyNow(
    text: string,
    proof: dpop.Proof | undefined,
    whenStale: WhenStale | undefined,
  ): Promise<AccessToken> {
    return await this.#verify(text, proof, whenStale).catch((error: unknown) => {
      if (error instanceof UnknownKey) void this.#following?.keys.learn(error.kid);
      throw this.#counted(error);
    });
  }

  async #verify(text: string, proof: dpop.Proof | undefined, whenStale: WhenStale | undefined): Promise<AccessToken> {
    const following = this.#following;
    if (following === undefined) throw new Refused("keys-unavailable", "the issuer's keys are not known at the moment");
    const published = following.keys.current;
    if (this.#verified?.published !== published) {
      this.#verified = { published, tokens: new VerifiedTokens(published.accessTokens, following.terms) };
    }
    const now = this.#around.clock();
    const token = await this.#verified.tokens.verify(text, now);
    if (proof === undefined) refuseBound(token);
    const isStale = following.lists?.check(token, now) === "stale";
    if (isStale && (whenStale ?? this.#policy.whenStale ?? "refuse") === "refuse") {
      throw new Refused("status-stale", "the issuer's status lists are too old");
    }
    if (proof !== undefined) await this.#checkProof(proof, text, token, following.terms, now);
    return token;
  }

  /** Last, so that a proof that came with a token that is refused may come again. */
  async #checkProof(proof: dpop.Proof, text: string, token: AccessToken, terms: Terms, now: number): Promise<void> {
    if (token.jkt === undefined)
      throw new Refused("not-bound", "the token is bound to no key, so it is a bearer token");
    const { name, iat } = await dpop.verify(proof, text, token.jkt, terms, now);
    if (!this.#spentProofs.spend(name, iat, now, terms.proofMaxAge)) {
      throw new Refused("proof-replayed", "the DPoP proof was used before");
    }
  }

  #counted(error: unknown): unknown {
    if (error instanceof Refused) this.#refusals[error.reason] = (this.#refusals[error.reason] ?? 0) + 1;
    return error;
  }

  /** The address at which a public one is reached from here. */
  readonly #address = (url: string): string => {
    const [inside, origin] = [this.#options.reachedAt?.replace(/\/+$/, ""), new URL(this.issuer).origin];
    const isInside = inside !== undefined && (url === origin || url.startsWith(`${origin}/`));
    return isInside ? inside + url.slice(origin.length) : url;
  };

  #follow(endpoints: Endpoints): Following {
    const { jwksUri, statusLists } = endpoints;
    const { times = {} } = this.#options;
    const keys = new KeyCache(this.#address(jwksUri), { ...KEY_TIMES, ...times.keys }, this.#saved, this.#around);
    const listTimes = { ...LIST_TIMES, ...times.lists };
    const lists =
      statusLists === undefined
        ? undefined
        : new StatusLists(statusLists, this.#address(statusLists), keys, listTimes, this.#saved, this.#around);
    return { endpoints, keys, lists, terms: termsOf(this.issuer, this.audience, lists?.prefix ?? "", this.#policy) };
  }

  /** Fetch until stopped; begin anew if the issuer's metadata name other endpoints. */
  async #run(signal: AbortSignal): Promise<void> {
    await this.#load();
    const isFromCopy = this.#following !== undefined;
    for (let failures = 0; !(await this.#find()); failures += 1) {
      await sleep(jittered(Math.min(FIRST_RETRY * 2 ** Math.min(failures, 8), LAST_RETRY), 0.5, 1), signal);
      if (signal.aborted) return;
    }
    for (let isOld = isFromCopy; !signal.aborted && this.#following !== undefined; isOld = false) {
      const { keys, lists } = this.#following;
      const stop = new AbortController();
      const end = (): void => stop.abort();
      signal.addEventListener("abort", end);
      void Promise.all([
        keys.run(stop.signal),
        lists?.run(stop.signal),
        lists && this.#followHints(lists, stop.signal),
      ]);
      await this.#findOthers(isOld, signal);
      signal.removeEventListener("abort", end);
      end();
    }
  }

  /** Wait until the metadata name other endpoints, whose documents can be fetched, or until stopped. */
  async #findOthers(isOld: boolean, signal: AbortSignal): Promise<void> {
    const interval = this.#options.times?.metadata ?? METADATA_INTERVAL;
    let pause = isOld ? 0 : interval;
    while (!signal.aborted) {
      await sleep(jittered(pause, 0.9, 1.1), signal);
      pause = interval;
      if (signal.aborted || this.#options.endpoints !== undefined) continue;
      const found = await this.#fetchEndpoints();
      if (areSame(found, this.#following?.endpoints)) continue;
      const others = found && this.#follow(found);
      if (others !== undefined && (await refreshed(others))) {
        this.#following = others;
        return;
      }
      pause = Math.min(interval, LAST_RETRY); // until then what works goes on
    }
  }

  async #followHints(lists: StatusLists, signal: AbortSignal): Promise<void> {
    if (this.#options.hints === undefined) return;
    const hint = (uri: string, version: number): void => lists.hint(uri, version, signal);
    const times = { ...HINT_TIMES, ...this.#options.times?.hints };
    await follow(this.#options.hints, hint, times, this.#around, signal);
  }

  /** Find the endpoints, unless they are known. Two attempts never run at once. */
  async #find(): Promise<boolean> {
    if (this.#following !== undefined) return true;
    this.#discovering ??= this.#discover().finally(() => (this.#discovering = undefined));
    return await this.#discovering;
  }

  async #discover(): Promise<boolean> {
    const endpoints = await this.#fetchEndpoints();
    if (endpoints !== undefined) this.#following = this.#follow(endpoints);
    return endpoints !== undefined;
  }

  async #fetchEndpoints(): Promise<Endpoints | undefined> {
    try {
      const endpoints = await discover(this.issuer, this.#options.alsoAt ?? [], this.#address, this.#around);
      this.#problem = "";
      await this.#saved.keepMetadata(this.issuer, endpoints);
      return endpoints;
    } catch (error) {
      const problem = error instanceof Error ? error.message : "unknown";
      if (problem !== this.#problem) this.#around.log.warn(`the metadata cannot be used: ${problem}`);
      this.#problem = problem;
      return undefined;
    }
  }

  /** Begin with the saved copies, once. */
  #load(): Promise<void> {
    this.#loading ??= (async () => {
      if (!this.#saved.isOn) return;
      const endpoints =
        this.#options.endpoints ?? (await this.#saved.metadata(this.issuer, this.#options.alsoAt ?? []));
      if (endpoints === undefined) return;
      this.#following ??= this.#follow(endpoints);
      await this.#following.keys.load();
      await this.#following.lists?.load();
    })();
    return this.#loading;
  }
}

/** Fetch keys and lists once. False if something failed. */
async function refreshed({ keys, lists }: Following): Promise<boolean> {
  const haveKeys = await keys.refresh();
  if (keys.held === undefined) return false; // without keys no list can be verified
  return ((await lists?.refresh()) ?? true) && haveKeys;
}

function areSame(one: Endpoints | undefined, other: Endpoints | undefined): boolean {
  return one !== undefined && one.jwksUri === other?.jwksUri && one.statusLists === other.statusLists;
}
