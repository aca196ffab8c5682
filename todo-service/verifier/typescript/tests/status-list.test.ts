// One status list: what is verified, how bits are read, and that no input costs more than its bound.

import { deflateSync } from "node:zlib";
import { base64url } from "jose";
import { expect, test } from "vitest";
import { Epochs } from "../src/epochs.ts";
import { freshness, isSet, MAX_OCTETS, parseAggregation, succeeding, verify } from "../src/status-list.ts";
import { ISSUER, jwk, listToken, LISTS, NOW, octets, published, type Values } from "./issuer.ts";

const URI = `${LISTS}/7-1`;

async function verified(changes: Values = {}, headers: Values = {}, now = NOW) {
  const keys = await published(await jwk("first"), await jwk("lists", "RS256", { signs: "statuslist+jwt" }));
  return await verify(await listToken(URI, [1, 9], changes, headers), URI, keys.statusLists, now);
}

test("bits count from the least significant one", async () => {
  const list = await verified({ version: 3 });
  expect([0, 1, 8, 9, 15].map((index) => isSet(list, index))).toEqual([false, true, false, true, false]);
  expect([isSet(list, 16), isSet(list, 2 ** 40)]).toEqual([undefined, undefined]);
  expect([list.version, (await verified()).version]).toEqual([3, 2]);
});

const zip = (content: Uint8Array): Values => ({
  status_list: { bits: 1, lst: base64url.encode(deflateSync(content)) },
});
const raw = (content: Uint8Array): Values => ({ status_list: { bits: 1, lst: base64url.encode(content) } });
const zipped = new Uint8Array(deflateSync(Uint8Array.of(2, 2)));

const UNUSABLE: Record<string, [RegExp, Values, Values?]> = {
  "an access token": [/another type/, {}, { typ: "at+jwt" }],
  "signed by a key for tokens": [/does not publish/, {}, { kid: "first" }],
  "another list": [/another list/, { sub: `${LISTS}/7-2` }],
  "of another issuer": [/another list/, { sub: "https://evil.example.com/oauth/status-lists/7-1" }],
  "from the future": [/future/, { iat: NOW + 61, exp: NOW + 300 }],
  "expired": [/expired/, { iat: NOW - 400, exp: NOW - 60 }],
  "without iat": [/time/, { iat: undefined }],
  "ttl 0": [/lifetime/, { ttl: 0 }],
  "living for a day": [/lifetime/, { exp: NOW + 86_400 }],
  "two bits": [/one bit/, { status_list: { bits: 2, lst: "" } }],
  "no octets": [/zlib/, { status_list: { bits: 1, lst: 5 } }],
  "bits true": [/one bit/, { status_list: { bits: true, lst: "" } }],
  "no list": [/one bit/, { status_list: undefined }],
  "not zlib": [/zlib/, raw(octets("hello, world"))],
  "nothing": [/zlib|empty/, raw(new Uint8Array())],
  "not base64url": [/zlib/, { status_list: { bits: 1, lst: "+/==" } }],
  "truncated": [/zlib|truncated/, raw(zipped.slice(0, -2))],
  "followed by something": [/zlib|follows/, raw(Uint8Array.of(...zipped, 1, 2, 3))],
  "empty": [/empty/, zip(new Uint8Array())],
  "a bomb": [/too large/, zip(new Uint8Array(MAX_OCTETS + 1))],
};

test.each(Object.entries(UNUSABLE))("unusable: %s", async (_, [message, changes, headers]) => {
  await expect(verified(changes, headers)).rejects.toThrow(message);
});

test("the largest list is accepted", async () => {
  expect((await verified(zip(new Uint8Array(MAX_OCTETS).fill(255)))).statuses).toHaveLength(MAX_OCTETS);
});

test("the largest list is accepted, although it does not compress", async () => {
  const statuses = new Uint8Array(MAX_OCTETS).map((_, index) => (index * 2654435761) >>> 13);
  expect((await verified(zip(statuses))).statuses).toEqual(statuses);
});

test("a set bit stays set, whichever list is newer and longer", async () => {
  const [held, newer] = [await verified({ version: 5 }), await verified({ ...zip(Uint8Array.of(1)), version: 4 })];
  const merged = succeeding(newer, held);
  expect([...merged.statuses]).toEqual([3, 2]);
  expect(merged.version).toBe(5);
  expect([...newer.statuses]).toEqual([1]);
});

test("freshness is the signed age beside the token's life", async () => {
  const list = await verified();
  const at = (age: number, ttl: number) => freshness(list, NOW + age, ttl);
  expect([at(120, 300), at(121, 300), at(301, 300), at(61, 60)]).toEqual(["live", "lagging", "stale", "stale"]);
});

test.each([
  ["not JSON", "<html>"],
  ["no list", '{"status_lists":[]}'],
  ["too many", JSON.stringify({ status_lists: Array.from({ length: 65 }, (_, index) => `${LISTS}/${index}`) })],
  ["elsewhere", '{"status_lists":["https://evil.example.com/1"]}'],
  ["with dots", JSON.stringify({ status_lists: [`${LISTS}/../keys`] })],
  ["too long", `{"status_lists":["${" ".repeat(20_000)}"]}`],
])("an aggregation is refused: %s", (_, text) => {
  expect(() => parseAggregation(octets(text), `${LISTS}/`)).toThrow(/aggregation/);
});

test("a verified list of a newer epoch ends the older ones", () => {
  const epochs = new Epochs(`${LISTS}/`);
  expect([epochs.isAnnounced([`${LISTS}/7-1`]), epochs.follow(`${LISTS}/7-1`)]).toEqual([false, true]);
  expect([epochs.isAnnounced([`${LISTS}/8-1`]), epochs.isAnnounced([`${LISTS}/8-1`])]).toEqual([true, false]);
  expect(epochs.isOver(`${LISTS}/7-1`, [])).toBe(false); // only a verified list raises the epoch
  expect(epochs.follow(`${LISTS}/8-1`)).toBe(true);
  expect(epochs.isOver(`${LISTS}/7-1`, [])).toBe(true);
  expect([epochs.isOver(`${LISTS}/1`, [`${LISTS}/1`]), epochs.isOver(`${LISTS}/1`, [`${LISTS}/8-1`])]).toEqual([
    false,
    true,
  ]);
  expect(() => epochs.follow(`${LISTS}/7-2`)).toThrow(/restore/);
  expect(epochs.of(`${ISSUER}/elsewhere/9-1`)).toBe(0);
});
