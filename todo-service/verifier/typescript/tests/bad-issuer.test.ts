// An issuer that answers nonsense, or much of it, or never ends: what is in memory goes on, and nothing is believed.
// Then a clock that jumps by a year.

import { expect } from "vitest";
import { Verifier } from "../src/index.ts";
import { type Fetch } from "../src/outgoing.ts";
import { type TestIssuer } from "../src/testing.ts";
import { test } from "../src/vitest.ts";
import { outcome } from "./outcome.ts";

const YEAR = 365 * 86_400;
const CHUNK = 65_536;

/** A body without an end, and how many chunks of it have been taken. */
function endless(): { body: ReadableStream<Uint8Array>; taken: () => number } {
  let taken = 0;
  const pull = (stream: ReadableStreamDefaultController<Uint8Array>): void => {
    taken += 1;
    stream.enqueue(new Uint8Array(CHUNK).fill(32));
  };
  return { body: new ReadableStream({ pull }, { highWaterMark: 0 }), taken: () => taken };
}

/** Sends its head and one octet, and then nothing until the request is given up. */
function stalled({ signal }: RequestInit): Response {
  const start = (stream: ReadableStreamDefaultController<Uint8Array>): void => {
    stream.enqueue(Uint8Array.of(123));
    signal?.addEventListener("abort", () => stream.error(signal.reason));
  };
  return new Response(new ReadableStream({ start }));
}

const HTML = { headers: { "Content-Type": "text/html" } };
const BAD: Record<string, (init: RequestInit) => Response> = {
  "a redirect": () => new Response(null, { status: 302, headers: { Location: "https://evil.test/" } }),
  "HTML": () => new Response("<html>", HTML),
  "nothing": () => new Response(""),
  "an error": () => new Response("{}", { status: 500 }),
  "not modified, unasked": () => new Response(null, { status: 304 }),
  "compressed": () => new Response("{}", { headers: { "Content-Encoding": "gzip" } }),
  "without an end": () => new Response(endless().body),
  "stalled": stalled,
};
const DOCUMENTS: Record<string, RegExp> = { keys: /jwks\.json$/, aggregation: /status-lists$/, list: /1-1$/ };
const CASES = Object.entries(DOCUMENTS).flatMap(([name, path]) =>
  Object.entries(BAD).map(([what, answer]) => [`${name}: ${what}`, path, answer] as const),
);

/** A verifier that does not hear of changes, of an issuer whose answers `fetch` may change. */
function made(issuer: TestIssuer, fetch: Fetch, around = {}): Verifier {
  const times = { keys: { timeout: 0.03 }, lists: { timeout: 0.03 } };
  const { issuer: name, audience } = issuer;
  return new Verifier({ issuer: name, audience, around: { ...issuer.around, fetch, ...around }, times });
}

test.for(CASES)("what is in memory goes on: %s", async ([, path, answer], { issuer }) => {
  let isBad = false;
  const unconditional = (init: RequestInit): RequestInit => ({ ...init, headers: {} });
  const verifier = made(issuer, async (url, init) => {
    if (isBad && path.test(url)) return answer(init);
    const response = await issuer.around.fetch(url, isBad ? init : unconditional(init));
    response.headers.delete("ETag"); // so that no request is conditional
    return response;
  });
  expect(await verifier.refresh()).toBe(true);
  const [token, revoked] = [await issuer.token(), await issuer.token()];
  await issuer.revoke(revoked);
  await verifier.refresh();
  isBad = true;
  expect(await verifier.refresh()).toBe(false);
  expect(await outcome(verifier.verify(token))).toBe("accepted");
  expect(await outcome(verifier.verify(revoked))).toBe("revoked");
  const { keys, statusLists } = verifier.report();
  expect(keys.failed + statusLists.failed).toBe(1);
});

test("a body without an end is read to its limit only", async ({ issuer }) => {
  const { body, taken } = endless();
  const verifier = made(issuer, () => Promise.resolve(new Response(body)));
  expect(await verifier.refresh()).toBe(false);
  expect(verifier.problem).toMatch(/too long/);
  expect(taken()).toBeLessThan(5);
});

test("a configured issuer with a slash too many is named", async ({ issuer }) => {
  const verifier = new Verifier({ issuer: `${issuer.issuer}/`, audience: issuer.audience, around: issuer.around });
  expect(await verifier.refresh()).toBe(false);
  expect(verifier.problem).toMatch(/differs by a slash at the end, which the configuration have/);
});

test("a clock that jumps a year ahead and back opens nothing, and shuts nothing for longer than a fetch", async ({
  issuer,
}) => {
  const verifier = made(issuer, issuer.around.fetch);
  await verifier.refresh();
  const [token, revoked] = [await issuer.token(), await issuer.token()];
  expect(await outcome(verifier.verify(token))).toBe("accepted");
  await issuer.revoke(revoked);
  issuer.advance(YEAR);
  expect(await outcome(verifier.verify(token))).toBe("keys-unavailable"); // later, not: no
  await verifier.refresh();
  expect(await outcome(verifier.verify(token))).toBe("expired");
  const early = await issuer.token();
  expect(await outcome(verifier.verify(early))).toBe("accepted");
  issuer.advance(-YEAR);
  expect(await outcome(verifier.verify(early))).toBe("not-yet-valid"); // although it was verified a moment ago
  expect(await outcome(verifier.verify(token))).toBe("status-stale");
  await verifier.refresh();
  expect(await outcome(verifier.verify(token))).toBe("accepted");
  expect(await outcome(verifier.verify(revoked))).toBe("revoked");
  issuer.down();
  issuer.advance(301);
  expect(await outcome(verifier.verify(await issuer.token()))).toBe("status-stale");
});

test("setting the clock back makes no key younger", async ({ issuer }) => {
  const [clock, passed] = [issuer.now, [0, 0]];
  const around = { clock: () => clock + passed[0]!, monotonic: () => passed[1]! };
  const verifier = made(issuer, issuer.around.fetch, around);
  await verifier.refresh();
  const token = await issuer.token();
  passed[0] = passed[1] = 86_401;
  expect(await outcome(verifier.verify(token))).toBe("keys-unavailable");
  passed[0] = 0;
  expect(await outcome(verifier.verify(token))).toBe("keys-unavailable");
});
