// The issuer's stream of hints: a list that has changed is fetched at once, and nothing else follows from a hint.

import { expect, vi } from "vitest";
import { type Options, Verifier } from "../src/index.ts";
import { type Fetch } from "../src/outgoing.ts";
import { type TestIssuer } from "../src/testing.ts";
import { test } from "../src/vitest.ts";

const HINTS = "http://auth-service:8081/internal/status-list-hints";
const LIST = "https://issuer.test/oauth/status-lists/1-1";
const UNTIL = { timeout: 30_000, interval: 1 };
// One poll, then only hints.
const TIMES = { lists: { interval: 3600, betweenHints: 0.001 }, hints: { firstRetry: 0.001, lastRetry: 0.002 } };

type Stream = ReadableStreamDefaultController<Uint8Array>;

/** What the issuer answers at the address of its hints; `say` is for the latest connection. */
class Hints {
  readonly connections: Stream[] = [];
  readonly asked: string[] = [];
  /** Holds all fetches of the list. */
  gate: Promise<void> = Promise.resolve();
  /** What a cache on the way answers for the list. */
  cached: string | undefined;
  readonly #issuer: TestIssuer;

  constructor(issuer: TestIssuer) {
    this.#issuer = issuer;
  }

  readonly fetch: Fetch = async (url, init) => {
    if (url === HINTS) return this.answer(init);
    if (url.startsWith(LIST)) {
      this.asked.push(url.slice(LIST.length));
      await this.gate;
      const headers = { "Content-Type": "application/statuslist+jwt" };
      if (this.cached !== undefined) return new Response(this.cached, { headers });
    }
    return await this.#issuer.around.fetch(url, init);
  };

  answer({ signal }: RequestInit): Response {
    const start = (stream: Stream): void => {
      this.connections.push(stream);
      signal?.addEventListener("abort", () => stream.error(signal.reason));
    };
    const headers = { "Content-Type": "text/event-stream; charset=utf-8" };
    return new Response(new ReadableStream<Uint8Array>({ start }), { headers });
  }

  say(...lines: string[]): void {
    for (const line of lines) this.connections.at(-1)?.enqueue(new TextEncoder().encode(`${line}\n\n`));
  }

  async verifier(more: Partial<Options> = {}): Promise<Verifier> {
    const { issuer, audience, around } = this.#issuer;
    const options = { issuer, audience, around: { ...around, fetch: this.fetch }, hints: HINTS, times: TIMES };
    const verifier = Verifier.start({ ...options, ...more });
    await vi.waitUntil(() => verifier.isReady && this.connections.length > 0, UNTIL);
    return verifier;
  }
}

const hint = (version: unknown, uri: unknown = LIST): string => `data: ${JSON.stringify({ uri, version })}`;

async function isRevoked(verifier: Verifier, token: string): Promise<boolean> {
  const error: unknown = await verifier.verify(token).catch((refused: unknown) => refused);
  return error instanceof Error && "reason" in error && error.reason === "revoked";
}

test("a hint brings a revocation long before the next poll", async ({ issuer }) => {
  const hints = new Hints(issuer);
  const verifier = await hints.verifier();
  const token = await issuer.token();
  expect(await isRevoked(verifier, token)).toBe(false);
  await issuer.revoke(token);
  expect(hints.asked).toEqual([""]);
  hints.say(": listening", hint(1));
  await vi.waitUntil(() => isRevoked(verifier, token), UNTIL);
  expect(hints.asked).toEqual(["", "?v=1"]);
  verifier.stop();
});

test("a hint is followed until no cache on the way answers with less", async ({ issuer }) => {
  const hints = new Hints(issuer);
  const verifier = await hints.verifier();
  const token = await issuer.token();
  hints.cached = await (await issuer.around.fetch(LIST, {})).text(); // whatever version is asked for
  await issuer.revoke(token);
  hints.say(hint(1));
  await vi.waitUntil(() => hints.asked.length > 3, UNTIL);
  expect(await isRevoked(verifier, token)).toBe(false);
  hints.cached = undefined;
  await vi.waitUntil(() => isRevoked(verifier, token), UNTIL);
  expect(verifier.report().statusLists.hints).toEqual({ followed: 1, known: 0, foreign: 0 });
  verifier.stop();
});

test("a hint of a version that does not exist is not followed without end", async ({ issuer }) => {
  const hints = new Hints(issuer);
  const verifier = await hints.verifier();
  hints.say(hint(9));
  await vi.waitUntil(() => hints.asked.length > 2, UNTIL);
  issuer.advance(3.1);
  await new Promise((resolve) => setTimeout(resolve, 30)); // the fetch under way
  const { length } = hints.asked;
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(hints.asked).toHaveLength(length);
  verifier.stop();
});

