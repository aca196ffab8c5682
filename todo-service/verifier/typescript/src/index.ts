// Is this access token (RFC 9068) valid? The answer comes from keys in memory, without the network.

export { type AccessToken, type Actor, type StatusReference } from "./access-token.ts";
export { type Algorithm } from "./algorithms.ts";
export { type Policy, type WhenStale } from "./policy.ts";
export { type Reason, REASONS, Refused, UnknownKey } from "./refusals.ts";
