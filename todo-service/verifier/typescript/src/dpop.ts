// DPoP proofs (RFC 9449 §4): JWTs by which a client shows, for one request, that it holds the key of its token.
//
// Whether a proof was used before is for SpentProofs to say (spent-proofs.ts).

import { base64url } from "jose";
import { type VerificationKey } from "./algorithms.ts";
import { checkSignature, decodeSegment, getTime, hasLength, parseObject, split } from "./jws.ts";
import { parsePublicKey, UnusableKey } from "./key-set.ts";
import { type Terms } from "./policy.ts";
import { type Reason, Refused } from "./refusals.ts";
import { isObject, type Members } from "./strict-json.ts";

const TYPE = "dpop+jwt";
const MAX_LENGTH = 8192;
const MAX_HEADER_LENGTH = 2048; // an RSA key of 8192 bits has 1368 characters in base64url, twice encoded 1824
const MAX_JTI_LENGTH = 255;
const MOST_HEADERS = 1024; // remembered ones: a client's proofs have the same header, with its key
const PORTS: Readonly<Record<string, string>> = { https: "443", http: "80" };
const URL_PARTS = /^(https?):\/\/(\[[0-9a-f:.]+\]|[^/?#@:[\]\\]+)(?::([0-9]{0,5}))?(\/[^?#]*)?(?:[?#][\x21-\x7e]*)?$/i;
const PRINTABLE = /^[\x21-\x7e]*$/;
const UNRESERVED = /^[A-Za-z0-9._~-]$/;

/** A proof, and the request that it came with.
 *
 * `text` is the value of the request's one DPoP header. `url` is the public URL of the request, as its client knows it. Its
 * origin comes from your settings, not from the Host header: whoever replays a proof can choose that.
 */
export interface Proof {
  readonly text: string;
  readonly method: string;
  readonly url: string;
}

interface Header {
  readonly alg: string;
  readonly key: VerificationKey;
  readonly thumbprint: string;
}

const headers = new Map<string, Header>();

/** Verify a proof for an access token that is bound to the key with the thumbprint `jkt` (RFC 9449 §4.3).
 *
 * Returns what is left to check, whether this proof was used before: `name` stands for its key and its `jti`. A nonce (§9)
 * is neither asked for nor looked at. Throws Refused.
 */
export async function verify(
  proof: Proof,
  token: string,
  jkt: string,
  terms: Terms,
  now: number,
): Promise<{ name: string; iat: number }> {
  const [header, payload, signature] = asProof(() => split(proof.text, MAX_LENGTH, MAX_HEADER_LENGTH));
  const { alg, key, thumbprint } = await readHeader(header);
  asProof(() => decodeSegment(signature));
  if (!terms.proofAlgorithms.has(alg) || !key.has(alg)) {
    throw new Refused("proof-wrong-algorithm", "the algorithm of the DPoP proof is not allowed");
  }
  if (thumbprint !== jkt) {
    throw new Refused("bound-to-another-key", "the token is bound to another key than that of the DPoP proof");
  }
  await checkSignature(proof.text, signature, alg, key).catch((error: unknown) => {
    if (!(error instanceof Refused)) throw error;
    throw new Refused("proof-bad-signature", "the signature of the DPoP proof is not that of its key");
  });
  const claims = asProof(() => parseObject(decodeSegment(payload)));
  checkRequest(claims, proof);
  if (claims.ath !== (await digest(token))) {
    throw new Refused("proof-wrong-hash", "the claim ath of the DPoP proof is not the token's hash");
  }
  const { jti } = claims;
  if (typeof jti !== "string" || !hasLength(jti, MAX_JTI_LENGTH)) {
    throw new Refused("proof-bad-claim", "the claim jti of the DPoP proof is missing, empty or too long");
  }
  return { name: await digest(`${jkt}.${jti}`), iat: recentTime(claims, terms, now) };
}

/** A URL without query and fragment, in the one spelling that is compared (RFC 3986 §6.2.2, §6.2.3).
 *
 * undefined: it is no absolute URL of http or https, or names a user.
 */
export function normalized(url: string): string | undefined {
  const [, scheme, host, port = "", path = "/"] = (PRINTABLE.test(url) && URL_PARTS.exec(url)) || [];
  if (scheme === undefined || host === undefined || Number(port) > 65535) return undefined;
  const known = scheme.toLowerCase();
  const number = port === "" ? "" : String(Number(port));
  const authority = host.toLowerCase() + (number === "" || number === PORTS[known] ? "" : `:${number}`);
  return `${known}://${authority}${path.replace(/%[0-9a-f]{2}/gi, respelled)}`;
}

/** An escaped character that needs no escape as itself, any other with capital letters (RFC 3986 §6.2.2). */
function respelled(escaped: string): string {
  const character = String.fromCharCode(parseInt(escaped.slice(1), 16));
  return UNRESERVED.test(character) ? character : escaped.toUpperCase();
}

/** `alg`, the public key in `jwk`, and the key's thumbprint (RFC 9449 §4.2, RFC 7638). */
async function readHeader(segment: string): Promise<Header> {
  const known = headers.get(segment);
  if (known !== undefined) return known;
  const header = asProof(() => parseObject(decodeSegment(segment)));
  const { alg, typ, jwk } = header;
  if (typeof typ !== "string" || typ.toLowerCase() !== TYPE) {
    throw new Refused("proof-wrong-type", "the DPoP proof is a JWT of another type");
  }
  if (typeof alg !== "string") {
    throw new Refused("proof-wrong-algorithm", "the algorithm of the DPoP proof is not allowed");
  }
  if ("crit" in header || "b64" in header) throw new Refused("proof-malformed", "the DPoP proof uses an extension");
  if (!isObject(jwk)) throw new Refused("proof-bad-key", "the DPoP proof has no key");
  const key = await parsePublicKey(jwk).catch((error: unknown) => {
    if (!(error instanceof UnusableKey)) throw error;
    throw new Refused("proof-bad-key", `the key of the DPoP proof is refused: ${error.message}`);
  });
  const read = { alg, key, thumbprint: await thumbprintOf(jwk) };
  if (headers.size >= MOST_HEADERS) headers.clear();
  headers.set(segment, read);
  return read;
}

/** The SHA-256 thumbprint of a public key (RFC 7638 §3.2), as in `cnf.jkt`. */
async function thumbprintOf({ kty, crv, x, y, e, n }: Members): Promise<string> {
  return await digest(JSON.stringify(kty === "EC" ? { crv, kty, x, y } : { e, kty, n }));
}

/** `htm` to the letter, `htu` after normalization (RFC 9449 §4.3). */
function checkRequest({ htm, htu }: Members, proof: Proof): void {
  if (typeof htm !== "string" || typeof htu !== "string") {
    throw new Refused("proof-bad-claim", "the DPoP proof names no method or no URL");
  }
  if (htm !== proof.method) throw new Refused("proof-for-another-request", "the DPoP proof is for another method");
  const named = normalized(htu);
  if (named === undefined || named !== normalized(proof.url)) {
    throw new Refused("proof-for-another-request", "the DPoP proof is for another URL");
  }
}

/** `iat`, which must be recent; it may also be a little in the future (RFC 9449 §11.1). */
function recentTime(claims: Members, { proofMaxAge }: Terms, now: number): number {
  const time = (name: string): number =>
    asProof(() => getTime(claims, name), "proof-bad-claim", "a time of the DPoP proof is missing or malformed");
  const iat = time("iat");
  if (("exp" in claims && now >= time("exp")) || Math.abs(now - iat) > proofMaxAge) {
    const message = `the DPoP proof was not made within ${proofMaxAge} seconds of now; compare the clocks`;
    throw new Refused("proof-not-recent", message);
  }
  return iat;
}

/** What `read` returns; what it refuses of a token is said of the proof. */
function asProof<Value>(
  read: () => Value,
  reason: Reason = "proof-malformed",
  message = "the DPoP proof is not a JWT",
): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof Refused) throw new Refused(reason, message);
    throw error;
  }
}

async function digest(text: string): Promise<string> {
  return base64url.encode(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));
}
