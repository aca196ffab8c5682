// Base64url without padding (RFC 7515 §2), where each value has exactly one accepted spelling.

import { base64url } from "jose";

const ALPHABET = /^[A-Za-z0-9_-]*$/;
// The last character of a text whose length is not a multiple of 4 has unused bits, which must be 0.
const LAST: Readonly<Record<number, RegExp>> = { 0: /(?:)/, 2: /[AQgw]$/, 3: /[AEIMQUYcgkosw048]$/ };

/** The octets; undefined for any other form: padding, the other alphabet, or stray bits at the end. */
export function decode(text: string): Uint8Array | undefined {
  if (!ALPHABET.test(text) || !LAST[text.length % 4]?.test(text)) return undefined;
  return base64url.decode(text);
}
