// `verify` accepts what RFC 9068 allows, and refuses everything else with its reason.

import { expect, test } from "vitest";
import { refuseBound, verify } from "../src/access-token.ts";
import { type Reason, Refused, UnknownKey } from "../src/refusals.ts";
import { AUDIENCE, claims, header, jwk, LISTS, NOW, published, sign, terms, token, type Values } from "./issuer.ts";

const status = (uri: unknown, idx: unknown): Values => ({ status: { status_list: { uri, idx } } });
const [text, payload] = [JSON.stringify(header()), JSON.stringify(claims())];

async function reasonOf(made: string, policy = {}, now = NOW): Promise<Reason | "accepted"> {
  try {
    refuseBound(await verify(made, (await published()).accessTokens, terms(policy), now));
    return "accepted";
  } catch (error) {
    if (error instanceof Refused) return error.reason;
    throw error;
  }
}

test("a genuine token says who and what", async () => {
  const made = await token({ scope: "todos:read  openid", auth_time: NOW - 5, ...status(`${LISTS}/7-1`, 3) });
  const verified = await verify(made, (await published()).accessTokens, terms(), NOW);
  expect(verified).toMatchObject({ sub: "alice", clientId: "web", iat: NOW, exp: NOW + 300, authTime: NOW - 5 });
  expect([...verified.scope]).toEqual(["todos:read", "openid"]);
  expect(verified.status).toEqual({ uri: `${LISTS}/7-1`, index: 3 });
  expect(verified.isOfService).toBe(false);
});

test("roles, groups and the actor are read", async () => {
  const made = await token({ roles: ["a", { value: "b" }], groups: [], act: { sub: "robot", act: { sub: "x" } } });
  const verified = await verify(made, (await published()).accessTokens, terms(), NOW);
  expect([[...verified.roles], [...verified.groups]]).toEqual([["a", "b"], []]);
  expect(verified.act).toEqual({ sub: "robot", act: { sub: "x" } });
  expect(verified.claims.act).toEqual({ sub: "robot", act: { sub: "x" } });
});

const ACCEPTED: Record<string, () => Promise<string>> = {
  "typ in upper case": () => token({}, { typ: "AT+JWT" }),
  "typ as a media type": () => token({}, { typ: "application/at+jwt" }),
  "aud as a list": () => token({ aud: [AUDIENCE, "https://other.example.com"] }),
  "keys in the header are ignored": () => token({}, { jku: "https://evil.example.com", jwk: {} }),
  "no scope": () => token({ scope: undefined }),
  "exp with a fraction": () => token({ exp: NOW + 0.5 }),
  "the longest sub": () => token({ sub: "😀".repeat(255) }),
  "brackets in strings": () => token({ note: "[[[[{{{{ not brackets ]" }),
  "a service's own": () => token({ sub: "web" }),
  "exp within the leeway": () => token({ iat: NOW - 300, exp: NOW - 59 }),
};

test.each(Object.entries(ACCEPTED))("accepted: %s", async (_, make) => {
  expect(await reasonOf(await make())).toBe("accepted");
});

