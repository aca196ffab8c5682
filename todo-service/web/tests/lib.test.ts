import { describe, expect, test } from "vitest";
import { refuse } from "../src/lib/auth.ts";
import { nameDevice, sinceWhen } from "../src/lib/devices.ts";
import { inSeconds, parseRetryAfter } from "../src/lib/failure.ts";
import { parseLook } from "../src/lib/look.ts";
import { rate } from "../src/lib/password.ts";
import { parseReturnTo, signInPath } from "../src/lib/return-to.ts";
import { isComposing, isVisible, oneLine, titlesOf } from "../src/lib/typing.ts";

const ORIGIN = "https://todo.example.com";

describe("returnTo", () => {
  test.each(["/", "/settings", "/?show=open", "/settings?x=1"])("%s is accepted", (value) => {
    expect(parseReturnTo(value, ORIGIN)).toBe(value);
  });

  test.each([
    "https://evil.example.com/",
    "//evil.example.com",
    "/\\evil.example.com",
    "/\t/evil.example.com",
    "/\t/evil.example.com/settings",
    "\\/evil.example.com",
    "javascript:alert(1)",
    "data:text/html,x",
    "settings",
    "",
    "/sign-in",
    "/sign-up",
    "/admin",
    "/oauth/authorize?client_id=x",
    "/api/auth/sign-out",
    "/settings/../oauth/logout",
    " /settings",
    "https://todo.example.com.evil.example.com/",
    "/settings@evil.example.com",
  ])("%j is refused", (value) => {
    expect(parseReturnTo(value, ORIGIN)).toBe("/");
  });

  test("leads back to the page that asked for a sign-in", () => {
    const address = new URL(signInPath("/?show=open"), ORIGIN);
    expect(parseReturnTo(address.searchParams.get("returnTo"), ORIGIN)).toBe("/?show=open");
    expect(signInPath("/")).toBe("/sign-in");
  });
});

describe("a refusal of the Better Auth protocol", () => {
  const NONE = new Headers();

  test.each([
    ["INVALID_EMAIL_OR_PASSWORD", 401, "invalid", "password", "The email address or the password is wrong."],
    [
      "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL",
      422,
      "invalid",
      "email",
      "There is an account with this address already. Sign in instead.",
    ],
    [
      "PASSWORD_COMPROMISED",
      400,
      "invalid",
      "newPassword",
      "This password is among the most common ones, or other services have lost it. Choose another.",
    ],
    [
      "PASSWORD_PERSONAL",
      400,
      "invalid",
      "newPassword",
      "This password is little more than your name or address. Choose another.",
    ],
    [
      "EMAIL_NOT_VERIFIED",
      403,
      "unverified",
      undefined,
      "Confirm your address first: a mail with a link is on its way.",
    ],
    ["INVALID_PASSWORD", 400, "invalid", "currentPassword", "This is not your password."],
    ["UNAUTHORIZED", 401, "signed-out", undefined, "Your session has ended."],
    ["SESSION_NOT_FRESH", 403, "stale", undefined, "Confirm that it is you."],
    ["WHATEVER", 500, "broken", undefined, "Something is broken on our side. Try again in a moment."],
    ["WHATEVER", 502, "unreachable", undefined, "Signing in is not possible right now. Try again in a moment."],
  ])("%s (%i) becomes a sentence", (code, status, kind, field, message) => {
    expect(refuse({ status, code, message: "raw" }, NONE, 0)).toMatchObject({ kind, field, message });
  });

  test("goes to the field that the message names", () => {
    const message = "[body.email] Invalid email address";
    expect(refuse({ status: 400, code: "VALIDATION_ERROR", message }, NONE, 0)).toMatchObject({
      field: "email",
      message: "Invalid email address",
    });
  });

  test.each(["Retry-After", "X-Retry-After"])("a limit says when to try again, by %s", (name) => {
    expect(refuse({ status: 429, message: "Too many" }, new Headers({ [name]: "30" }), 1_000)).toMatchObject({
      kind: "limited",
      retryAt: 31_000,
      message: "Too many attempts.",
    });
  });
});

