// The tests' own issuer: it signs anything.

import { deflateSync } from "node:zlib";
import { base64url, exportJWK, generateKeyPair, type JWK } from "jose";
import { parseKeys, type PublishedKeys } from "../src/key-set.ts";
import { termsOf, type Policy, type Terms } from "../src/policy.ts";

export const ISSUER = "https://issuer.example.com";
export const AUDIENCE = `${ISSUER}/api/v1`;
export const LISTS = `${ISSUER}/oauth/status-lists`;
export const NOW = 1_800_000_000;
export type Values = Record<string, unknown>;

const ALGORITHMS = {
  RS256: { name: "RSASSA-PKCS1-v1_5" },
  PS256: { name: "RSA-PSS", saltLength: 32 },
  ES256: { name: "ECDSA", hash: "SHA-256" },
};
type Algorithm = keyof typeof ALGORITHMS;

const made = new Map<string, Promise<CryptoKeyPair>>();

/** The key pair with this name. It is made once, because that takes time. */
export function keyPair(name: string, algorithm: Algorithm = "RS256"): Promise<CryptoKeyPair> {
  const known = made.get(name) ?? generateKeyPair(algorithm, { extractable: true });
  made.set(name, known);
  return known;
}

/** The public JWK of a key, with its name as `kid`. A member that is undefined is left out. */
export async function jwk(name: string, algorithm: Algorithm = "RS256", members: Values = {}): Promise<JWK> {
  const { publicKey } = await keyPair(name, algorithm);
  return changed({ ...(await exportJWK(publicKey)), kid: name, use: "sig", alg: algorithm }, members);
}

export function octets(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new TextEncoder().encode(text));
}

/** A JWK Set's text, with keys in this order. */
export function keySet(...keys: unknown[]): Uint8Array {
  return octets(JSON.stringify({ keys }));
}

export async function published(...keys: unknown[]): Promise<PublishedKeys> {
  return await parseKeys(keySet(...(keys.length > 0 ? keys : [await jwk("first")])), () => undefined);
}

export function terms(policy: Policy = {}): Terms {
  return termsOf(ISSUER, AUDIENCE, `${LISTS}/`, policy);
}

export const header = (changes: Values = {}): Values => changed({ alg: "RS256", typ: "at+jwt", kid: "first" }, changes);

export function claims(changes: Values = {}): Values {
  const usual = {
    iss: ISSUER,
    sub: "alice",
    aud: AUDIENCE,
    client_id: "web",
    iat: NOW,
    exp: NOW + 300,
    jti: crypto.randomUUID(),
    scope: "todos:read todos:write",
  };
  return changed(usual, changes);
}

/** A compact JWS of exactly these texts, even if they are not JSON. */
export async function sign(head: string, payload: string, key = "first", algorithm: Algorithm = "RS256") {
  const signed = `${base64url.encode(head)}.${base64url.encode(payload)}`;
  const { privateKey } = await keyPair(key, algorithm);
  const signature = await crypto.subtle.sign(ALGORITHMS[algorithm], privateKey, octets(signed));
  return `${signed}.${base64url.encode(new Uint8Array(signature))}`;
}

/** An access token with changed claims and headers. One that is undefined is left out. */
export async function token(changes: Values = {}, headers: Values = {}, key = "first", algorithm: Algorithm = "RS256") {
  return await sign(
    JSON.stringify(header({ kid: key, alg: algorithm, ...headers })),
    JSON.stringify(claims(changes)),
    key,
    algorithm,
  );
}

function changed<T extends object>(members: T, changes: Values): T {
  return Object.fromEntries(Object.entries({ ...members, ...changes }).filter(([, value]) => value !== undefined)) as T;
}

/** A status list with these set bits, and room for 16, signed by the key for lists. */
export async function listToken(uri: string, set: number[], changes: Values = {}, headers: Values = {}) {
  const statuses = new Uint8Array(2);
  for (const index of set) statuses[index >> 3] = (statuses[index >> 3] ?? 0) | (1 << (index & 7));
  const lst = base64url.encode(deflateSync(statuses));
  const usual = { sub: uri, iat: NOW, exp: NOW + 300, ttl: 2, status_list: { bits: 1, lst } };
  const head = { alg: "RS256", typ: "statuslist+jwt", kid: "lists", ...headers };
  return await sign(JSON.stringify(head), JSON.stringify(changed(usual, changes)), head.kid);
}