const IDLE: Record<string, string> = {
  "a comment": ": nothing",
  "another field": `event: ${LIST}`,
  "no JSON": "data: {",
  "no object": "data: [1]",
  "a name twice": `data: {"uri": "${LIST}", "uri": "${LIST}", "version": 1}`,
  "no version": `data: {"uri": "${LIST}"}`,
  "a version that is a text": hint("1"),
  "a version that is no integer": hint(1.5),
  "a negative version": hint(-1),
  "an endless version": hint(2 ** 31),
  "a URI that is no text": hint(1, [LIST]),
  "a list that is not in memory": hint(1, `${LIST}0`),
  "an address elsewhere": hint(1, "https://evil.test/1-1"),
  "a line that is too long": hint(1, `${LIST}${"x".repeat(4096)}`),
};

test("a line that names no list in memory and its version causes no fetch", async ({ issuer }) => {
  const hints = new Hints(issuer);
  const verifier = await hints.verifier();
  await issuer.revoke(await issuer.token());
  hints.say(...Object.values(IDLE), hint(1), hint(1));
  await vi.waitUntil(() => verifier.report().statusLists.hints.known === 1, UNTIL);
  await vi.waitUntil(() => hints.asked.length === 2, UNTIL);
  expect(hints.asked).toEqual(["", "?v=1"]);
  expect(verifier.report().statusLists.hints).toEqual({ followed: 1, known: 1, foreign: 2 });
  verifier.stop();
});

test("hints during a poll cause fetches after it, the last one for the latest version", async ({ issuer }) => {
  const hints = new Hints(issuer);
  const verifier = await hints.verifier();
  const token = await issuer.token();
  let open = (): void => undefined;
  hints.gate = new Promise((resolve) => (open = resolve));
  const polled = verifier.refresh();
  await vi.waitUntil(() => hints.asked.length === 2, UNTIL);
  hints.say(hint(1), hint(2), hint(3), hint(4));
  await vi.waitUntil(() => verifier.report().statusLists.hints.followed === 1, UNTIL);
  expect(hints.asked).toEqual(["", ""]); // the poll may have been answered before the change
  for (const each of [token, await issuer.token(), await issuer.token(), await issuer.token()]) {
    await issuer.revoke(each);
  }
  open();
  expect(await polled).toBe(true);
  await vi.waitUntil(() => isRevoked(verifier, token), UNTIL);
  await vi.waitUntil(() => hints.asked.length === 4, UNTIL);
  expect(hints.asked).toEqual(["", "", "?v=1", "?v=4"]);
  verifier.stop();
});

test("a stream that is refused, breaks or falls silent is opened again, and stopping ends it", async ({ issuer }) => {
  const hints = new Hints(issuer);
  const usual = hints.answer.bind(hints);
  const says = (text: string) => new Response(text, { headers: { "Content-Type": "text/event-stream" } });
  const endless = (init: RequestInit): Response => {
    const response = usual(init);
    hints.connections.pop()?.enqueue(new Uint8Array(4097));
    return response;
  };
  const answers = [
    endless,
    () => Promise.reject(new TypeError("refused")),
    () => new Response(null, { status: 302, headers: { Location: "https://evil.test/" } }),
    () => Response.json({}),
    () => says(": the end\n"),
    usual, // and silent
  ];
  const problems: string[] = [];
  const fetch: Fetch = async (url, init) => {
    if (url !== HINTS) return await hints.fetch(url, init);
    expect(init.redirect).toBe("manual");
    return await (answers.shift() ?? usual)(init);
  };
  const log = { info: () => undefined, warn: (message: string) => problems.push(message) };
  const times = { ...TIMES, hints: { ...TIMES.hints, quiet: 0.02 } };
  const verifier = await hints.verifier({ around: { ...issuer.around, fetch, log }, times });
  await vi.waitUntil(() => hints.connections.length > 2, UNTIL);
  const token = await issuer.token();
  await issuer.revoke(token);
  let version = 0;
  await vi.waitUntil(async () => {
    try {
      hints.say(hint((version += 1)));
    } catch {
      // this connection has just been given up
    }
    return await isRevoked(verifier, token);
  }, UNTIL);
  expect(problems[0]).toMatch(/no hints from the issuer, so lists are only polled: a line is too long/);
  verifier.stop();
  const opened = hints.connections.length;
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(hints.connections.length).toBe(opened);
});
