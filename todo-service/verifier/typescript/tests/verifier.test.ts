// The verifier finds keys and lists, keeps them, and follows what the issuer revokes (rules J and R18, R19, R27).

import { expect, vi } from "vitest";
import { Verifier } from "../src/index.ts";
import { type TestIssuer } from "../src/testing.ts";
import { test } from "../src/vitest.ts";
import { outcome } from "./outcome.ts";

/** A verifier that the issuer does not tell about changes. */
async function alone(issuer: TestIssuer, more = {}): Promise<Verifier> {
  const options = { issuer: issuer.issuer, audience: issuer.audience, around: issuer.around, ...more };
  const verifier = new Verifier(options);
  await verifier.refresh();
  return verifier;
}

const keyFetches = ({ requests }: TestIssuer): number => requests.filter((path) => path.endsWith("/jwks.json")).length;

test("a token is verified without a request, and refused once it is revoked", async ({ issuer }) => {
  const verifier = await issuer.verifier();
  const token = await issuer.token({ sub: "bob", scope: "a b" });
  const requests = issuer.requests.length;
  expect(await verifier.verify(token)).toMatchObject({ sub: "bob", clientId: "web" });
  expect(await verifier.verify(token)).toBe(await verifier.verify(token));
  expect(issuer.requests).toHaveLength(requests);
  await issuer.revoke(token);
  expect(await outcome(verifier.verify(token))).toBe("revoked");
  expect(await outcome(verifier.verify(await issuer.token()))).toBe("accepted");
  expect(verifier.report().refusals).toEqual({ revoked: 1 });
});

test("a cached token ends at its exp and with its key", async ({ issuer }) => {
  const verifier = await issuer.verifier();
  const token = await issuer.token();
  expect(await outcome(verifier.verify(token))).toBe("accepted");
  issuer.advance(361);
  expect(await outcome(verifier.verify(token))).toBe("expired");
  const other = await issuer.token();
  expect(await outcome(verifier.verify(other, "accept"))).toBe("accepted");
  await issuer.rotate({ withdraw: true });
  expect(await outcome(verifier.verify(other))).toBe("unknown-key");
});

test("before the first key set the answer is: later", async ({ issuer }) => {
  issuer.down();
  const verifier = await issuer.verifier();
  expect([verifier.isReady, verifier.problem]).toEqual([false, expect.stringContaining("cannot be fetched")]);
  const refused = await verifier.verify(await issuer.token()).catch((error: unknown) => error);
  expect(refused).toMatchObject({ reason: "keys-unavailable", isTemporary: true });
  await issuer.up();
  expect([verifier.isReady, verifier.problem]).toEqual([true, ""]);
});

test("keys of an issuer that is down stay good for a day, and no longer", async ({ issuer }) => {
  const verifier = await issuer.verifier({ policy: { whenStale: "accept" } });
  issuer.down();
  issuer.advance(24 * 60 * 60 - 1);
  await verifier.refresh();
  expect(await outcome(verifier.verify(await issuer.token()))).toBe("accepted");
  issuer.advance(2);
  expect(await outcome(verifier.verify(await issuer.token()))).toBe("keys-unavailable");
  expect(verifier.isReady).toBe(false);
});

test("stale lists: reading may go on where writing waits", async ({ issuer }) => {
  const verifier = await issuer.verifier();
  issuer.down();
  issuer.advance(299);
  const token = await issuer.token();
  expect(await outcome(verifier.verify(token))).toBe("accepted");
  issuer.advance(2);
  expect(await outcome(verifier.verify(token))).toBe("status-stale");
  expect(await outcome(verifier.verify(token, "accept"))).toBe("accepted");
});

test("a key published a moment ago is learned while the caller waits, with one fetch", async ({ issuer }) => {
  const verifier = await alone(issuer);
  await issuer.rotate();
  const token = await issuer.token();
  const before = keyFetches(issuer);
  const waiting = Array.from({ length: 20 }, () => outcome(verifier.verifyOrWait(token)));
  expect(new Set(await Promise.all(waiting))).toEqual(new Set(["accepted"]));
  expect(keyFetches(issuer)).toBe(before + 1);
});

