// DPoP proofs (rule R28). The vectors have what is refused; here is what they cannot say: time, memory and other tokens.

import { expect } from "vitest";
import { normalized } from "../src/dpop.ts";
import { SpentProofs } from "../src/spent-proofs.ts";
import { test } from "../src/vitest.ts";
import { client } from "./client.ts";
import { outcome } from "./outcome.ts";

const URL = "https://api.test/invoices";

test("a bound token needs its proof each time, and each proof is accepted once", async ({ issuer }) => {
  const verifier = await issuer.verifier();
  const { token, proof } = await client(issuer, URL);
  const [first, second] = [await proof(), await proof()];
  const ask = (text: string) => outcome(verifier.verifyDpop(token, text, "GET", URL));
  expect(await outcome(verifier.verify(token))).toBe("bound-to-key");
  expect(await ask(first)).toBe("accepted");
  expect(await ask(first)).toBe("proof-replayed");
  expect(await outcome(verifier.verify(token))).toBe("bound-to-key"); // although it has been verified
  expect(await outcome(verifier.verifyOrWait(token))).toBe("bound-to-key");
  const many = await Promise.all(Array.from({ length: 20 }, () => ask(second)));
  expect(many.filter((each) => each === "accepted")).toHaveLength(1);
  issuer.advance(31);
  expect(await ask(await proof())).toBe("accepted");
  expect(verifier.report().refusals["proof-replayed"]).toBe(20);
});

test("a proof of a token that is refused may come again", async ({ issuer }) => {
  const verifier = await issuer.verifier();
  const { token, proof } = await client(issuer, URL);
  const text = await proof();
  issuer.down();
  await issuer.revoke(token);
  await issuer.up();
  expect(await outcome(verifier.verifyDpop(token, text, "GET", URL))).toBe("revoked");
  expect(await outcome(verifier.verifyDpop(await issuer.token(), text, "GET", URL))).toBe("not-bound");
  expect(verifier.report().refusals["proof-replayed"]).toBe(undefined);
});

test("the memory of spent proofs is bounded, and forgets none that would still be accepted", () => {
  const spent = new SpentProofs(3);
  const spend = (name: string, iat: number, now = 100) => spent.spend(name, iat, now, 30);
  expect([spend("a", 90), spend("b", 91.5), spend("c", 92), spend("a", 90)]).toEqual([true, true, true, false]);
  expect([spend("d", 93), spend("a", 90), spend("e", 90.9)]).toEqual([true, false, false]); // 90 is forgotten
  expect([spend("b", 91.5, 121), spend("f", 120, 122), spend("g", 121, 122)]).toEqual([false, true, true]);
  expect([spend("i", 160, 160), spend("h", 10, 20)]).toEqual([true, true]); // the clock was set back
});

test("URLs are compared in one spelling", () => {
  expect(normalized("HTTPS://API.test:443/a%7eb%2fc?x#y")).toBe("https://api.test/a~b%2Fc");
  expect([normalized("http://[::1]:080"), normalized("http://a:8080?x")]).toEqual(["http://[::1]/", "http://a:8080/"]);
  const strange = [
    "api.test/",
    "ftp://a/",
    "https://a@b/",
    "https://a b/",
    "https://ä/",
    "https:///",
    "https://a:99999/",
  ];
  expect(strange.map(normalized)).toEqual(strange.map(() => undefined));
});
