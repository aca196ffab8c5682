// What a service decides about the tokens that it accepts; everything else is in RFC 9068.

import { ALGORITHMS, type Algorithm } from "./algorithms.ts";

export interface Policy {
  /** For `exp`, `iat` and `nbf`: how far two clocks may be apart. Seconds, 60 by default. */
  leeway?: number;
  /** Longest time from `iat` to `exp`. Seconds, 24 hours by default. */
  tokenMaxAge?: number;
  /** Some of RS256, PS256 and ES256; all three by default. */
  algorithms?: readonly Algorithm[];
  /** Whether a person's token must name a status list, so that it can be revoked. False by default. */
  requiresStatus?: boolean;
  /** A token whose status list is older than the token's whole life: nobody knows if it is revoked. Default: refuse. */
  whenStale?: WhenStale;
  /** How far the `iat` of a DPoP proof may be from now. Seconds, 30 by default. */
  proofMaxAge?: number;
  /** Of DPoP proofs: some of RS256, PS256 and ES256; all three by default. */
  proofAlgorithms?: readonly Algorithm[];
}

export type WhenStale = "accept" | "refuse";

/** What a token is checked against. */
export interface Terms {
  issuer: string;
  audience: string;
  /** Prefix of the URIs of all status lists; empty: no token may name a list. */
  statusLists: string;
  leeway: number;
  tokenMaxAge: number;
  algorithms: ReadonlySet<string>;
  requiresStatus: boolean;
  proofMaxAge: number;
  proofAlgorithms: ReadonlySet<string>;
}

/** Throws TypeError if the policy names no algorithm, or another one. */
export function termsOf(issuer: string, audience: string, statusLists: string, policy: Policy): Terms {
  return {
    issuer,
    audience,
    statusLists,
    leeway: policy.leeway ?? 60,
    tokenMaxAge: policy.tokenMaxAge ?? 24 * 60 * 60,
    algorithms: checked(policy.algorithms ?? ALGORITHMS),
    requiresStatus: policy.requiresStatus ?? false,
    proofMaxAge: policy.proofMaxAge ?? 30,
    proofAlgorithms: checked(policy.proofAlgorithms ?? ALGORITHMS),
  };
}

function checked(algorithms: readonly string[]): ReadonlySet<string> {
  if (algorithms.length === 0 || !algorithms.every((each) => ALGORITHMS.some((known) => known === each))) {
    throw new TypeError(`the algorithms are some of ${ALGORITHMS.join(", ")}`);
  }
  return new Set(algorithms);
}
