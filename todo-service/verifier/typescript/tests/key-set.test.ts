// A key set is read as a whole: unusable keys are skipped, a set without a usable key is refused (rules J8 to J10).

import { expect, test } from "vitest";
import { parseKeys } from "../src/key-set.ts";
import { jwk, keySet, octets, published, type Values } from "./issuer.ts";

async function kidsOf(...keys: unknown[]): Promise<{ kids: string[]; warnings: string[] }> {
  const warnings: string[] = [];
  const { accessTokens } = await parseKeys(keySet(...keys, await jwk("good")), (message) => warnings.push(message));
  return { kids: [...accessTokens.keys()], warnings };
}

const UNUSABLE: Record<string, [RegExp, Values]> = {
  "private members": [/private/, { d: "AQAB" }],
  "a symmetric key": [/private/, { kty: "oct", k: "AAAA" }],
  "no kid": [/kid/, { kid: undefined }],
  "a long kid": [/kid/, { kid: "x".repeat(129) }],
  "for encryption": [/not for/, { use: "enc" }],
  "key_ops without verify": [/not for/, { key_ops: ["sign"] }],
  "alg RS512": [/not for/, { alg: "RS512" }],
  "alg null": [/not for/, { alg: null }],
  "signs something else": [/signs/, { signs: "logout+jwt" }],
  "exponent 3": [/weak/, { e: "Aw" }],
  "a modulus of 16 bits": [/weak/, { n: "AQAB" }],
  "an even modulus": [/weak/, { n: "_".repeat(341) + "8A" }],
  "a modulus of 131,072 bits": [/large/, { n: "_".repeat(21846) }],
  "an exponent of 33 bits": [/large/, { e: "AQAAAAE" }],
  "a modulus in other base64": [/base64url/, { n: "+/".repeat(171) }],
};

test.each(Object.entries(UNUSABLE))("skipped with a warning: %s", async (_, [warning, members]) => {
  const { kids, warnings } = await kidsOf(await jwk("bad", "RS256", members));
  expect(kids).toEqual(["good"]);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(warning);
  expect(warnings[0]).not.toContain("AQAB");
});

test("a point that is not on its curve is skipped", async () => {
  const { x } = await jwk("es", "ES256");
  expect((await kidsOf(await jwk("es", "ES256", { y: x }))).kids).toEqual(["good"]);
});

test("the first of two keys with one kid counts", async () => {
  const { accessTokens } = await published(await jwk("first"), await jwk("es", "ES256", { kid: "first" }));
  expect([...(accessTokens.get("first")?.keys() ?? [])]).toEqual(["RS256"]);
});

test("keys for status lists verify no tokens, if the issuer separates them", async () => {
  const lists = await jwk("lists", "RS256", { signs: "statuslist+jwt" });
  const apart = await published(await jwk("first"), lists);
  expect([[...apart.accessTokens.keys()], [...apart.statusLists.keys()]]).toEqual([["first"], ["lists"]]);
  const together = await published();
  expect(together.statusLists).toBe(together.accessTokens);
});

test.each([
  ["larger than 64 KiB", octets(" ".repeat(65 * 1024))],
  ["not JSON", octets("<html>")],
  ["a list", octets("[]")],
  ["without keys", octets('{"keys":[]}')],
  ["with 1,000 keys", keySet(...Array<Values>(1000).fill({}))],
  ["with 33 keys", keySet(...Array<Values>(33).fill({}))],
  ["with a name twice", octets('{"keys":[],"keys":[]}')],
])("a set is refused as a whole: %s", async (_, document) => {
  await expect(parseKeys(document, () => undefined)).rejects.toMatchObject({ name: "UnusableKeySet" });
});
