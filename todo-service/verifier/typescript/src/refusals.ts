// Why a token is refused: one class, `Refused`, with a `Reason`. Its message is one of a few fixed texts.

/** All reasons; the same as the Python package's. The last three are temporary: the same token may be good later (503).
 *
 * With each of the others the same token will be refused again (401, `invalid_token`, RFC 6750 §3.1). `unknown-key` is
 * between both: the key may have been published a moment ago. `Verifier.verifyOrWait` waits for it.
 */
export const REASONS = [
  "malformed", // longer than 8 KiB, not three segments of base64url, or not strict JSON
  "wrong-algorithm", // `alg` is not among the policy's, or is not the key's
  "wrong-type", // `typ` is not at+jwt, such as that of an ID token (RFC 9068 §4)
  "unknown-extension", // `crit` or `b64` (RFC 7515 §4.1.11)
  "no-key-named", // `kid` is missing, empty or too long
  "unknown-key", // the issuer publishes no key with this `kid`
  "bad-signature",
  "wrong-issuer",
  "wrong-audience",
  "expired",
  "not-yet-valid", // `iat` or `nbf` is in the future
  "lives-too-long", // more than the policy's `tokenMaxAge` from `iat` to `exp`
  "bad-claim", // a claim is missing, or of another form than RFC 9068 says
  "bound-to-key", // `cnf`: a bearer request does not prove possession of the key, or not in a known way
  "not-bound", // the token came with a DPoP proof, but is a bearer token
  "bound-to-another-key", // than that of the DPoP proof (RFC 9449 §7.1)
  "ambiguous-subject", // the token could be a person's and a service's (RFC 9068 §5)
  "bad-status", // `status` is not a reference to one of the issuer's status lists
  "no-status", // the policy requires that a person's token names a status list
  "revoked",
  "older-epoch", // from before the issuer's last restore from a backup
  // Of a DPoP proof (RFC 9449 §4.3), not of the token: 401, `invalid_dpop_proof`.
  "proof-malformed", // longer than 8 KiB, not three segments of base64url, or not strict JSON
  "proof-wrong-type", // `typ` is not dpop+jwt
  "proof-wrong-algorithm", // `alg` is not among the policy's, or is not the key's
  "proof-bad-key", // `jwk` is missing, private, symmetric, too weak or too large
  "proof-bad-signature",
  "proof-bad-claim", // `jti`, `htm`, `htu` or `iat` is missing or malformed
  "proof-for-another-request", // `htm` or `htu` is not the request's
  "proof-wrong-hash", // `ath` is not the token's hash: the proof is for another token
  "proof-not-recent", // `iat` is further from now than the policy's `proofMaxAge`
  "proof-replayed", // this process has accepted a proof with this key and `jti` before
  "keys-unavailable", // no key set yet, or none fetched for 24 hours
  "status-unavailable", // the token's status list is not in memory yet
  "status-stale", // the status list is older than the token's life, and the policy refuses that
] as const;

export type Reason = (typeof REASONS)[number];

const TEMPORARY: ReadonlySet<Reason> = new Set(["keys-unavailable", "status-unavailable", "status-stale"]);

/** The token is refused. The message says why to a developer; it never quotes the token. */
export class Refused extends Error {
  override readonly name: string = "Refused";
  readonly reason: Reason;

  constructor(reason: Reason, message: string) {
    super(message);
    this.reason = reason;
  }

  /** Whether nothing is known to be wrong with the token, so that it should be sent again later. */
  get isTemporary(): boolean {
    return TEMPORARY.has(this.reason);
  }

  /** The code for the challenge (RFC 6750 §3.1, RFC 9449 §7.1). */
  get error(): "invalid_token" | "invalid_dpop_proof" {
    return this.reason.startsWith("proof-") ? "invalid_dpop_proof" : "invalid_token";
  }
}

/** No known key has this `kid`. There may be newer keys. */
export class UnknownKey extends Refused {
  override readonly name = "UnknownKey";
  readonly kid: string;

  constructor(kid: string) {
    super("unknown-key", "the token names a key that the issuer does not publish");
    this.kid = kid;
  }
}
