// A start without the issuer: what was fetched last is kept, and checked as if it had just been fetched (rules J2 and R27).

import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, vi } from "vitest";
import { folder } from "../src/files.ts";
import { type Options, type Store, Verifier } from "../src/index.ts";
import { TestIssuer } from "../src/testing.ts";
import { test } from "../src/vitest.ts";
import { outcome } from "./outcome.ts";

const LIST = "https://issuer.test/oauth/status-lists/1-1";
const UNTIL = { timeout: 30_000, interval: 1 };

class Memory implements Store {
  readonly texts = new Map<string, string>();
  read = (name: string): Promise<string | undefined> => Promise.resolve(this.texts.get(name));
  write = (name: string, text: string): Promise<void> => Promise.resolve(void this.texts.set(name, text));
}

function made(issuer: TestIssuer, saved: Store, more: Partial<Options> = {}): Verifier {
  return new Verifier({ issuer: issuer.issuer, audience: issuer.audience, around: issuer.around, saved, ...more });
}

/** A store that one process has filled. */
async function filled(issuer: TestIssuer): Promise<Memory> {
  const store = new Memory();
  const verifier = made(issuer, store, { times: { lists: { betweenSaves: 0 } } });
  expect(await verifier.refresh()).toBe(true);
  await vi.waitUntil(() => store.texts.size === 3, UNTIL);
  expect(verifier.report().saved).toEqual({ used: 0, refused: 0, written: 3, failed: 0 });
  return store;
}

test("a start without the issuer verifies tokens, and refuses those that were revoked before", async ({ issuer }) => {
  const [token, revoked] = [await issuer.token(), await issuer.token()];
  await issuer.revoke(revoked);
  const store = await filled(issuer);
  issuer.down();
  const verifier = made(issuer, store);
  expect(await verifier.refresh()).toBe(false);
  expect(verifier.isReady).toBe(true);
  expect(await outcome(verifier.verify(token))).toBe("accepted");
  expect(await outcome(verifier.verify(revoked))).toBe("revoked");
  expect(verifier.report().saved).toEqual({ used: 3, refused: 0, written: 0, failed: 0 });
  issuer.advance(299);
  expect(await outcome(verifier.verify(await issuer.token()))).toBe("accepted");
  issuer.advance(2); // the list is judged by its signed age, also when it comes from a copy
  expect(await outcome(verifier.verify(await issuer.token()))).toBe("status-stale");
});

type Members = Record<string, unknown>;
type Damage = (store: Memory, issuer: TestIssuer) => unknown;

function changed(name: string, change: (members: Members) => Members): Damage {
  return ({ texts }) => void texts.set(name, JSON.stringify(change(JSON.parse(texts.get(name) ?? "") as Members)));
}

function instead(name: string, text: string): Damage {
  return ({ texts }) => void texts.set(name, text);
}

const list = async (issuer: TestIssuer): Promise<string> => await (await issuer.around.fetch(LIST, {})).text();
const documents = (text: string): Damage =>
  changed("status_lists.json", (all) => ({ ...all, documents: { [LIST]: text } }));

const DAMAGED: Record<string, [expected: string, Damage]> = {
  "metadata of another issuer": [
    "keys-unavailable",
    changed("metadata.json", (all) => ({ ...all, issuer: "https://evil.test" })),
  ],
  "metadata with keys elsewhere": [
    "keys-unavailable",
    changed("metadata.json", (all) => ({ ...all, jwks_uri: "https://evil.test/" })),
  ],
  "metadata that are cut off": ["keys-unavailable", instead("metadata.json", '{"issuer": "https://issuer')],
  "keys from another address": [
    "keys-unavailable",
    changed("keys.json", (all) => ({ ...all, jwks_uri: "https://issuer.test/" })),
  ],
  "keys of yesterday": [
    "keys-unavailable",
    changed("keys.json", (all) => ({ ...all, fetched_at: Number(all.fetched_at) - 86_401 })),
  ],
  "keys of tomorrow": [
    "keys-unavailable",
    changed("keys.json", (all) => ({ ...all, fetched_at: Number(all.fetched_at) + 3600 })),
  ],
  "keys of no time": ["keys-unavailable", changed("keys.json", (all) => ({ ...all, fetched_at: "now" }))],
  "keys that are no key set": ["keys-unavailable", changed("keys.json", (all) => ({ ...all, document: "{}" }))],
  "keys that are a list": ["keys-unavailable", instead("keys.json", "[]")],
  "keys that are empty": ["keys-unavailable", instead("keys.json", "")],
  "keys with a name twice": ["keys-unavailable", instead("keys.json", '{"etag": 1, "etag": 2}')],
  "keys of 40 MB": ["keys-unavailable", instead("keys.json", " ".repeat(40_000_000))],
  "lists of another prefix": [
    "status-unavailable",
    changed("status_lists.json", (all) => ({ ...all, prefix: "https://evil.test/" })),
  ],
  "lists without an epoch": ["status-unavailable", changed("status_lists.json", (all) => ({ ...all, epoch: -1 }))],
  "lists that are damaged": ["status-unavailable", changed("status_lists.json", (all) => ({ ...all, documents: [] }))],
  "a list that is no list": ["status-unavailable", documents("a.b.c")],
  "a list signed by another issuer": [
    "status-unavailable",
    async (store, issuer) => documents(await list(await TestIssuer.create()))(store, issuer),
  ],
  "a list under another list's name": [
    "status-unavailable",
    async (store, issuer) => {
      const moved = { [LIST.replace("1-1", "1-2")]: await list(issuer) };
      changed("status_lists.json", (all) => ({ ...all, documents: moved }))(store, issuer);
    },
  ],
  "a list of an older epoch": ["older-epoch", changed("status_lists.json", (all) => ({ ...all, epoch: 2 }))],
};

