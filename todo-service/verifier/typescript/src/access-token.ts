// Access tokens: signed JWTs as RFC 9068 describes them, verified with the given keys. No network, no clock.
//
// Whether a token is revoked changes during its life: see status-lists.ts.

import { type Keys } from "./algorithms.ts";
import * as jws from "./jws.ts";
import { type Terms } from "./policy.ts";
import { Refused } from "./refusals.ts";
import { isUnder } from "./status-list.ts";
import { hasInteger, isObject, type Members } from "./strict-json.ts";

export const MAX_LENGTH = 8192;
const MAX_IDENTIFIER_LENGTH = 255;
const TYPES = ["at+jwt", "application/at+jwt"]; // RFC 9068 §4
const NOTHING: ReadonlySet<string> = new Set();
const PRINTABLE = /^(?:[^\p{C}\p{Z}]| )+$/u;

/** The place of a token's status: a list and an index in it (draft-ietf-oauth-status-list §6.2). */
export interface StatusReference {
  readonly uri: string;
  readonly index: number;
}

/** Who acts for the subject (RFC 8693 §4.1). `act` is the actor before, if the token was exchanged several times. */
export interface Actor {
  readonly sub: string;
  readonly clientId?: string;
  readonly act?: Actor;
}

/** The claims of a valid token. Times are in seconds since the epoch (RFC 7519 §2, NumericDate). */
export interface AccessToken {
  readonly sub: string;
  readonly clientId: string;
  readonly jti: string;
  readonly iat: number;
  readonly exp: number;
  readonly scope: ReadonlySet<string>;
  /** When the person signed in. A service's own token has none (RFC 9068 §2.2.1). */
  readonly authTime?: number;
  readonly status?: StatusReference;
  /** Empty if the issuer sends none (RFC 9068 §2.2.3.1). */
  readonly roles: ReadonlySet<string>;
  readonly groups: ReadonlySet<string>;
  readonly act?: Actor;
  /** The key to which the token is bound (RFC 9449 §6.1). A bearer token has none. */
  readonly jkt?: string;
  /** All claims, also unknown ones. */
  readonly claims: Members;
  /** Whether a client acts for itself: only then its id is also the `sub` (RFC 9068 §2.2). */
  readonly isOfService: boolean;
}

/** The token's claims (RFC 9068 §4). `now` is in seconds since the epoch. A token that is bound to a key is accepted: the
 * caller checks the proof (dpop.ts), or refuses it (`refuseBound`).
 *
 * Throws UnknownKey if its header is valid, but its `kid` is not among `keys`; Refused if anything else is wrong.
 */
export async function verify(token: string, keys: Keys, terms: Terms, now: number): Promise<AccessToken> {
  const expected = { types: TYPES, keys, maxLength: MAX_LENGTH, algorithms: terms.algorithms };
  const { claims } = await jws.verify(token, expected);
  if (claims.iss !== terms.issuer) throw new Refused("wrong-issuer", "the token is from another issuer");
  if (!names(claims.aud, terms.audience)) throw new Refused("wrong-audience", "the token is for another audience");
  const [iat, exp] = checkTimes(claims, terms, now);
  const [sub, clientId, jti] = [identifier(claims, "sub"), identifier(claims, "client_id"), identifier(claims, "jti")];
  const verified: AccessToken = {
    sub,
    clientId,
    jti,
    iat,
    exp,
    scope: scopeOf(claims),
    ...("auth_time" in claims && { authTime: jws.getTime(claims, "auth_time") }),
    ...("status" in claims && { status: statusOf(claims.status, terms) }),
    roles: "roles" in claims ? words(claims.roles) : NOTHING,
    groups: "groups" in claims ? words(claims.groups) : NOTHING,
    ...("act" in claims && { act: actorOf(claims.act) }),
    ...("cnf" in claims && { jkt: thumbprintOf(claims.cnf) }),
    claims,
    isOfService: sub === clientId,
  };
  checkKind(verified, claims, terms);
  return Object.freeze(verified);
}

/** Throws Refused for a token that is bound to a key: a bearer request does not prove its possession (RFC 9449 §7.2). */
export function refuseBound(token: AccessToken): void {
  if (token.jkt !== undefined) {
    throw new Refused("bound-to-key", "the token is bound to a key, so it must come with a DPoP proof");
  }
}