describe("Retry-After", () => {
  const NOW = Date.parse("2026-11-22T12:00:00Z");
  test.each([
    ["5", NOW + 5_000],
    ["Sun, 22 Nov 2026 12:01:00 GMT", NOW + 60_000],
    ["soon", undefined],
    [null, undefined],
  ])("%j", (value, at) => expect(parseRetryAfter(value, NOW)).toBe(at));

  test.each([
    [NOW + 1, "in 1 second"],
    [NOW + 900_000, "in 15 minutes"],
    [undefined, "in a moment"],
  ])("%j is shown as %s", (at, said) => expect(inSeconds(at, NOW)).toBe(said));
});

test.each([
  ["a", [], "short"],
  ["aaaaaaaaaaaa", [], "weak"],
  ["annexample1", ["Ann Example"], "weak"],
  ["tomatoes9", [], "fair"],
  ["four walking wombats", [], "strong"],
  ["пароль длинный", [], "fair"],
])("%s is rated", (password, about, strength) => expect(rate(password, about)).toBe(strength));

test.each([
  [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
    "Chrome on Linux",
  ],
  [
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
    "Safari on Mac",
  ],
  [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/156 Safari/604.1",
    "Chrome on iPhone",
  ],
  [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Safari/537.36 Edg/156.0",
    "Edge on Windows",
  ],
  ["Mozilla/5.0 (Android 16; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0", "Firefox on Android"],
  ["curl/8.5", "curl"],
  ["", "A program or an unknown browser"],
])("%s is %s", (userAgent, name) => expect(nameDevice(userAgent)).toBe(name));

test.each([
  [0, "just now"],
  [61, "1 minute ago"],
  [7_300, "2 hours ago"],
  [100_000, "yesterday"],
])("%i seconds are %s", (seconds, said) => expect(sinceWhen(new Date(0), seconds * 1000)).toBe(said));

describe("typing", () => {
  test.each([
    ["Enter that takes a word", { nativeEvent: { isComposing: true }, keyCode: 13 }, true],
    ["Safari's Enter after it", { nativeEvent: { isComposing: false }, keyCode: 229 }, true],
    ["Enter", { nativeEvent: { isComposing: false }, keyCode: 13 }, false],
  ])("%s", (_, key, is) => expect(isComposing(key)).toBe(is));

  test.each([
    ["Ann", true],
    ["  ", false],
    ["\u200b\u00a0", false],
    ["李", true],
  ])("%j has something to see: %s", (text, is) => expect(isVisible(text)).toBe(is));

  test.each([
    ["Milk\r\n- Bread\n\n* [ ] Eggs\n\u200b\n  • Tea ", ["Milk", "Bread", "Eggs", "Tea"]],
    ["[x] Milk\n- [ ]\n-\n-5 degrees\n[1] is cited", ["Milk", "-5 degrees", "[1] is cited"]],
    ["Milk\n".repeat(100), new Array<string>(100).fill("Milk")],
    ["one line", []],
    ["one line\n", []],
    ["- [ ]\nMilk", []],
    ["a novel\n".repeat(101), null],
    ["\n a novel of two paragraphs\n" + "x".repeat(100_000), null],
    ["x".repeat(100_001), []],
  ])("%.40j pasted makes %.80j", (pasted, titles) => expect(titlesOf(pasted)).toEqual(titles));

  test("a title is one line", () => expect(oneLine("a\r\nb\tc")).toBe("a b c"));
});

test.each([
  ["dark compact", "dark", "compact"],
  ["light", "light", "comfortable"],
  ["nonsense <b>", "system", "comfortable"],
  [null, "system", "comfortable"],
])("a look that is kept as %j is %s and %s", (kept, theme, density) => {
  expect(parseLook(kept)).toEqual({ theme, density });
});
