// Verify access tokens (RFC 9068) offline: no request waits for the network, and revoked tokens are refused in seconds.
//
//     import { Refused, Verifier } from "atjwt";
//
//     const verifier = Verifier.start({ issuer: "https://id.example.com", audience: "https://api.example.com" });
//     const token = await verifier.verify(text); // throws Refused
//
// What this file exports is the public interface; everything else may change.

export { type AccessToken, type Actor, type StatusReference } from "./access-token.ts";
export { type Algorithm } from "./algorithms.ts";
export { type Credentials, Denied, type Needs, Protection, type Settings } from "./bearer.ts";
export { type Proof } from "./dpop.ts";
export { type Endpoints } from "./discovery.ts";
export { type Policy, type WhenStale } from "./policy.ts";
export { type Reason, REASONS, Refused, UnknownKey } from "./refusals.ts";
export { type Store } from "./store.ts";
export { type Log, type Surroundings } from "./surroundings.ts";
export { type Options, type Report, Verifier } from "./verifier.ts";