test("a flood of unknown kids costs one fetch in 30 seconds", async ({ issuer }) => {
  const verifier = await alone(issuer);
  const [stranger] = [await (await import("../src/testing.ts")).TestIssuer.create()];
  const before = keyFetches(issuer);
  for (let round = 0; round < 10; round += 1) {
    await stranger.rotate();
    expect(await outcome(verifier.verifyOrWait(await stranger.token()))).toBe("unknown-key");
  }
  expect(keyFetches(issuer)).toBe(before + 1);
  const known = await stranger.token(); // its kid is new for each key, so only the last one is asked for again
  issuer.advance(31);
  expect(await outcome(verifier.verifyOrWait(known))).toBe("unknown-key");
  expect(keyFetches(issuer)).toBe(before + 2);
  issuer.advance(31);
  expect(await outcome(verifier.verifyOrWait(known))).toBe("unknown-key");
  expect(keyFetches(issuer)).toBe(before + 2); // a kid that a fetch did not find is not asked for again for a minute
});

test("an issuer that fails keeps nobody from the cooldown", async ({ issuer }) => {
  const verifier = await alone(issuer);
  await issuer.rotate();
  issuer.down();
  const before = keyFetches(issuer);
  for (let round = 0; round < 5; round += 1) {
    expect(await outcome(verifier.verifyOrWait(await issuer.token()))).toBe("unknown-key");
  }
  expect(keyFetches(issuer)).toBe(before + 1);
});

test("good requests go on while a fetch hangs", async ({ issuer }) => {
  const verifier = await alone(issuer, { times: { keys: { timeout: 0.2 } } });
  const token = await issuer.token();
  issuer.slow(60);
  const refreshing = verifier.refresh();
  expect(await outcome(verifier.verify(token))).toBe("accepted");
  expect(await outcome(verifier.verify(await issuer.token()))).toBe("accepted");
  await issuer.up();
  expect(await refreshing).toBe(false); // given up after its timeout
});

test("a refresh is conditional, and an unchanged set keeps the cache", async ({ issuer }) => {
  const verifier = await alone(issuer);
  const token = await verifier.verify(await issuer.token());
  await verifier.refresh();
  const { keys } = verifier.report();
  expect([keys.changed, keys.unchanged, keys.failed]).toEqual([1, 1, 0]);
  expect(token.sub).toBe("alice");
});

test("a restore of the issuer ends what was before, and older lists cannot come back", async ({ issuer }) => {
  const verifier = await alone(issuer, { policy: { whenStale: "accept" } });
  const token = await issuer.token();
  expect(await outcome(verifier.verify(token))).toBe("accepted");
  await issuer.restore();
  await verifier.refresh();
  expect(await outcome(verifier.verify(token))).toBe("unknown-key");
  expect(await outcome(verifier.verify(await issuer.token()))).toBe("accepted");
  const { status } = await verifier.verify(await issuer.token());
  const old = { status_list: { idx: 0, uri: String(status?.uri).replace(/2-1$/, "1-1") } };
  expect(await outcome(verifier.verify(await issuer.token({ status: old })))).toBe("older-epoch");
});

test.for([-10, 10])(
  "a revoked token stays revoked when a list of %i s later lacks its bit",
  async (later, { issuer }) => {
    let replayed: string | undefined;
    const fetch = async (url: string, init: RequestInit): Promise<Response> => {
      const headers = { "Content-Type": "application/statuslist+jwt" };
      if (replayed !== undefined && url.endsWith("/1-1")) return new Response(replayed, { headers });
      return await issuer.around.fetch(url, init);
    };
    const verifier = await alone(issuer, { around: { ...issuer.around, fetch } });
    const [token, other] = [await issuer.token(), await issuer.token()];
    issuer.advance(later);
    const lacking = await issuer.around.fetch(`${issuer.issuer}/oauth/status-lists/1-1`, {});
    issuer.advance(-later);
    await issuer.revoke(token);
    await verifier.refresh();
    expect(await outcome(verifier.verify(token))).toBe("revoked");
    replayed = await lacking.text();
    expect(await verifier.refresh()).toBe(true);
    expect(await outcome(verifier.verify(token))).toBe("revoked");
    expect(await outcome(verifier.verify(other))).toBe("accepted");
    expect(verifier.report().statusLists.older).toBe(later < 0 ? 1 : 0);
  },
);

test("a list that is not in memory is fetched in the background", async ({ issuer }) => {
  const verifier = await issuer.verifier();
  const lists = `${issuer.issuer}/oauth/status-lists`;
  const unknown = { status_list: { idx: 0, uri: `${lists}/1-2` } };
  expect(await outcome(verifier.verify(await issuer.token({ status: unknown })))).toBe("status-unavailable");
  expect(issuer.requests.at(-1)).toBe("/oauth/status-lists/1-2");
  const before = issuer.requests.length;
  expect(await outcome(verifier.verify(await issuer.token({ status: unknown })))).toBe("status-unavailable");
  expect(issuer.requests).toHaveLength(before); // at most once in two seconds
  const far = { status_list: { idx: 2 ** 20, uri: `${lists}/1-1` } };
  expect(await outcome(verifier.verify(await issuer.token({ status: far })))).toBe("bad-status");
});