/** Refuse a token that could be both a person's and a service's (RFC 9068 §5). */
function checkKind(token: AccessToken, claims: Members, terms: Terms): void {
  if (token.isOfService) {
    if ("sid" in claims || token.authTime !== undefined) {
      const message = "the token is a service's, but has a session or a time of sign-in";
      throw new Refused("ambiguous-subject", message);
    }
  } else if (terms.requiresStatus && token.status === undefined) {
    throw new Refused("no-status", "the token names no status list");
  }
}

/** Whether `aud` is `audience`, or a list of strings that contains it (RFC 7519 §4.1.3). */
function names(aud: unknown, audience: string): boolean {
  if (!Array.isArray(aud)) return aud === audience;
  return aud.includes(audience) && aud.every((name) => typeof name === "string");
}

function checkTimes(claims: Members, terms: Terms, now: number): readonly [number, number] {
  const [iat, exp] = [jws.getTime(claims, "iat"), jws.getTime(claims, "exp")];
  if (now >= exp + terms.leeway) throw new Refused("expired", "the token has expired");
  const isEarly = iat > now + terms.leeway || ("nbf" in claims && jws.getTime(claims, "nbf") > now + terms.leeway);
  if (isEarly) throw new Refused("not-yet-valid", "the token is not valid yet");
  if (exp - iat > terms.tokenMaxAge) throw new Refused("lives-too-long", "the token lives too long");
  return [iat, exp];
}

/** A required claim (RFC 9068 §2.2), as a string that can be stored and logged. */
function identifier(claims: Members, name: string): string {
  const value = claims[name];
  if (typeof value !== "string" || !jws.hasLength(value, MAX_IDENTIFIER_LENGTH) || !PRINTABLE.test(value)) {
    throw new Refused("bad-claim", "an identifier is missing or malformed");
  }
  return value;
}

/** The scopes (RFC 9068 §2.2.3). A token without scopes is valid, but cannot be used where a scope is required. */
function scopeOf(claims: Members): ReadonlySet<string> {
  const scope = "scope" in claims ? claims.scope : "";
  if (typeof scope !== "string") throw new Refused("bad-claim", "the scope is not a string");
  return new Set(scope.split(" ").filter((each) => each !== ""));
}

/** Roles or groups (RFC 9068 §2.2.3.1): strings, or SCIM's objects with a `value` (RFC 7643 §2.4). */
function words(values: unknown): ReadonlySet<string> {
  const found = Array.isArray(values) ? values.map((each) => (isObject(each) ? each.value : each)) : [undefined];
  if (!found.every((word) => typeof word === "string")) {
    throw new Refused("bad-claim", "the roles or groups are not a list of strings");
  }
  return new Set(found);
}

/** The `act` claim. Its depth is bounded by that of the JSON. */
function actorOf(act: unknown): Actor {
  if (!isObject(act)) throw new Refused("bad-claim", "the actor is malformed");
  return {
    sub: identifier(act, "sub"),
    ...("client_id" in act && { clientId: identifier(act, "client_id") }),
    ...("act" in act && { act: actorOf(act.act) }),
  };
}

/** The key in `cnf`. A token that is bound in another way, or in two, is refused: nothing here can check that. */
function thumbprintOf(cnf: unknown): string {
  const jkt = isObject(cnf) && Object.keys(cnf).length === 1 ? cnf.jkt : undefined;
  if (typeof jkt !== "string" || jkt === "") {
    throw new Refused("bound-to-key", "the token is bound to a key in a way that is not supported");
  }
  return jkt;
}

/** The `status` claim. An unknown kind of status is refused: it might mean that the token is revoked.
 *
 * The URI must be under the issuer's prefix, although the issuer signed it: no token, not even a valid one, can make us
 * fetch from an address that is not configured.
 */
function statusOf(status: unknown, terms: Terms): StatusReference {
  const reference = isObject(status) ? status.status_list : undefined;
  if (!isObject(reference) || typeof reference.uri !== "string" || !hasInteger(reference, "idx")) {
    throw new Refused("bad-status", "the status is not a reference to a status list");
  }
  const { uri, idx } = reference;
  if (terms.statusLists === "" || !isUnder(uri, terms.statusLists)) {
    throw new Refused("bad-status", "the status list is not at the issuer's address");
  }
  if (idx < 0) throw new Refused("bad-status", "the index in the status list is negative");
  return { uri, index: idx };
}
