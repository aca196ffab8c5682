// The issuer's keys as an immutable value, read from a JWK Set (RFC 7517).

import { base64url, importJWK, type JWK } from "jose";
import { type Algorithm, type Keys, OF_P256, OF_RSA, type VerificationKey } from "./algorithms.ts";
import { decode } from "./base64url.ts";
import { hasLength, MAX_KID_LENGTH } from "./jws.ts";
import { isObject, type Members, parse } from "./strict-json.ts";

export const MAX_LENGTH = 64 * 1024; // octets
export const MAX_KEYS = 32;
const MAX_DEPTH = 8;
const MIN_MODULUS_BITS = 2048;
const MAX_MODULUS_BITS = 8192; // verifying costs more with a longer modulus, and with a longer exponent
const MIN_EXPONENT = 65537;
const MAX_EXPONENT = 2 ** 32 - 1;
const P256_OCTETS = 32;
const P256 = {
  p: 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn,
  b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
} as const;
const STATUS_LIST = "statuslist+jwt"; // value of `signs`
// Characters: the largest allowed number in base64url; for an RSA key also with a leading zero octet.
const MAX_LENGTHS = { n: 1368, e: 8, x: 43, y: 43 } as const;
const PRIVATE_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/** The document is refused as a whole. The keys in memory stay. */
export class UnusableKeySet extends Error {
  override readonly name = "UnusableKeySet";
}

/** The usable keys by `kid`: one table for access tokens, one for status lists.
 *
 * A JWK with the member `signs` (this issuer's own; its value is the `typ` of a status list) verifies status lists only,
 * and a JWK without it everything else. So a stolen key of one kind is useless for the other. If no key of the set has
 * the member, each verifies both.
 */
export interface PublishedKeys {
  readonly accessTokens: Keys;
  readonly statusLists: Keys;
}

export type Warn = (message: string) => void;

/** The usable keys of a JWK Set. A bad key is skipped with a warning; the other keys stay usable.
 *
 * Throws UnusableKeySet: too large, not a JWK Set, too many keys, or no usable key for access tokens.
 */
export async function parseKeys(document: Uint8Array, warn: Warn): Promise<PublishedKeys> {
  if (document.length > MAX_LENGTH) throw new UnusableKeySet("the key set is larger than 64 KiB");
  const entries = readEntries(document);
  const accessTokens = new Map<string, VerificationKey>();
  const statusLists = new Map<string, VerificationKey>();
  for (const entry of entries) {
    try {
      const { signs, kid, key } = await parseKey(entry);
      if (accessTokens.has(kid) || statusLists.has(kid)) continue;
      (signs === undefined ? accessTokens : statusLists).set(kid, key);
    } catch (error) {
      if (!(error instanceof UnusableKey)) throw error;
      warn(`a key of the issuer is skipped: ${error.message}`);
    }
  }
  if (accessTokens.size === 0) throw new UnusableKeySet("no key of the key set is usable");
  const areApart = entries.some((entry) => isObject(entry) && "signs" in entry);
  return { accessTokens, statusLists: areApart ? statusLists : accessTokens };
}

/** One key is refused. The message does not quote it. */
export class UnusableKey extends Error {}

function readEntries(document: Uint8Array): unknown[] {
  let parsed: unknown;
  try {
    parsed = parse(document, MAX_DEPTH);
  } catch (error) {
    throw new UnusableKeySet(`the key set is ${error instanceof Error ? error.message : "malformed"}`);
  }
  const entries = isObject(parsed) ? parsed.keys : undefined;
  if (!Array.isArray(entries) || entries.length > MAX_KEYS) {
    throw new UnusableKeySet(`the key set has no list of at most ${MAX_KEYS} keys`);
  }
  return entries;
}

async function parseKey(
  entry: unknown,
): Promise<{ signs: typeof STATUS_LIST | undefined; kid: string; key: VerificationKey }> {
  if (!isObject(entry)) throw new UnusableKey("it is not an object");
  const key = await parsePublicKey(entry);
  const { kid, signs } = entry;
  if (typeof kid !== "string" || !hasLength(kid, MAX_KID_LENGTH)) throw new UnusableKey("it has no usable kid");
  if ("signs" in entry && signs !== STATUS_LIST) throw new UnusableKey("its member signs has an unknown value");
  return { signs: signs as typeof STATUS_LIST | undefined, kid, key };
}

/** A public key of RSA or on P-256, for the algorithms that its JWK allows.
 *
 * Throws UnusableKey: it is private, symmetric, too weak, too large, or for something else.
 */