const REFUSED: Record<string, [Reason, () => Promise<string> | string]> = {
  "8 KiB": ["malformed", () => token({ note: "x".repeat(8192) })],
  "two segments": ["malformed", () => "a.b"],
  "a JWE": ["malformed", () => "a.b.c.d.e"],
  "not ASCII": ["malformed", () => "a.b.é"],
  "a padded signature": ["malformed", async () => `${await token()}==`],
  "stray bits": ["malformed", async () => `${(await token()).slice(0, -1)}B`],
  "a name twice": ["malformed", () => sign(text, `{"sub":"bob",${payload.slice(1)}`)],
  "a name twice in the header": ["malformed", () => sign(`{"kid":"x",${text.slice(1)}`, payload)],
  "deep nesting": ["malformed", () => sign(text, `{"a":${"[".repeat(2000)}${"]".repeat(2000)}}`)],
  "1e400": ["malformed", () => sign(text, `{"a":1e400,${payload.slice(1)}`)],
  "a lone surrogate": ["malformed", () => sign(text, `{"a":"\\ud800",${payload.slice(1)}`)],
  "a byte order mark": ["malformed", () => sign(text, `\ufeff${payload}`)],
  "a list as payload": ["malformed", () => sign(text, "[]")],
  "a long header": ["malformed", () => token({}, { x: "x".repeat(3000) })],
  "alg none": ["wrong-algorithm", () => token({}, { alg: "none" })],
  "alg HS256": ["wrong-algorithm", () => token({}, { alg: "HS256" })],
  "alg of another case": ["wrong-algorithm", () => token({}, { alg: "rs256" })],
  "alg that the key is not for": ["wrong-algorithm", () => token({}, { alg: "PS256" })],
  "no alg": ["wrong-algorithm", () => token({}, { alg: undefined })],
  "crit": ["unknown-extension", () => token({}, { crit: ["b64"], b64: false })],
  "an ID token": ["wrong-type", () => token({}, { typ: "JWT" })],
  "a logout token": ["wrong-type", () => token({}, { typ: "logout+jwt" })],
  "no typ": ["wrong-type", () => token({}, { typ: undefined })],
  "no kid": ["no-key-named", () => token({}, { kid: undefined })],
  "an empty kid": ["no-key-named", () => token({}, { kid: "" })],
  "a kid that an object would inherit": ["unknown-key", () => token({}, { kid: "constructor" })],
  "another key under a known kid": ["bad-signature", () => token({}, { kid: "first" }, "thief")],
  "no signature": ["bad-signature", async () => (await token()).replace(/[^.]*$/, "")],
  "a swapped payload": ["bad-signature", async () => swapped(await token(), await token({ sub: "bob" }))],
  "another issuer": ["wrong-issuer", () => token({ iss: "https://issuer.example.com/" })],
  "another audience": ["wrong-audience", () => token({ aud: `${AUDIENCE}0` })],
  "a list without us": ["wrong-audience", () => token({ aud: ["a", "b"] })],
  "a list with a number": ["wrong-audience", () => token({ aud: [AUDIENCE, 1] })],
  "cnf": ["bound-to-key", () => token({ cnf: { jkt: "x" } })],
  "cnf null": ["bound-to-key", () => token({ cnf: null })],
  "expired": ["expired", () => token({ iat: NOW - 400, exp: NOW - 60 })],
  "iat in the future": ["not-yet-valid", () => token({ iat: NOW + 61, exp: NOW + 100 })],
  "nbf in the future": ["not-yet-valid", () => token({ nbf: NOW + 61 })],
  "a life of two days": ["lives-too-long", () => token({ exp: NOW + 2 * 86_400 })],
  "exp as a string": ["bad-claim", () => token({ exp: String(NOW + 300) })],
  "no iat": ["bad-claim", () => token({ iat: undefined })],
  "no sub": ["bad-claim", () => token({ sub: undefined })],
  "a sub with NUL": ["bad-claim", () => token({ sub: "a\0b" })],
  "a long jti": ["bad-claim", () => token({ jti: "x".repeat(256) })],
  "scope as a list": ["bad-claim", () => token({ scope: ["todos:read"] })],
  "roles as a string": ["bad-claim", () => token({ roles: "admin" })],
  "groups with a number": ["bad-claim", () => token({ groups: ["a", 1] })],
  "an actor without a sub": ["bad-claim", () => token({ act: { client_id: "x" } })],
  "a service with a session": ["ambiguous-subject", () => token({ sub: "web", sid: "s" })],
  "a status of another kind": ["bad-status", () => token({ status: { other: {} } })],
  "a list elsewhere": ["bad-status", () => token(status("https://evil.example.com/1", 0))],
  "a list with dots": ["bad-status", () => token(status(`${LISTS}/..`, 0))],
  "a negative index": ["bad-status", () => token(status(`${LISTS}/1`, -1))],
  "an index that is true": ["bad-status", () => token(status(`${LISTS}/1`, true))],
};

test.each(Object.entries(REFUSED))("refused: %s", async (_, [reason, make]) => {
  expect(await reasonOf(await make())).toBe(reason);
});

test("a policy may allow fewer algorithms, and insist on a status", async () => {
  expect(await reasonOf(await token(), { algorithms: ["ES256"] })).toBe("wrong-algorithm");
  expect(await reasonOf(await token(), { requiresStatus: true })).toBe("no-status");
  expect(await reasonOf(await token({ sub: "web" }), { requiresStatus: true })).toBe("accepted");
  expect(() => terms({ algorithms: [] })).toThrow(TypeError);
  expect(() => terms({ algorithms: ["HS256" as "ES256"] })).toThrow(TypeError);
});

test("PS256 and ES256 are verified, each key only for its own algorithm", async () => {
  const keys = (
    await published(await jwk("ps", "PS256"), await jwk("es", "ES256"), await jwk("both", "RS256", { alg: undefined }))
  ).accessTokens;
  await verify(await token({}, {}, "ps", "PS256"), keys, terms(), NOW);
  await verify(await token({}, {}, "es", "ES256"), keys, terms(), NOW);
  await verify(await token({}, {}, "both", "RS256"), keys, terms(), NOW);
  expect([...(keys.get("both")?.keys() ?? [])]).toEqual(["RS256", "PS256"]);
  await expect(verify(await token({}, { alg: "RS256" }, "ps", "PS256"), keys, terms(), NOW)).rejects.toMatchObject({
    reason: "wrong-algorithm",
  });
});

test("an unknown key is named, so that newer keys can be fetched", async () => {
  const refused = await verify(await token({}, { kid: "new" }), new Map(), terms(), NOW).catch(
    (error: unknown) => error,
  );
  expect(refused).toBeInstanceOf(UnknownKey);
  expect(refused).toMatchObject({ kid: "new", reason: "unknown-key", isTemporary: false });
});

function swapped(first: string, second: string): string {
  const [head, , signature] = first.split(".");
  return [head, second.split(".")[1], signature].join(".");
}
