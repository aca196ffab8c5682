// One Status List Token as a value (draft-ietf-oauth-status-list): verified, inflated, read bit by bit.
//
// A list has one bit per token: a set bit means revoked, for ever. A list must be signed by a key that the issuer
// publishes for status lists (key-set.ts).

import { ALGORITHMS, type Keys } from "./algorithms.ts";
import { decode } from "./base64url.ts";
import * as jws from "./jws.ts";
import { Refused, UnknownKey } from "./refusals.ts";
import { hasInteger, isObject, type Members, parse } from "./strict-json.ts";

export const MAX_OCTETS = 2 ** 20 / 8; // a million tokens
export const MAX_LENGTH = 256 * 1024; // of the JWT
export const MAX_AGGREGATION_LENGTH = 16 * 1024;
export const MAX_LISTS = 64;
export const MEDIA_TYPE = "application/statuslist+jwt";
const TYPES = ["statuslist+jwt", MEDIA_TYPE];
const NAME = /^[A-Za-z0-9_-]{1,64}$/;
const ANY_ALGORITHM: ReadonlySet<string> = new Set(ALGORITHMS);

// All in seconds. A list is signed at least once a minute, and two clocks may be a minute apart.
export const LAGGING_AFTER = 120;
const LEEWAY = 60;
const MAX_LIFETIME = 60 * 60;

/** The document is refused. The list in memory stays. The message never quotes the document. */
export class UnusableStatusList extends Error {
  override readonly name: string = "UnusableStatusList";
}

/** The list is signed by a key that the issuer does not publish for status lists. */
export class UnknownStatusKey extends UnusableStatusList {
  override readonly name = "UnknownStatusKey";
  readonly kid: string;

  constructor(kid: string) {
    super("the issuer does not publish its key for status lists");
    this.kid = kid;
  }
}

/** A verified list. `kid` names the key that signed it; `version` says how often the issuer has changed the list.
 * `document` is the signed list itself, for a saved copy.
 */
export interface StatusList {
  readonly uri: string;
  readonly statuses: Uint8Array;
  readonly iat: number;
  readonly kid: string;
  readonly version: number;
  readonly document: string;
}

/** Whether the token with this index is revoked; undefined if the index is behind the end of the list.
 *
 * Bits count from the least significant one (§4.1).
 */
export function isSet(list: StatusList, index: number): boolean | undefined {
  const octet = list.statuses[Math.floor(index / 8)];
  return octet === undefined ? undefined : ((octet >> (index % 8)) & 1) === 1;
}

/** The meaning of a list's age for a token: see `freshness`. */
export type Freshness = "live" | "lagging" | "stale";

/** Live up to two minutes of age, stale beyond `tokenTtl` seconds, otherwise lagging. Also stale: a list from the future,
 * signed before a clock was set back, since its age is unknown.
 *
 * The age counts from the signed `iat`; cache headers are not signed and do not count. A stale list is older than the
 * token's whole life: every token that it marks has expired, so it says nothing about tokens that are valid.
 */
export function freshness(list: StatusList, now: number, tokenTtl: number): Freshness {
  const age = now - list.iat;
  if (age > tokenTtl || isFromFuture(list, now)) return "stale";
  return age <= LAGGING_AFTER ? "live" : "lagging";
}

export function isFromFuture({ iat }: { iat: number }, now: number): boolean {
  return iat > now + LEEWAY;
}

/** `list`, with the bits that are set in `held` as well.
 *
 * The issuer never uses an index twice, so a set bit stays set. A node of the issuer that lags behind others must not make
 * a revoked token valid again.
 */
export function succeeding(list: StatusList, held: StatusList): StatusList {
  const [longer, shorter] =
    list.statuses.length < held.statuses.length ? [held.statuses, list.statuses] : [list.statuses, held.statuses];
  const statuses = longer.slice();
  shorter.forEach((octet, index) => (statuses[index] = (statuses[index] ?? 0) | octet));
  return { ...list, statuses, version: Math.max(list.version, held.version) };
}

/** A list that was just fetched from `uri` (§8.3). `now` is in seconds since the epoch.
 *
 * Throws UnknownStatusKey if its key is not among `keys`, as there may be newer keys; UnusableStatusList if anything else
 * is wrong.
 */
export async function verify(token: string, uri: string, keys: Keys, now: number): Promise<StatusList> {
  const [list, exp] = await read(token, uri, keys, now);
  if (exp !== undefined && now >= exp + LEEWAY) throw new UnusableStatusList("it has expired");
  return list;
}

/** A list from a saved copy, verified again. It may have expired: `freshness` judges its age. */
export async function restore(token: string, uri: string, keys: Keys, now: number): Promise<StatusList> {
  const [list] = await read(token, uri, keys, now);
  return list;
}

