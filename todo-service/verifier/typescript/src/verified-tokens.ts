// A cache of tokens verified in the last seconds, so that a client's next request costs no signature check.
//
// Only valid tokens are cached. An entry ends after ten seconds, at the token's `exp`, or with the key set: each set has a
// cache of its own. Revocation is still checked for each request.

import { type AccessToken, MAX_LENGTH, verify } from "./access-token.ts";
import { type Keys } from "./algorithms.ts";
import { type Terms } from "./policy.ts";

const ENTRY_MAX_AGE = 10; // seconds
const MOST_ENTRIES = 4096;

export class VerifiedTokens {
  readonly #keys: Keys;
  readonly #terms: Terms;
  readonly #entries = new Map<string, { beginsAt: number; endsAt: number; token: AccessToken }>();

  constructor(keys: Keys, terms: Terms) {
    this.#keys = keys;
    this.#terms = terms;
  }

  /** Returns or throws exactly what `verify` would. The token may be bound to a key. */
  async verify(text: string, now: number): Promise<AccessToken> {
    const entry = text.length > MAX_LENGTH ? undefined : this.#entries.get(text);
    if (entry !== undefined && entry.beginsAt <= now && now < entry.endsAt) return entry.token; // a clock may be set back
    const token = await verify(text, this.#keys, this.#terms, now);
    this.#remember(text, token, now);
    return token;
  }

  #remember(text: string, token: AccessToken, now: number): void {
    const endsAt = Math.min(token.exp, now + ENTRY_MAX_AGE);
    if (endsAt <= now) return; // `exp` has passed; the token is valid only because of the leeway
    this.#entries.delete(text); // a renewed entry goes to the end
    const [oldest] = this.#entries.size >= MOST_ENTRIES ? this.#entries.keys() : [];
    if (oldest !== undefined) this.#entries.delete(oldest);
    this.#entries.set(text, { beginsAt: now, endsAt, token });
  }
}
