// One Status List Token as a value (draft-ietf-oauth-status-list): verified, inflated, read bit by bit.

const NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** Whether a list is directly under the prefix: one more path segment, no dots, no query. */
export function isUnder(uri: string, prefix: string): boolean {
  return uri.startsWith(prefix) && NAME.test(uri.slice(prefix.length));
}
