// An issuer in the process, for tests of a service that verifies tokens. It opens no socket: the verifier's `fetch` is the
// issuer's own.
//
//     const issuer = await TestIssuer.create({ audience: "https://api.example.com" });
//     const verifier = await issuer.verifier();
//     const token = await issuer.token({ sub: "alice", scope: "billing:read" });
//     await issuer.revoke(token); // verifier.verify(token) now throws Refused, with the reason "revoked"

import { base64url, decodeJwt, exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { type Surroundings } from "./surroundings.ts";
import { type Options, Verifier } from "./verifier.ts";

const ALGORITHM = "ES256";
const LIST_OCTETS = 1024; // room for 8192 tokens

/** Claims of a token. `sub` and `scope` have defaults; one that is undefined is left out. */
export type Claims = Readonly<Record<string, unknown>> & {
  readonly sub?: string;
  readonly scope?: string;
  readonly roles?: readonly string[];
  readonly groups?: readonly string[];
};

interface Key {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

export interface IssuerOptions {
  issuer?: string;
  /** The API that tokens are for, and that verifiers verify for. */
  audience?: string;
}

export class TestIssuer {
  readonly issuer: string;
  readonly audience: string;
  /** Paths of the requests so far. */
  readonly requests: string[] = [];
  /** What a verifier of the application takes as its option `around`. */
  readonly around: Surroundings = {
    fetch: (url, init) => this.#respond(new URL(url), new Headers(init.headers), init.signal ?? undefined),
    clock: () => this.now,
    monotonic: () => this.now,
    log: { info: () => undefined, warn: () => undefined },
  };

  readonly #verifiers: Verifier[] = [];
  readonly #statuses = new Uint8Array(LIST_OCTETS);
  #keys: readonly Key[];
  #listKey: Key;
  #index = 0;
  #version = 0;
  #epoch = 1;
  #ahead = 0;
  #isDown = false;
  #delay = 0;

  private constructor({ issuer, audience }: IssuerOptions, key: Key, listKey: Key) {
    this.issuer = issuer ?? "https://issuer.test";
    this.audience = audience ?? "https://api.test";
    [this.#keys, this.#listKey] = [[key], listKey];
  }

  static async create(options: IssuerOptions = {}): Promise<TestIssuer> {
    return new TestIssuer(options, await makeKey(), await makeKey({ signs: "statuslist+jwt" }));
  }

  /** Seconds since the epoch, as this issuer and its verifiers see them. */
  get now(): number {
    return Date.now() / 1000 + this.#ahead;
  }

  /** A verifier that has fetched everything. It does not fetch by itself; what changes here reaches it at once. */
  async verifier(options: Partial<Options> = {}): Promise<Verifier> {
    const verifier = new Verifier({ issuer: this.issuer, audience: this.audience, around: this.around, ...options });
    this.#verifiers.push(verifier);
    await verifier.refresh();
    return verifier;
  }

  /** An access token (RFC 9068) of a person, from the client `web`. It lives for five minutes. */
  async token(claims: Claims = {}): Promise<string> {
    const now = Math.floor(this.now);
    const usual = {
      iss: this.issuer,
      aud: this.audience,
      sub: "alice",
      client_id: "web",
      iat: now,
      exp: now + 300,
      jti: crypto.randomUUID(),
      scope: "",
      status: { status_list: { idx: this.#drawIndex(), uri: this.#listUri } },
    };
    return await this.#sign(this.#activeKey, "at+jwt", { ...usual, ...claims });
  }

  /** A token that a client got for itself: its `sub` is its `client_id`. */
  async serviceToken(clientId: string, claims: Claims = {}): Promise<string> {
    return await this.token({ sub: clientId, client_id: clientId, ...claims });
  }

  /** Revoke one token. */
  async revoke(token: string): Promise<void> {
    const { status_list: reference } = decodeJwt<{ status: { status_list: { idx: number } } }>(token).status;
    const { idx } = reference;
    this.#statuses[idx >> 3] = (this.#statuses[idx >> 3] ?? 0) | (1 << (idx & 7));
    this.#version += 1;
    await this.#tell();
  }

  /** Sign with a new key. With `withdraw` tokens of the old keys are refused, as after an emergency. */
  async rotate({ withdraw = false } = {}): Promise<void> {
    const key = await makeKey();
    this.#keys = withdraw ? [key] : [...this.#keys, key];
    await this.#tell();
  }

  /** Like a restore of the issuer's database: a new epoch of status lists and new keys. Earlier tokens are refused. */
  async restore(): Promise<void> {
    this.#epoch += 1;
    this.#listKey = await makeKey({ signs: "statuslist+jwt" });
    this.#statuses.fill(0);
    await this.rotate({ withdraw: true });
  }

  /** From now on no request gets an answer. */
  down(): void {
    this.#isDown = true;
  }

  /** From now on each answer takes so many seconds. */
  slow(seconds: number): void {
    this.#delay = seconds;
  }

  /** The end of `down` and `slow`. */
  async up(): Promise<void> {
    [this.#isDown, this.#delay] = [false, 0];
    await this.#tell();
  }

  /** Let time pass, for this issuer and its verifiers. Nothing is fetched meanwhile. */
  advance(seconds: number): void {
    this.#ahead += seconds;
  }

  get #activeKey(): Key {
    const key = this.#keys.at(-1);
    if (key === undefined) throw new Error("there is always a key");
    return key;
  }

  get #listUri(): string {
    return `${this.issuer}/oauth/status-lists/${this.#epoch}-1`;
  }

  #drawIndex(): number {
    if (this.#index >= 8 * LIST_OCTETS) throw new Error(`one test issuer makes at most ${8 * LIST_OCTETS} tokens`);
    return this.#index++;
  }

  async #tell(): Promise<void> {
    await Promise.all(this.#verifiers.map((verifier) => verifier.refresh()));
  }

  async #sign(key: Key, typ: string, claims: Readonly<Record<string, unknown>>): Promise<string> {
    const members = Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
    return await new SignJWT(members).setProtectedHeader({ alg: ALGORITHM, typ, kid: key.kid }).sign(key.privateKey);
  }

  async #respond(url: URL, headers: Headers, signal: AbortSignal | undefined): Promise<Response> {
    this.requests.push(url.pathname);
    if (this.#isDown) throw new TypeError("the test issuer is down");
    if (this.#delay > 0) await delayed(1000 * this.#delay, signal);
    const found = await this.#document(url.origin + url.pathname); // a query only passes caches
    if (found === undefined) return new Response(null, { status: 404 });
    const [mediaType, body] = found;
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(body)));
    const etag = `"${base64url.encode(digest)}"`;
    if (headers.get("If-None-Match") === etag) return new Response(null, { status: 304, headers: { ETag: etag } });
    return new Response(body, { headers: { "Content-Type": mediaType, "ETag": etag } });
  }

  async #document(url: string): Promise<[mediaType: string, body: string] | undefined> {
    const lists = `${this.issuer}/oauth/status-lists`;
    const json = (value: unknown): [string, string] => ["application/json", JSON.stringify(value)];
    switch (url) {
      case `${this.issuer}/.well-known/oauth-authorization-server`:
        return json({
          issuer: this.issuer,
          jwks_uri: `${this.issuer}/.well-known/jwks.json`,
          status_list_aggregation_endpoint: lists,
        });
      case `${this.issuer}/.well-known/jwks.json`:
        return json({ keys: [...this.#keys, this.#listKey].map(({ jwk }) => jwk) });
      case lists:
        return json({ status_lists: [this.#listUri] });
      case this.#listUri:
        return ["application/statuslist+jwt", await this.#list()];
      default:
        return undefined;
    }
  }

  async #list(): Promise<string> {
    const stream = new Blob([this.#statuses]).stream().pipeThrough(new CompressionStream("deflate"));
    const lst = base64url.encode(new Uint8Array(await new Response(stream).arrayBuffer()));
    const iat = this.now;
    const status_list = { bits: 1, lst };
    const claims = { sub: this.#listUri, iat, exp: iat + 300, ttl: 2, version: this.#version, status_list };
    return await this.#sign(this.#listKey, "statuslist+jwt", claims);
  }
}

/** A key pair. With `signs` it is for status lists only (key-set.ts). */
async function makeKey(members: { signs?: string } = {}): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair(ALGORITHM);
  const kid = crypto.randomUUID();
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, use: "sig", alg: ALGORITHM, ...members } };
}

function delayed(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => reject(new TypeError("the request was given up")));
  });
}