export async function parsePublicKey(jwk: Members): Promise<VerificationKey> {
  if (PRIVATE_MEMBERS.some((member) => member in jwk)) {
    throw new UnusableKey("it has private members; whoever published it must withdraw it");
  }
  const algorithms = algorithmsOf(jwk);
  const members = algorithms.every((each) => OF_RSA.includes(each)) ? rsaMembers(jwk) : p256Members(jwk);
  return await importKey(members, algorithms);
}

/** What the JWK allows (RFC 7517 §4). A missing `use`, `alg` or `key_ops` allows all that fit the key's type. */
function algorithmsOf(entry: Members): readonly Algorithm[] {
  const fitting = entry.kty === "RSA" ? OF_RSA : entry.kty === "EC" && entry.crv === "P-256" ? OF_P256 : [];
  const named = fitting.filter((each) => !("alg" in entry) || entry.alg === each);
  const operations = "key_ops" in entry ? entry.key_ops : ["verify"];
  const isForSignatures = !("use" in entry) || entry.use === "sig";
  if (named.length === 0 || !isForSignatures || !Array.isArray(operations) || !operations.includes("verify")) {
    throw new UnusableKey("it is not for RS256, PS256 or ES256 signatures");
  }
  return named;
}

function rsaMembers(entry: Members): JsonWebKey {
  const [n, e] = [octetsOf(entry, "n"), octetsOf(entry, "e")];
  const bits = n.length === 0 ? 0 : 8 * n.length - Math.clz32(n[0] ?? 0) + 24;
  const exponent = e.reduce((number, octet) => number * 256 + octet, 0);
  const areOdd = ((n.at(-1) ?? 0) & (e.at(-1) ?? 0) & 1) === 1;
  if (bits < MIN_MODULUS_BITS || exponent < MIN_EXPONENT || !areOdd) throw new UnusableKey("it is too weak");
  if (bits > MAX_MODULUS_BITS || exponent > MAX_EXPONENT) throw new UnusableKey("it is too large");
  return { kty: "RSA", n: encode(n), e: encode(e) };
}

/** Throws UnusableKey, too, if the point is not on the curve: Deno imports such a key. */
function p256Members(entry: Members): JsonWebKey {
  const [x, y] = [octetsOf(entry, "x"), octetsOf(entry, "y")];
  if (!isOnP256(numberOf(x), numberOf(y))) throw new UnusableKey("it is not a point on its curve");
  return { kty: "EC", crv: "P-256", x: encode(padded(x)), y: encode(padded(y)) };
}

/** SEC 1 §3.2.2.1: both coordinates are below p, and y² = x³ - 3x + b (mod p). */
function isOnP256(x: bigint, y: bigint): boolean {
  return x < P256.p && y < P256.p && (y * y - (x * x * x - 3n * x + P256.b)) % P256.p === 0n;
}

function numberOf(octets: Uint8Array): bigint {
  return octets.reduce((number, octet) => number * 256n + BigInt(octet), 0n);
}

/** A number in base64url (RFC 7518 §6), without leading zero octets. Its length is checked before it is decoded. */
function octetsOf(entry: Members, name: keyof typeof MAX_LENGTHS): Uint8Array {
  const value = entry[name];
  if (typeof value !== "string") throw new UnusableKey(`its member ${name} is not a string of base64url`);
  if (value.length > MAX_LENGTHS[name]) throw new UnusableKey("it is too large");
  const octets = decode(value);
  if (octets === undefined) throw new UnusableKey(`its member ${name} is not base64url`);
  const first = octets.findIndex((octet) => octet !== 0);
  return first < 0 ? new Uint8Array() : octets.subarray(first);
}

/** A coordinate has exactly 32 octets (RFC 7518 §6.2.1.2). Some issuers leave leading zeros out. */
function padded(coordinate: Uint8Array): Uint8Array {
  const octets = new Uint8Array(P256_OCTETS);
  octets.set(coordinate, P256_OCTETS - coordinate.length);
  return octets;
}

const encode = base64url.encode;

async function importKey(members: JsonWebKey, algorithms: readonly Algorithm[]): Promise<VerificationKey> {
  const keys = new Map<string, CryptoKey>();
  for (const algorithm of algorithms) {
    try {
      const key = await importJWK(members as JWK, algorithm);
      if (key instanceof Uint8Array) throw new UnusableKey("it is symmetric");
      keys.set(algorithm, key);
    } catch {
      throw new UnusableKey("it is not a key on its curve, or not a key at all");
    }
  }
  return keys;
}
