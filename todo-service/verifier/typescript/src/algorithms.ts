// Signature algorithms (RFC 7518 §3): RS256, PS256 and ES256. Each key verifies only those that it is meant for.

export const ALGORITHMS = ["RS256", "PS256", "ES256"] as const;

export type Algorithm = (typeof ALGORITHMS)[number];

export const OF_RSA: readonly Algorithm[] = ["RS256", "PS256"];
export const OF_P256: readonly Algorithm[] = ["ES256"];

/** A public key of the issuer: one key object for each algorithm that it verifies (RFC 8725 §3.1). */
export type VerificationKey = ReadonlyMap<string, CryptoKey>;

/** The issuer's keys by `kid`. */
export type Keys = ReadonlyMap<string, VerificationKey>;
