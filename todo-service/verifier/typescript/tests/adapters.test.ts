// Every adapter answers alike: who gets through, the challenge of each refusal, and the resource's metadata
// (rules R1 to R7 and R20 to R21; RFC 6750, RFC 9470, RFC 9728).

import { createServer, request as httpRequest, type Server } from "node:http";
import { type AddressInfo } from "node:net";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { afterAll, describe, expect, test } from "vitest";
import { protect as protectExpress } from "../src/express.ts";
import { protect as protectFastify } from "../src/fastify.ts";
import { protect as protectFetch } from "../src/fetch.ts";
import { protect as protectHono } from "../src/hono.ts";
import { type Settings, type Verifier } from "../src/index.ts";
import { type Claims, TestIssuer } from "../src/testing.ts";
import { client } from "./client.ts";

const METADATA_PATH = "/.well-known/oauth-protected-resource/billing";
const METADATA = `resource_metadata="https://api.test${METADATA_PATH}"`;
const ROLE = { role: "accountant" };
const RECENT = { maxAge: 300 };

interface Answer {
  status: number;
  headers: Headers;
  body: string;
}
type Ask = (path: string, authorization?: string | string[], proofs?: string[]) => Promise<Answer>;
// Of a proxy, a caller might hope.
const CLAIMING = {
  "X-Auth-Sub": "root",
  "X-Auth-Scope": "billing:read",
  "X-Forwarded-User": "root",
  "X-Forwarded-Host": "evil.test",
  "X-Forwarded-Uri": "/invoices",
  "X-Forwarded-Method": "GET",
  "X-Original-Url": "/invoices",
};
type Adapter = (verifier: Verifier) => Ask | Promise<Ask>;

const issuer = await TestIssuer.create({ audience: "https://api.test/billing" });
const verifier = await issuer.verifier();
const servers: Server[] = [];
afterAll(() => servers.forEach((server) => server.close()));

async function listening(server: Server): Promise<Ask> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return (path, authorization, proofs = []) =>
    new Promise((resolve, reject) => {
      const headers = ["Host", "evil.test", ...[authorization ?? []].flat().flatMap((each) => ["Authorization", each])];
      headers.push(...Object.entries(CLAIMING).flat());
      headers.push(...proofs.flatMap((each) => ["DPoP", each]));
      const asked = httpRequest({ host: "127.0.0.1", port, path, headers, agent: false }, (response) => {
        let body = "";
        response.on("data", (chunk: Buffer) => (body += chunk.toString()));
        response.on("end", () => {
          const found = new Headers(Object.entries(response.headers).map(([name, value]) => [name, String(value)]));
          resolve({ status: response.statusCode ?? 0, headers: found, body });
        });
      });
      asked.on("error", reject).end();
    });
}

/** Asks a handler of Request and Response. Two headers are joined, as Headers does it. */
function asking(handler: (request: Request) => Response | Promise<Response>): Ask {
  return async (path, authorization, proofs = []) => {
    const headers = new Headers(CLAIMING);
    for (const each of proofs) headers.append("DPoP", each);
    for (const each of [authorization ?? []].flat()) headers.append("Authorization", each);
    const response = await handler(new Request(`https://evil.test${path}`, { headers }));
    return { status: response.status, headers: response.headers, body: await response.text() };
  };
}

const ADAPTERS: Record<string, Adapter> = {
  fetch: (verifier) => {
    const { requires, metadata, metadataPath = "" } = protectFetch(verifier);
    const routes: Record<string, (request: Request) => Response | Promise<Response>> = {
      [metadataPath]: metadata,
      "/invoices": requires("billing:read")((_, token) => Response.json(token.sub)),
      "/books": requires("billing:read billing:pay", ROLE)((_, token) => Response.json(token.sub)),
      "/payments": requires("", RECENT)((_, token) => Response.json(token.sub)),
    };
    return asking((request) => routes[new URL(request.url).pathname]?.(request) ?? new Response(null, { status: 404 }));
  },
  hono: (verifier) => {
    const { requires, metadata } = protectHono(verifier);
    const app = new Hono();
    app.use(metadata);
    app.get("/invoices", requires("billing:read"), (c) => c.json(c.get("token").sub));
    app.get("/books", requires("billing:read billing:pay", ROLE), (c) => c.json(c.get("token").sub));
    app.get("/payments", requires("", RECENT), (c) => c.json(c.get("token").sub));
    return asking((request) => app.fetch(request));
  },
  express: async (verifier) => {
    const { requires, metadata } = protectExpress(verifier);
    const app = express();
    app.use(metadata);
    app.get("/invoices", requires("billing:read"), ({ token }, response) => void response.json(token?.sub));
    app.get(
      "/books",
      requires("billing:read billing:pay", ROLE),
      ({ token }, response) => void response.json(token?.sub),
    );
    app.get("/payments", requires("", RECENT), ({ token }, response) => void response.json(token?.sub));
    return await listening(createServer(app));
  },
  fastify: async (verifier) => {
    const { requires, metadata } = protectFastify(verifier);
    const app = fastify();
    await app.register(metadata);
    app.get("/invoices", { onRequest: requires("billing:read") }, ({ token }) => JSON.stringify(token?.sub));
    app.get("/books", { onRequest: requires("billing:read billing:pay", ROLE) }, ({ token }) =>
      JSON.stringify(token?.sub),
    );
    app.get("/payments", { onRequest: requires("", RECENT) }, ({ token }) => JSON.stringify(token?.sub));
    await app.ready();
    return await listening(app.server);
  },
};