test.for(Object.entries(DAMAGED))("a copy is refused and counted: %s", async ([, [expected, damage]], { issuer }) => {
  const store = await filled(issuer);
  const token = await issuer.token();
  await damage(store, issuer);
  issuer.down();
  const problems: string[] = [];
  const log = { info: () => undefined, warn: (message: string) => problems.push(message) };
  const verifier = made(issuer, store, { around: { ...issuer.around, log } });
  await verifier.refresh();
  expect(await outcome(verifier.verify(token))).toBe(expected);
  expect(verifier.report().saved.refused).toBe(1);
  expect(problems.some((problem) => /saved copy .* is not used: /.test(problem))).toBe(true);
  await issuer.up();
  expect(await verifier.refresh()).toBe(true);
  expect(await outcome(verifier.verify(token))).toBe(expected === "older-epoch" ? expected : "accepted");
});

test("a store that fails is counted, and the verifier works without it", async ({ issuer }) => {
  const broken = (): Promise<never> => Promise.reject(new Error("the disk is full"));
  const verifier = made(issuer, { read: broken, write: broken });
  expect(await verifier.refresh()).toBe(true);
  expect(await outcome(verifier.verify(await issuer.token()))).toBe("accepted");
  await vi.waitUntil(() => verifier.report().saved.failed === 3, UNTIL);
  expect(verifier.report().saved).toEqual({ used: 0, refused: 1, written: 0, failed: 3 });
});

test("in the background changes are written, and metadata that name other endpoints are followed", async ({
  issuer,
}) => {
  const store = await filled(issuer);
  const [from, to] = ["/.well-known/jwks.json", "/moved/jwks.json"];
  const fetch = async (url: string, init: RequestInit): Promise<Response> => {
    const response = await issuer.around.fetch(url.replace(to, from), init);
    return url.includes("authorization-server") ? new Response((await response.text()).replace(from, to)) : response;
  };
  const times = { metadata: 0.01, lists: { interval: 0.01, betweenSaves: 0 }, keys: { interval: 0.01 } };
  const verifier = made(issuer, store, { around: { ...issuer.around, fetch }, times });
  verifier.start();
  await vi.waitUntil(() => store.texts.get("keys.json")?.includes(to), UNTIL);
  expect(store.texts.get("metadata.json")).toContain(to);
  const token = await issuer.token();
  expect(await outcome(verifier.verify(token))).toBe("accepted");
  const before = store.texts.get("status_lists.json");
  await issuer.revoke(token);
  await vi.waitUntil(async () => (await outcome(verifier.verify(token))) === "revoked", UNTIL);
  await vi.waitUntil(() => store.texts.get("status_lists.json") !== before, UNTIL);
  verifier.stop();
});

test("files are written as a whole, for this user only", async () => {
  const parent = await mkdtemp(join(tmpdir(), "atjwt-"));
  const path = join(parent, "copies");
  const store = folder(path);
  expect(await store.read("keys.json")).toBe(undefined);
  await store.write("keys.json", "old");
  await store.write("keys.json", "new");
  expect(await store.read("keys.json")).toBe("new");
  expect(await readdir(path)).toEqual(["keys.json"]);
  expect((await stat(join(path, "keys.json"))).mode & 0o777).toBe(0o600);
  expect((await stat(path)).mode & 0o777).toBe(0o700);
  await expect(folder(join(path, "keys.json")).write("x", "y")).rejects.toThrow();
  expect(await readFile(join(path, "keys.json"), "utf8")).toBe("new");
  await rm(parent, { recursive: true });
});
