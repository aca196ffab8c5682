import { describe, expect, test, vi } from "vitest";
import { Failure } from "../src/lib/failure.ts";
import { Browser, token } from "./browser.ts";

const ANN = "ann";
const PATIENCE = { timeout: 30_000 }; // milliseconds, for a busy machine

describe("in one tab", () => {
  test("many calls cost one request", async () => {
    const tab = new Browser().tab(ANN);
    const values = await Promise.all(Array.from({ length: 20 }, () => tab.accessToken.get()));
    expect(new Set(values).size).toBe(1);
    expect(tab.asked()).toBe(1);
  });

  test("a token is renewed shortly before its end, and nobody waits for it", async () => {
    const browser = new Browser();
    const tab = browser.tab(ANN);
    const first = await tab.accessToken.get();
    browser.pass(269_000);
    expect(await tab.accessToken.get()).toBe(first);
    expect(tab.asked()).toBe(1);
    browser.pass(2_000); // 29 seconds before the end
    expect(await tab.accessToken.get()).toBe(first);
    await vi.waitFor(async () => expect(await tab.accessToken.get()).not.toBe(first), PATIENCE);
    expect(tab.asked()).toBe(2);
  });

  test("after its end, callers wait for the new one", async () => {
    const browser = new Browser();
    const tab = browser.tab(ANN);
    const first = await tab.accessToken.get();
    browser.pass(300_000);
    expect(await tab.accessToken.get()).not.toBe(first);
    expect(tab.asked()).toBe(2);
  });

  test("a clock that is wrong by an hour changes nothing", async () => {
    const browser = new Browser();
    browser.pass(3_600_000);
    const tab = browser.tab(ANN, { issuedAt: 0 });
    await tab.accessToken.get();
    await tab.accessToken.get();
    expect(tab.asked()).toBe(1);
  });

  test("a refused token is replaced once, whoever was refused", async () => {
    const tab = new Browser().tab(ANN);
    const refused = await tab.accessToken.get();
    const replaced = await Promise.all([1, 2, 3].map(() => tab.accessToken.replace(refused)));
    expect(new Set(replaced).size).toBe(1);
    expect(replaced[0]).not.toBe(refused);
    expect(tab.asked()).toBe(2);
  });

  test("while the issuer is away a token is used until its very end", async () => {
    const browser = new Browser();
    const tab = browser.tab(ANN);
    const value = await tab.accessToken.get();
    tab.fetchToken.mockRejectedValue(new Failure("unreachable", "down"));
    browser.pass(299_000);
    expect(await tab.accessToken.get()).toBe(value);
    browser.pass(2_000);
    await expect(tab.accessToken.get()).rejects.toMatchObject({ kind: "unreachable" });
  });

  test("a session that has ended ends the token, although it has not expired", async () => {
    const browser = new Browser();
    const tab = browser.tab(ANN);
    await tab.accessToken.get();
    browser.pass(280_000);
    tab.fetchToken.mockRejectedValue(new Failure("signed-out", "over"));
    await tab.accessToken.get();
    await browser.settle();
    await expect(tab.accessToken.get()).rejects.toMatchObject({ kind: "signed-out" });
  });

  test("one failed request fails all callers that wait for it", async () => {
    const tab = new Browser().tab(ANN);
    tab.fetchToken.mockRejectedValue(new Failure("unreachable", "down"));
    const all = await Promise.allSettled([1, 2, 3].map(() => tab.accessToken.get()));
    expect(all.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    expect(tab.asked()).toBe(1);
  });

  test("after a failure the next call asks again", async () => {
    const tab = new Browser().tab(ANN);
    tab.fetchToken.mockRejectedValueOnce(new Failure("unreachable", "down"));
    await expect(tab.accessToken.get()).rejects.toMatchObject({ kind: "unreachable" });
    await expect(tab.accessToken.get()).resolves.toBeTypeOf("string");
  });
});

describe("in many tabs", () => {
  test("all tabs at once cost one request", async () => {
    const browser = new Browser();
    const tabs = [1, 2, 3, 4].map(() => browser.tab(ANN));
    const values = await Promise.all(tabs.map((tab) => tab.accessToken.get()));
    expect(new Set(values).size).toBe(1);
    expect(browser.asked()).toBe(1);
  });

  test("a tab that waits for another one asks by itself as soon as that one fails", async () => {
    const browser = new Browser();
    const [one, other] = [browser.tab(ANN), browser.tab(ANN)];
    let fail = (_: Failure): void => undefined;
    one.fetchToken.mockReturnValueOnce(new Promise((_, reject) => (fail = reject)));
    const { setTimeout } = globalThis;
    vi.stubGlobal("setTimeout", (call: () => void, wait = 0) => (wait < 1000 ? setTimeout(call, wait) : 0));
    const failing = one.accessToken.get();
    const waiting = other.accessToken.get(); // would wait for a message for good: long timers never end here
    fail(new Failure("unreachable", "down"));
    await expect(failing).rejects.toMatchObject({ kind: "unreachable" });
    await expect(waiting).resolves.toBeTypeOf("string");
    vi.unstubAllGlobals();
  });

  test("a new tab takes the token of one that has it", async () => {
    const browser = new Browser();
    const value = await browser.tab(ANN).accessToken.get();
    const second = browser.tab(ANN);
    await browser.settle();
    expect(await second.accessToken.get()).toBe(value);
    expect(browser.asked()).toBe(1);
  });

  test("a tab that has renewed passes the token to the others", async () => {
    const browser = new Browser();
    const [one, other] = [browser.tab(ANN), browser.tab(ANN)];
    await one.accessToken.get();
    browser.pass(300_000);
    const renewed = await one.accessToken.get();
    await browser.settle();
    expect(await other.accessToken.get()).toBe(renewed);
    expect(browser.asked()).toBe(2);
  });
});

describe("of another person", () => {
  test("another person's token from another tab is not used", async () => {
    const browser = new Browser();
    await browser.tab("ben").accessToken.get();
    const tab = browser.tab(ANN);
    await browser.settle();
    expect(await tab.accessToken.get()).toBe(token(ANN, 1));
  });

  test("nothing is left after sign-out", async () => {
    const tab = new Browser().tab(ANN);
    await tab.accessToken.get();
    tab.accessToken.belongsTo(null);
    tab.accessToken.belongsTo(ANN);
    await tab.accessToken.get();
    expect(tab.asked()).toBe(2);
  });

  test("a token that arrives after another person has signed in is dropped", async () => {
    const tab = new Browser().tab(ANN);
    let resolve = (_: string): void => undefined;
    tab.fetchToken.mockReturnValueOnce(new Promise((arrive) => (resolve = arrive)));
    const asked = tab.accessToken.get();
    await vi.waitFor(() => expect(tab.fetchToken).toHaveBeenCalled(), PATIENCE);
    tab.accessToken.belongsTo("ben");
    resolve(token(ANN, 7));
    await expect(asked).rejects.toMatchObject({ kind: "signed-out" });
  });
});

describe("a person who changes while a caller waits", () => {
  function slowly(tab: ReturnType<Browser["tab"]>): (value: string) => void {
    let resolve = (_: string): void => undefined;
    tab.fetchToken.mockReturnValueOnce(new Promise((arrive) => (resolve = arrive)));
    return (value) => resolve(value);
  }

  test("a caller never gets the next person's token", async () => {
    const tab = new Browser().tab(ANN);
    const arrive = slowly(tab);
    const asked = tab.accessToken.get();
    await vi.waitFor(() => expect(tab.fetchToken).toHaveBeenCalled(), PATIENCE);
    tab.accessToken.belongsTo("ben");
    arrive(token("ben", 7)); // the cookie was Ben's already when the request arrived
    await expect(asked).rejects.toMatchObject({ kind: "signed-out" });
  });

  test("a refused token is not replaced by the next person's", async () => {
    const tab = new Browser().tab(ANN);
    const refused = await tab.accessToken.get();
    tab.accessToken.belongsTo("ben");
    await expect(tab.accessToken.replace(refused)).rejects.toMatchObject({ kind: "signed-out" });
    expect(tab.asked()).toBe(1);
  });

  test("a caller who waits for another tab does not fetch for the next person", async () => {
    const browser = new Browser();
    const [first, second] = [browser.tab(ANN), browser.tab(ANN)];
    const arrive = slowly(first);
    const ofFirst = first.accessToken.get();
    await vi.waitFor(() => expect(first.fetchToken).toHaveBeenCalled(), PATIENCE);
    const ofSecond = second.accessToken.get();
    second.accessToken.belongsTo(null);
    arrive(token(ANN, 1));
    await ofFirst;
    await expect(ofSecond).rejects.toMatchObject({ kind: "signed-out" });
    expect(second.asked()).toBe(0);
  });

  test("what ends late does not end the next person's request", async () => {
    const tab = new Browser().tab(ANN);
    const arrive = slowly(tab);
    const asked = tab.accessToken.get();
    await vi.waitFor(() => expect(tab.fetchToken).toHaveBeenCalled(), PATIENCE);
    tab.accessToken.belongsTo(null);
    tab.accessToken.belongsTo(ANN);
    const arriveAgain = slowly(tab);
    const again = tab.accessToken.get(); // waits for the lock
    arrive(token("ben", 1));
    await expect(asked).rejects.toMatchObject({ kind: "signed-out" });
    await vi.waitFor(() => expect(tab.asked()).toBe(2), PATIENCE);
    const third = tab.accessToken.get();
    arriveAgain(token(ANN, 2));
    expect(await Promise.all([again, third])).toEqual([token(ANN, 2), token(ANN, 2)]);
    expect(tab.asked()).toBe(2);
  }, 20_000); // it waits for the whole of HEARING
});

test("the token is never put into a lasting store", async () => {
  const kept = new Map<string, string>();
  vi.stubGlobal("localStorage", { setItem: (name: string, value: string) => kept.set(name, value) });
  vi.stubGlobal("sessionStorage", { setItem: (name: string, value: string) => kept.set(name, value) });
  await new Browser().tab(ANN).accessToken.get();
  expect(kept.size).toBe(0);
  vi.unstubAllGlobals();
});
