// The parser agrees with JSON.parse on I-JSON (RFC 7493), and refuses what I-JSON forbids.

import { expect, test } from "vitest";
import { hasInteger, isObject, parse } from "../src/strict-json.ts";
import { octets } from "./issuer.ts";

const VALUES = [
  "0", "-0.5e-3", "12345678901234567890", "true", "false", "null", '""', '"a\\u00e9\\n\\"/\\\\"', '"😀\\ud83d\\ude00"',
  "[]", "[ 1 , [2] ]", "{}", '{"a":{"b":[null,{}]},"": 1}', ' \t\r\n{"__proto__": 1, "constructor" :[]} ',
]; // prettier-ignore

test.each(VALUES)("the same value as JSON.parse: %s", (text) => {
  expect(JSON.stringify(parse(octets(text), 8))).toBe(JSON.stringify(JSON.parse(text)));
});

const INVALID = [
  "", " ", "{", "[1,]", "{,}", '{"a"}', '{"a":1,}', "01", "+1", ".5", "1.", "1e", "-", "NaN", "Infinity", "'a'", "nul",
  "truer", "1 2", "[1]]", '"a\nb"', '"\\x"', '"\\u12"', '"', "/**/1", "1e400", "-1e400", '"\\udc00"', '{"a":1,"a":1}',
  '{"a":1,"\\u0061":1}', '{"x":[{"b":1,"b":2}]}', "\ufeff1", "9".repeat(5000), "[[[[[[[[[1]]]]]]]]]",
]; // prettier-ignore

test.each(INVALID)("refused: %s", (text) => {
  expect(() => parse(octets(text), 8)).toThrow(expect.objectContaining({ name: "NotStrictJson" }));
});

test("a decimal is no integer, although it may have the value of one", () => {
  const members = parse(octets('{"a":1,"b":1.0,"c":1e0,"d":[1.0],"e":2,"f":"1"}'), 8);
  if (!isObject(members)) throw new Error("it is an object");
  expect(["a", "b", "c", "d", "e", "f"].filter((name) => hasInteger(members, name))).toEqual(["a", "e"]);
});

test("octets that are not UTF-8 are refused", () => {
  expect(() => parse(Uint8Array.of(0x22, 0xe9, 0x22), 8)).toThrow("not Unicode text");
});
