// JWTs in the compact serialization of JWS (RFC 7515, RFC 7519), signed by one of the given keys (RFC 8725).
//
// jose verifies the signature. Everything that it would read more leniently is checked before: the form of the segments
// and the header. The payload is parsed after the signature is verified.

import { compactVerify, errors } from "jose";
import { type Keys, type VerificationKey } from "./algorithms.ts";
import { decode } from "./base64url.ts";
import { Refused, UnknownKey } from "./refusals.ts";
import { isObject, type Members, NotStrictJson, parse } from "./strict-json.ts";

export const MAX_HEADER_LENGTH = 512;
export const MAX_KID_LENGTH = 128;
const MAX_DEPTH = 8;
const MAX_TIME = 2 ** 53; // larger JSON numbers are not exact
const MOST_HEADERS = 64; // remembered ones: the headers of one key's tokens are alike
const ASCII = /^[\x00-\x7f]*$/;

interface Header {
  alg: string;
  typ: string;
  kid: string;
}

export interface Expected {
  types: readonly string[];
  keys: Keys;
  maxLength: number;
  algorithms: ReadonlySet<string>;
}

const headers = new Map<string, Header>();

/** The `kid` and the payload of a token, if its `typ` is among `types` and its signature is valid.
 *
 * Throws UnknownKey if only the key is unknown, and Refused if anything else is wrong.
 */
export async function verify(token: string, expected: Expected): Promise<{ kid: string; claims: Members }> {
  const [header, payload, signature] = split(token, expected.maxLength);
  const { alg, typ, kid } = readHeader(header);
  if (!expected.algorithms.has(alg)) throw new Refused("wrong-algorithm", "the algorithm is not allowed");
  if (!expected.types.includes(typ)) throw new Refused("wrong-type", "the token is of another type"); // RFC 8725 §3.11
  const key = expected.keys.get(kid);
  if (key === undefined) throw new UnknownKey(kid);
  await checkSignature(token, signature, alg, key);
  return { kid, claims: parseObject(decodeSegment(payload)) };
}

/** A NumericDate (RFC 7519 §2): seconds since the epoch. */
export function getTime(claims: Members, name: string): number {
  const value = claims[name];
  if (typeof value !== "number" || !(value >= 0 && value <= MAX_TIME)) {
    throw new Refused("bad-claim", "a time is missing or malformed");
  }
  return value;
}

/** The three segments of a compact JWS (RFC 7515 §3.1). A JWE, which has five, is refused. */
export function split(
  token: string,
  maxLength: number,
  maxHeaderLength = MAX_HEADER_LENGTH,
): readonly [string, string, string] {
  if (token.length > maxLength || !ASCII.test(token)) {
    throw new Refused("malformed", "the token is too long or not ASCII");
  }
  const [header, payload, signature, ...more] = token.split(".", 4);
  if (header === undefined || payload === undefined || signature === undefined || more.length > 0) {
    throw new Refused("malformed", "the token does not have three segments");
  }
  if (header.length > maxHeaderLength) throw new Refused("malformed", "the header is too long");
  return [header, payload, signature];
}

/** Throws Refused: the signature is not that of the key, or the key is not for this algorithm. */
export async function checkSignature(
  token: string,
  signature: string,
  alg: string,
  key: VerificationKey,
): Promise<void> {
  const forAlgorithm = key.get(alg);
  if (forAlgorithm === undefined) throw new Refused("wrong-algorithm", "the key is not for this algorithm");
  decodeSegment(signature);
  try {
    await compactVerify(token, forAlgorithm, { algorithms: [alg] });
  } catch (error) {
    if (error instanceof errors.JWSSignatureVerificationFailed) {
      throw new Refused("bad-signature", "the signature is not the issuer's");
    }
    if (error instanceof errors.JOSEError) throw new Refused("malformed", "the token is not a JWS");
    throw error;
  }
}

/** `alg`, `typ` in lower case, and `kid`.
 *
 * `jwk`, `jku`, `x5u` and `x5c` are ignored: keys come only from the configured address (RFC 8725 §3.10).
 */
function readHeader(segment: string): Header {
  const known = headers.get(segment);
  if (known !== undefined) return known;
  const header = parseObject(decodeSegment(segment));
  const { alg, typ, kid } = header;
  if (typeof alg !== "string") throw new Refused("wrong-algorithm", "the algorithm is not allowed");
  if ("crit" in header || "b64" in header) throw new Refused("unknown-extension", "the token uses an extension");
  if (typeof typ !== "string") throw new Refused("wrong-type", "the token is of another type");
  if (typeof kid !== "string" || !hasLength(kid, MAX_KID_LENGTH)) {
    throw new Refused("no-key-named", "the token does not name its key");
  }
  const read = { alg, typ: typ.toLowerCase(), kid };
  if (headers.size >= MOST_HEADERS) headers.clear();
  headers.set(segment, read);
  return read;
}

/** Whether a text has 1 to `most` characters, counted as Unicode code points. */
export function hasLength(text: string, most: number): boolean {
  return text.length > 0 && (text.length <= most || (text.length <= 2 * most && [...text].length <= most));
}

export function decodeSegment(segment: string): Uint8Array {
  const octets = decode(segment);
  if (octets === undefined) throw new Refused("malformed", "a segment is not base64url");
  return octets;
}

export function parseObject(octets: Uint8Array): Members {
  try {
    const value = parse(octets, MAX_DEPTH);
    if (isObject(value)) return value;
  } catch (error) {
    if (!(error instanceof NotStrictJson)) throw error;
  }
  throw new Refused("malformed", "a segment is not a JSON object");
}