test("in the background a revocation is followed, and stopping ends the fetches", async ({ issuer }) => {
  const times = { keys: { interval: 0.02 }, lists: { interval: 0.01 } };
  const verifier = Verifier.start({ issuer: issuer.issuer, audience: issuer.audience, around: issuer.around, times });
  await vi.waitUntil(() => verifier.isReady, { timeout: 30_000 });
  const token = await issuer.token();
  expect(await outcome(verifier.verify(token))).toBe("accepted");
  await issuer.revoke(token);
  await vi.waitUntil(async () => (await outcome(verifier.verify(token))) === "revoked", { timeout: 30_000 });
  verifier.stop();
  await vi.waitUntil(
    async () => {
      const before = issuer.requests.length;
      await new Promise((resolve) => setTimeout(resolve, 50));
      return issuer.requests.length === before;
    },
    { timeout: 30_000 },
  );
});

const STRANGE: Record<string, [RegExp, Record<string, unknown> | string]> = {
  "an issuer with a slash": [/differs by a slash/, { issuer: "https://issuer.test/" }],
  "another issuer": [/another issuer/, { issuer: "https://evil.test" }],
  "keys on another host": [/jwks_uri is not at the issuer's origin/, { jwks_uri: "https://evil.test/keys" }],
  "keys on loopback": [/jwks_uri is not at/, { jwks_uri: "http://127.0.0.1:9000/keys" }],
  "keys behind a user name": [/jwks_uri is not at/, { jwks_uri: "https://issuer.test@evil.test/keys" }],
  "keys behind our own host and a password": [/jwks_uri is not at/, { jwks_uri: "https://a:b@issuer.test/keys" }],
  "lists on another host": [/status_list_agg/, { status_list_aggregation_endpoint: "https://evil.test/lists" }],
  "no keys": [/no jwks_uri/, { jwks_uri: undefined }],
  "HTML": [/not JSON/, "<html>"],
  "10 MB": [/too long/, " ".repeat(10_000_000)],
};

test.for(Object.entries(STRANGE))("metadata are refused in words: %s", async ([, [problem, changes]], { issuer }) => {
  const usual = { issuer: issuer.issuer, jwks_uri: `${issuer.issuer}/.well-known/jwks.json` };
  const body = typeof changes === "string" ? changes : JSON.stringify({ ...usual, ...changes });
  const fetch = (): Promise<Response> => Promise.resolve(new Response(body));
  const verifier = await issuer.verifier({ around: { ...issuer.around, fetch } });
  expect(verifier.problem).toMatch(problem);
});

test("metadata that stall are given up", async ({ issuer }) => {
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  vi.spyOn(AbortSignal, "timeout").mockImplementation((milliseconds) => timeout(milliseconds / 100));
  const fetch = (_: string, { signal }: RequestInit): Promise<Response> => {
    const start = (stream: ReadableStreamDefaultController<Uint8Array>): void => {
      stream.enqueue(Uint8Array.of(123));
      signal?.addEventListener("abort", () => stream.error(signal.reason));
    };
    return Promise.resolve(new Response(new ReadableStream({ start })));
  };
  const verifier = await issuer.verifier({ around: { ...issuer.around, fetch } });
  expect(verifier.problem).toMatch(/cannot be fetched: the request failed: TimeoutError/);
  vi.restoreAllMocks();
});

test("a redirect is not followed", async ({ issuer }) => {
  const fetch = (_: string, init: RequestInit): Promise<Response> => {
    expect(init.redirect).toBe("manual");
    return Promise.resolve(new Response(null, { status: 302, headers: { Location: "https://evil.test/" } }));
  };
  const verifier = await issuer.verifier({ around: { ...issuer.around, fetch } });
  expect(verifier.problem).toMatch(/status 302/);
});

test("an issuer is https, except on loopback or behind an address of its own", () => {
  const audience = "https://api.test";
  for (const issuer of [
    "http://id.example.com",
    "ftp://x",
    "id.example.com",
    "https://id.example.com?a",
    "https://a@b/",
  ]) {
    expect(() => new Verifier({ issuer, audience })).toThrow(TypeError);
  }
  for (const issuer of [
    "https://id.example.com/tenant",
    "http://localhost:8080",
    "http://127.0.0.1",
    "http://[::1]:1",
  ]) {
    new Verifier({ issuer, audience });
  }
  new Verifier({ issuer: "http://id.internal", audience, reachedAt: "http://auth-service:8081" });
});