async function read(
  token: string,
  uri: string,
  keys: Keys,
  now: number,
): Promise<readonly [list: StatusList, exp: number | undefined]> {
  const { kid, claims, iat, exp, ttl } = await readSigned(token, keys);
  if (claims.sub !== uri) throw new UnusableStatusList("it is another list");
  if (isFromFuture({ iat }, now)) throw new UnusableStatusList("it is from the future");
  if (ttl === 0 || (exp !== undefined && !(iat < exp && exp <= iat + MAX_LIFETIME))) {
    throw new UnusableStatusList("its lifetime is zero, negative or too long");
  }
  const statuses = await inflate(claims.status_list);
  return [{ uri, statuses, iat, kid, version: versionOf(claims, statuses), document: token }, exp];
}

async function readSigned(token: string, keys: Keys) {
  try {
    const { kid, claims } = await jws.verify(token, {
      types: TYPES,
      keys,
      maxLength: MAX_LENGTH,
      algorithms: ANY_ALGORITHM,
    });
    const time = (name: string): number | undefined => (name in claims ? jws.getTime(claims, name) : undefined);
    return { kid, claims, iat: jws.getTime(claims, "iat"), exp: time("exp"), ttl: time("ttl") };
  } catch (error) {
    if (error instanceof UnknownKey) throw new UnknownStatusKey(error.kid);
    if (error instanceof Refused) throw new UnusableStatusList(error.message);
    throw error;
  }
}

/** The version that the issuer states, otherwise the number of revoked tokens: no bit is ever cleared. */
function versionOf(claims: Members, statuses: Uint8Array): number {
  if (hasInteger(claims, "version") && claims.version >= 0 && claims.version < 2 ** 31) return claims.version;
  let set = 0;
  for (let octet of statuses) for (; octet > 0; octet >>= 1) set += octet & 1;
  return set;
}

/** The octets of `lst` (§4.2). Inflating stops at MAX_OCTETS, so a small document cannot fill the memory. */
async function inflate(statusList: unknown): Promise<Uint8Array> {
  if (!isObject(statusList) || !hasInteger(statusList, "bits") || statusList.bits !== 1) {
    throw new UnusableStatusList("it is not a list with one bit per token");
  }
  const compressed = typeof statusList.lst === "string" ? decode(statusList.lst) : undefined;
  const statuses = compressed && (await inflateBounded(compressed));
  if (compressed === undefined || statuses === undefined) {
    throw new UnusableStatusList("it is not compressed with zlib, or not base64url");
  }
  // The format ends with a checksum (RFC 1950 §2.2). Not every runtime refuses what follows it.
  const end = new DataView(compressed.buffer, compressed.byteOffset + compressed.length - 4).getUint32(0);
  if (statuses.length === 0 || end !== adler32(statuses)) {
    throw new UnusableStatusList("it is empty or truncated, or something follows it");
  }
  return statuses;
}

/** The inflated octets; undefined if the input is not in zlib's format. Throws UnusableStatusList if they are too many. */
async function inflateBounded(compressed: Uint8Array): Promise<Uint8Array | undefined> {
  const inflating = new Blob([new Uint8Array(compressed)]).stream().pipeThrough(new DecompressionStream("deflate"));
  const statuses = new Uint8Array(MAX_OCTETS);
  let length = 0;
  const reader = inflating.getReader();
  for (;;) {
    const chunk = await reader.read().catch(() => undefined);
    if (chunk === undefined) return undefined;
    if (chunk.done) return statuses.slice(0, length);
    if (length + chunk.value.length > MAX_OCTETS) {
      await reader.cancel().catch(() => undefined);
      throw new UnusableStatusList("it is too large");
    }
    statuses.set(chunk.value, length);
    length += chunk.value.length;
  }
}

function adler32(octets: Uint8Array): number {
  let [a, b] = [1, 0];
  for (const octet of octets) {
    a = (a + octet) % 65521;
    b = (b + a) % 65521;
  }
  return b * 65536 + a;
}

/** The URIs of all lists (§9.3), each directly under `prefix`.
 *
 * Throws UnusableStatusList: too large, malformed, no list, too many lists, or a list that is not under `prefix`.
 */
export function parseAggregation(document: Uint8Array, prefix: string): readonly string[] {
  if (document.length > MAX_AGGREGATION_LENGTH) throw new UnusableStatusList("the aggregation is too large");
  let parsed: unknown;
  try {
    parsed = parse(document, 4);
  } catch {
    throw new UnusableStatusList("the aggregation is not JSON");
  }
  const uris: unknown = isObject(parsed) ? parsed.status_lists : undefined;
  if (!Array.isArray(uris) || uris.length === 0 || uris.length > MAX_LISTS) {
    throw new UnusableStatusList(`the aggregation does not name 1 to ${MAX_LISTS} status lists`);
  }
  if (!uris.every((uri) => typeof uri === "string" && isUnder(uri, prefix))) {
    throw new UnusableStatusList("the aggregation names a list that is not at the issuer's address");
  }
  return [...new Set(uris as string[])];
}

/** Whether a list is directly under the prefix: one more path segment, no dots, no query. */
export function isUnder(uri: string, prefix: string): boolean {
  return uri.startsWith(prefix) && NAME.test(uri.slice(prefix.length));
}