const bearer = async (claims: Claims = {}): Promise<string> => `Bearer ${await issuer.token(claims)}`;
const READ = { scope: "billing:read" };

type Case = [
  path: string,
  make: () => Promise<string | string[] | undefined>,
  status: number,
  challenge: RegExp | null,
];
const CASES: Record<string, Case> = {
  "a good token": ["/invoices", () => bearer(READ), 200, null],
  "the scheme in other letters": ["/invoices", async () => `bEARER  ${await issuer.token(READ)} `, 200, null],
  "no token": ["/invoices", async () => undefined, 401, new RegExp(`^Bearer ${METADATA}$`)],
  "another scheme": ["/invoices", async () => "Basic YTpi", 401, new RegExp(`^Bearer ${METADATA}$`)],
  "an empty token": ["/invoices", async () => "Bearer ", 400, /error="invalid_request"/],
  "no token behind the scheme": ["/invoices", async () => "Bearer", 400, /error="invalid_request"/],
  "two tokens": ["/invoices", async () => "Bearer a b", 400, /error="invalid_request"/],
  "two headers": ["/invoices", async () => [await bearer(READ), await bearer(READ)], 400, /error="invalid_request"/],
  "a token in the address": ["/invoices?a=1&access_token=x", () => bearer(READ), 400, /error="invalid_request"/],
  "a forged token": ["/invoices", async () => "Bearer a.b.c", 401, /error="invalid_token"/],
  "an expired token": [
    "/invoices",
    () => bearer({ ...READ, iat: 0, exp: 1 }),
    401,
    /error="invalid_token".*has expired/,
  ],
  "a revoked token": ["/invoices", async () => `Bearer ${await revoked()}`, 401, /error="invalid_token".*revoked/],
  "an unknown list": ["/invoices", () => bearer({ ...READ, status: elsewhere() }), 503, null],
  "no scope": ["/invoices", () => bearer(), 403, /error="insufficient_scope".*, scope="billing:read", resource/],
  "a part of the scope": ["/books", () => bearer(READ), 403, /scope="billing:read billing:pay"/],
  "no role": ["/books", () => bearer({ scope: "billing:pay billing:read" }), 403, null],
  "scope and role": ["/books", () => bearer({ scope: "billing:pay billing:read", roles: ["accountant"] }), 200, null],
  "an old sign-in": [
    "/payments",
    () => bearer(signedIn(301)),
    401,
    /"insufficient_user_authentication".*max_age="300"/,
  ],
  "no sign-in": ["/payments", () => bearer(), 401, /"insufficient_user_authentication"/],
  "a sign-in of the future": ["/payments", () => bearer(signedIn(-120)), 401, /"insufficient_user_authentication"/],
  "a sign-in a moment ago": ["/payments", () => bearer(signedIn(200)), 200, null],
  "a service": ["/payments", async () => `Bearer ${await issuer.serviceToken("robot")}`, 200, null],
};

const signedIn = (seconds: number): Claims => ({ auth_time: issuer.now - seconds });
const elsewhere = () => ({ status_list: { idx: 1, uri: `${issuer.issuer}/oauth/status-lists/1-9` } });

async function revoked(): Promise<string> {
  const token = await issuer.token(READ);
  await issuer.revoke(token);
  return token;
}

describe.each(Object.entries(ADAPTERS))("%s", async (_, adapter) => {
  const ask = await adapter(verifier);

  test.each(Object.entries(CASES))("%s", async (__, [path, make, status, challenge]) => {
    const answer = await ask(path, await make());
    const found = answer.headers.get("WWW-Authenticate");
    expect([answer.status, answer.body]).toEqual([
      status,
      expect.stringMatching(status === 200 ? /^"/ : /^\{"status"/),
    ]);
    if (challenge === null) expect(found).toBeNull();
    else expect(found).toMatch(challenge);
    const names = [...(found ?? "").matchAll(/(\w+)="/g)].map(([, name]) => name);
    expect(new Set(names).size).toBe(names.length); // each parameter once (RFC 6750 §3)
    expect(answer.headers.get("Retry-After")).toBe(status === 503 ? "2" : null);
    if (status !== 200) {
      expect(answer.headers.get("Content-Type")).toMatch(/^application\/problem\+json/);
      expect(answer.headers.get("Cache-Control")).toBe("no-store");
    }
  });

  test("everybody may read the metadata", async () => {
    const answer = await ask(METADATA_PATH);
    expect([answer.status, answer.headers.get("Access-Control-Allow-Origin")]).toEqual([200, "*"]);
    expect(answer.headers.get("Content-Type")).toMatch(/^application\/json/);
    expect(JSON.parse(answer.body)).toEqual({
      resource: "https://api.test/billing",
      authorization_servers: [issuer.issuer],
      scopes_supported: ["billing:pay", "billing:read"],
      bearer_methods_supported: ["header"],
      dpop_signing_alg_values_supported: ["ES256", "PS256", "RS256"],
    });
  });

  test("a token that is bound to a key needs one proof for this URL, whatever the Host header says", async () => {
    const { token, proof } = await client(issuer, "https://api.test/invoices", READ);
    const [once, again] = [await proof(), await proof()];
    const sent = async (path: string, scheme: string, proofs: string[]) => {
      const { status, headers } = await ask(path, `${scheme} ${token}`, proofs);
      return [status, headers.get("WWW-Authenticate")?.replace(/, error_description="[^"]*"/, "") ?? null];
    };
    const algs = `algs="ES256 PS256 RS256", ${METADATA}`;
    const refused = [401, `DPoP error="invalid_dpop_proof", ${algs}`];
    expect(await sent("/invoices?page=2", "DPoP", [once])).toEqual([200, null]);
    expect(await sent("/invoices", "dpop", [once])).toEqual(refused);
    expect(await sent("/books", "DPoP", [again])).toEqual(refused);
    expect(await sent("/invoices", "DPoP", [])).toEqual(refused);
    expect(await sent("/invoices", "DPoP", [again, await proof()])).toEqual(refused);
    expect(await sent("/invoices", "Bearer", [again])).toEqual([401, `Bearer error="invalid_token", ${METADATA}`]);
    expect(await sent("/invoices", "DPoP", [again])).toEqual([200, null]);
    const bearing = await ask("/invoices", `DPoP ${await issuer.token(READ)}`, [await proof()]);
    expect([bearing.status, bearing.headers.get("WWW-Authenticate")]).toEqual([
      401,
      expect.stringMatching(/^DPoP error="invalid_token", /),
    ]);
  });

  test("headers that claim an identity have no effect", async () => {
    expect((await ask("/invoices")).status).toBe(401); // each request of these tests has all of them
    const answer = await ask("/invoices", await bearer({ ...READ, sub: "bob" }));
    expect([answer.status, answer.body]).toEqual([200, '"bob"']);
    const { token, proof } = await client(issuer, "https://api.test/books", READ);
    expect((await ask("/invoices", `DPoP ${token}`, [await proof()])).status).toBe(401);
  });

  test("an error that is no refusal is not hidden", async () => {
    const broken = Object.assign(Object.create(verifier) as Verifier, {
      verifyOrWait: () => Promise.reject(new RangeError("broken")),
    });
    const answer = await Promise.resolve(adapter(broken))
      .then((ask) => ask("/invoices", "Bearer x"))
      .catch(() => undefined);
    expect(answer === undefined || answer.status === 500).toBe(true);
  });
});

test("a mistake of the developer is named at the start", async () => {
  const { requires } = protectFetch(verifier);
  expect(() => requires('a"b')).toThrow(TypeError);
  expect(() => requires("a", { maxAge: 0 })).toThrow(TypeError);
  const unnamed = await issuer.verifier({ audience: "billing" });
  expect(protectFetch(unnamed).metadataPath).toBeUndefined();
});

test("an API whose audience is no URL takes proofs for the origin that its settings name, and none without", async () => {
  const unnamed = await issuer.verifier({ audience: "billing" });
  const { token, proof } = await client(issuer, "https://public.test/v1/invoices", { ...READ, aud: "billing" });
  const status = async (settings?: Settings): Promise<number> => {
    const ask = asking(protectFetch(unnamed, settings).requires("billing:read")(() => new Response("yes")));
    return (await ask("/invoices", `DPoP ${token}`, [await proof()])).status;
  };
  expect([await status({ baseUrl: "https://public.test/v1/" }), await status()]).toEqual([200, 401]);
});

test("challenges and metadata name the algorithms that count for proofs", async () => {
  const strict = await issuer.verifier({ policy: { proofAlgorithms: ["PS256"] } });
  const { token, proof } = await client(issuer, "https://api.test/invoices", READ);
  const { requires, metadata } = protectFetch(strict);
  const ask = asking(requires("billing:read")(() => new Response("yes")));
  const answer = await ask("/invoices", `DPoP ${token}`, [await proof()]);
  expect([answer.status, answer.headers.get("WWW-Authenticate")]).toEqual([
    401,
    expect.stringMatching(/^DPoP error="invalid_dpop_proof", .*algs="PS256", /),
  ]);
  const described: unknown = await metadata().json();
  expect(described).toMatchObject({ dpop_signing_alg_values_supported: ["PS256"] });
});

test("the path of a router that is mounted in Express is part of the URL", async () => {
  const app = express();
  const { requires } = protectExpress(verifier);
  app.use(
    "/v1",
    express.Router().get("/invoices", requires("billing:read"), (_, response) => void response.json(1)),
  );
  const { token, proof } = await client(issuer, "https://api.test/v1/invoices", READ);
  const ask = await listening(createServer(app));
  expect((await ask("/v1/invoices", `DPoP ${token}`, [await proof()])).status).toBe(200);
});
