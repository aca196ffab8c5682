// The official client, unmodified, against the running system: node --test client.test.mjs with ISSUER set.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";

import { createAuthClient } from "better-auth/client";
import { jwtClient } from "better-auth/client/plugins";
import { createRemoteJWKSet, jwtVerify } from "jose";

import { openBrowser } from "./browser.mjs";

const ISSUER = process.env.ISSUER;
const PASSWORD = "correct-horse-battery";
const WRONG = { code: "INVALID_EMAIL_OR_PASSWORD", message: "Invalid email or password", status: 401 };

function device(fetchOptions = {}) {
  const browser = openBrowser(ISSUER);
  const client = createAuthClient({
    baseURL: ISSUER,
    plugins: [jwtClient()],
    fetchOptions: { customFetchImpl: browser.fetch, ...fetchOptions },
  });
  return { browser, client };
}

const SESSION = "better-auth.session_token"; // a second cookie, the device cookie, survives a sign-out
const newEmail = () => `${randomBytes(8).toString("hex")}@example.com`;

function dataOf({ data, error }) {
  assert.equal(error, null);
  return data;
}

function assertRefused({ data, error }, expected) {
  assert.equal(data, null);
  assert.deepEqual({ code: error.code, message: error.message, status: error.status }, expected);
}

async function signedUp(email = newEmail()) {
  const it = device();
  const { user } = dataOf(await it.client.signUp.email({ name: "Ann", email, password: PASSWORD }));
  return { ...it, email, user };
}

test("sign-up signs in, and get-session returns the account", async () => {
  const { client, email, user } = await signedUp();
  const found = dataOf(await client.getSession());
  assert.deepEqual([found.user.id, found.user.email, found.user.name], [user.id, email, "Ann"]);
  assert.equal(found.session.userId, user.id);
});

test("dates are Date objects with the current time", async () => {
  const { client } = await signedUp();
  const { session, user } = dataOf(await client.getSession());
  for (const date of [user.createdAt, user.updatedAt, session.createdAt, session.updatedAt]) {
    assert.ok(date instanceof Date);
    assert.ok(Math.abs(Date.now() - date) < 60_000, date.toISOString());
  }
  assert.ok(Math.abs(session.expiresAt - session.createdAt - 7 * 24 * 3600_000) < 60_000);
});

test("without a session get-session returns null and no error", async () => {
  assert.deepEqual(await device().client.getSession(), { data: null, error: null });
});

test("sign-in on a second device", async () => {
  const { email, user } = await signedUp();
  const { client } = device();
  const signedIn = dataOf(await client.signIn.email({ email: email.toUpperCase(), password: PASSWORD }));
  assert.deepEqual([signedIn.user.id, signedIn.redirect], [user.id, false]);
  assert.equal(dataOf(await client.getSession()).session.token, signedIn.token);
});

test("an unknown address and a wrong password get the same refusal", async () => {
  const { email } = await signedUp();
  const { browser, client } = device();
  assertRefused(await client.signIn.email({ email, password: "not-the-password" }), WRONG);
  assertRefused(await client.signIn.email({ email: newEmail(), password: PASSWORD }), WRONG);
  assert.ok(!browser.cookies.has(SESSION));
});

test("refusals have Better Auth's error codes", async () => {
  const { email } = await signedUp();
  const { client } = device();
  const { error: taken } = await client.signUp.email({ name: "Bob", email, password: PASSWORD });
  assert.deepEqual([taken.status, taken.code], [422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL"]);
  const { error: short } = await client.signUp.email({ name: "Bob", email: newEmail(), password: "short" });
  assert.deepEqual([short.status, short.code], [400, "PASSWORD_TOO_SHORT"]);
});

test("token can be verified with the published keys", async () => {
  const { client, user } = await signedUp();
  const { token } = dataOf(await client.token());
  const expected = { issuer: ISSUER, audience: `${ISSUER}/api/v1`, typ: "at+jwt", algorithms: ["RS256"] };
  for (const path of ["/.well-known/jwks.json", "/api/auth/jwks"]) {
    const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(path, ISSUER)), expected);
    assert.deepEqual([payload.sub, payload.client_id], [user.id, "web"]);
  }
});

test("key set holds public keys only", async () => {
  const { keys } = dataOf(await device().client.jwks());
  assert.ok(keys.length >= 4); // an active key and a spare, for tokens and for status lists
  const publicMembers = ["alg", "e", "kid", "kty", "n", "signs", "use"]; // `signs` marks the status lists' keys
  for (const key of keys)
    assert.deepEqual(
      Object.keys(key).filter((name) => !publicMembers.includes(name)),
      [],
    );
});

test("token opens the todo API", async () => {
  const { client } = await signedUp();
  const { token } = dataOf(await client.token());
  const response = await fetch(`${ISSUER}/api/v1/todos`, { headers: { authorization: `Bearer ${token}` } });
  assert.equal(response.status, 200);
});

test("get-session also returns a token", async () => {
  const { browser, client } = await signedUp();
  dataOf(await client.getSession());
  const headers = { authorization: `Bearer ${browser.lastResponse.headers.get("set-auth-jwt")}` };
  assert.equal((await fetch(`${ISSUER}/api/v1/todos`, { headers })).status, 200);
});

test("the bearer credential works instead of the cookie", async () => {
  const { browser, user } = await signedUp();
  const token = browser.lastResponse.headers.get("set-auth-token");
  const { client } = device({ auth: { type: "Bearer", token } });
  assert.equal(dataOf(await client.getSession()).user.id, user.id);
});

test("list-sessions shows every device and marks the current one", async () => {
  const { client, email } = await signedUp();
  dataOf(await device().client.signIn.email({ email, password: PASSWORD }));
  const { session } = dataOf(await client.getSession());
  const listed = dataOf(await client.listSessions());
  assert.equal(listed.length, 2);
  assert.equal(listed.filter(({ token }) => token === session.token).length, 1);
});

test("list-accounts shows the password's identity without the password", async () => {
  const { client, user } = await signedUp();
  const [account, ...others] = dataOf(await client.listAccounts());
  assert.deepEqual(others, []);
  assert.deepEqual([account.providerId, account.userId, account.scopes], ["credential", user.id, []]);
  assert.ok(!("password" in account));
});

test("lists need a session", async () => {
  const { client } = device();
  const expected = { code: "UNAUTHORIZED", message: "Unauthorized", status: 401 };
  for (const answer of [await client.listSessions(), await client.listAccounts(), await client.token()])
    assertRefused(answer, expected);
});

test("sign-out ends the session, even with a kept cookie", async () => {
  const { browser, client } = await signedUp();
  const kept = new Map(browser.cookies);
  assert.ok(kept.has(SESSION));
  assert.deepEqual(dataOf(await client.signOut()), { success: true });
  assert.ok(!browser.cookies.has(SESSION));
  const thief = device();
  kept.forEach((value, name) => thief.browser.cookies.set(name, value));
  assert.deepEqual(await thief.client.getSession(), { data: null, error: null });
});

test("a page of another origin cannot act with the person's session", async () => {
  const { browser, client } = await signedUp();
  const foreign = openBrowser("https://evil.example.com");
  browser.cookies.forEach((value, name) => foreign.cookies.set(name, value));
  const headers = { "content-type": "application/json" };
  const response = await foreign.fetch(`${ISSUER}/api/auth/sign-out`, { method: "POST", headers, body: "{}" });
  assert.deepEqual([response.status, (await response.json()).code], [403, "INVALID_ORIGIN"]);
  assert.ok(dataOf(await client.getSession()));
});

const NEW_PASSWORD = "brand-new-horse-battery";
const isSignedIn = async ({ client }) => dataOf(await client.getSession()) !== null;

async function onAnotherDevice(email, password = PASSWORD) {
  const it = device();
  const { token } = dataOf(await it.client.signIn.email({ email, password }));
  return { ...it, token };
}

test("revoke-session ends only the other device's session, and no session of another account", async () => {
  const here = await signedUp();
  const there = await onAnotherDevice(here.email);
  assert.deepEqual(dataOf(await here.client.revokeSession({ token: there.token })), { status: true });
  assert.deepEqual(dataOf(await here.client.revokeSession({ token: "no-such-token" })), { status: true });
  assert.deepEqual([await isSignedIn(here), await isSignedIn(there)], [true, false]);
});

test("revoke-other-sessions keeps the caller, revoke-sessions does not", async () => {
  const here = await signedUp();
  const there = await onAnotherDevice(here.email);
  assert.deepEqual(dataOf(await here.client.revokeOtherSessions()), { status: true });
  assert.deepEqual([await isSignedIn(here), await isSignedIn(there)], [true, false]);
  assert.deepEqual(dataOf(await here.client.revokeSessions()), { status: true });
  assert.ok(!here.browser.cookies.has(SESSION));
});

test("update-user changes name and picture, and nothing else", async () => {
  const { client } = await signedUp();
  const image = "https://pictures.example.com/ann.png";
  assert.deepEqual(dataOf(await client.updateUser({ name: "Ann B", image })), { status: true });
  const { user } = dataOf(await client.getSession());
  assert.deepEqual([user.name, user.image], ["Ann B", image]);
  const { error } = await client.updateUser({ email: newEmail() });
  assert.deepEqual([error.status, error.code], [400, "EMAIL_CAN_NOT_BE_UPDATED"]);
  assert.equal((await client.updateUser({ name: undefined })).error.status, 400);
  assert.equal((await client.updateSession({ theme: "dark" })).error.status, 400);
});

test("change-password requires the old one, and can end all other sessions", async () => {
  const here = await signedUp();
  const there = await onAnotherDevice(here.email);
  const { error } = await here.client.changePassword({ currentPassword: "wrong", newPassword: NEW_PASSWORD });
  assert.deepEqual([error.status, error.code], [400, "INVALID_PASSWORD"]);
  const change = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD, revokeOtherSessions: true };
  const { token } = dataOf(await here.client.changePassword(change));
  assert.equal(dataOf(await here.client.getSession()).session.token, token);
  assert.ok(!(await isSignedIn(there)));
  assertRefused(await device().client.signIn.email({ email: here.email, password: PASSWORD }), WRONG);
  await onAnotherDevice(here.email, NEW_PASSWORD);
});

test("verify-password tells right from wrong", async () => {
  const { client } = await signedUp();
  const body = (password) => ({ method: "POST", body: { password } });
  assert.deepEqual(dataOf(await client.$fetch("/verify-password", body(PASSWORD))), { status: true });
  const { error } = await client.$fetch("/verify-password", body("wrong"));
  assert.deepEqual([error.status, error.code], [400, "INVALID_PASSWORD"]);
});

test("delete-user deletes, and the address is free again", async () => {
  const { browser, client, email } = await signedUp();
  assert.equal((await client.deleteUser({ password: "wrong" })).error.code, "INVALID_PASSWORD");
  assert.deepEqual(dataOf(await client.deleteUser({ password: PASSWORD })), { success: true, message: "User deleted" });
  assert.ok(!browser.cookies.has(SESSION));
  await signedUp(email);
});

test("the last sign-in method cannot be unlinked", async () => {
  const { client } = await signedUp();
  const [{ id }] = dataOf(await client.listAccounts());
  const { error } = await client.unlinkAccount({ accountId: id });
  assert.deepEqual([error.status, error.code], [400, "FAILED_TO_UNLINK_LAST_ACCOUNT"]);
});

test("rememberMe: false gives a cookie that ends with the browser", async () => {
  const { email } = await signedUp();
  const { browser, client } = device();
  dataOf(await client.signIn.email({ email, password: PASSWORD, rememberMe: false }));
  assert.ok(browser.cookies.has("better-auth.dont_remember"));
  const [line] = browser.lastResponse.headers
    .get("set-cookie")
    .split(/, (?=[^;=]+=)/)
    .filter((it) => it.includes(SESSION));
  assert.doesNotMatch(line, /max-age|expires/i);
});

test("callbackURL comes back as a redirect, and a foreign one is refused", async () => {
  const { email } = await signedUp();
  const { client } = device();
  const answer = dataOf(await client.signIn.email({ email, password: PASSWORD, callbackURL: "/home" }));
  assert.deepEqual([answer.redirect, answer.url], [true, "/home"]);
  const { error } = await client.signIn.email({ email, password: PASSWORD, callbackURL: "https://evil.example.net/" });
  assert.deepEqual([error.status, error.code], [403, "INVALID_CALLBACK_URL"]);
});

test("get-session accepts its options, and every instant in its JSON has three decimals", async () => {
  const { browser, client } = await signedUp();
  dataOf(await client.getSession({ query: { disableCookieCache: true, disableRefresh: true } }));
  const instants = (await browser.lastResponse.text()).match(/"\d{4}-\d\d-\d\dT[^"]*"/g);
  assert.ok(instants.length >= 5);
  for (const instant of instants) assert.match(instant, /\.\d{3}Z"$/);
});

test("the session store fetches again after sign-in and sign-out", async () => {
  const { email, user } = await signedUp();
  const { client } = device();
  const seen = [];
  const stop = client.useSession.subscribe(({ data }) => seen.push(data?.user?.id ?? null));
  const becomes = async (id) => {
    for (let waited = 0; seen.at(-1) !== id && waited < 3000; waited += 20)
      await new Promise((done) => setTimeout(done, 20));
    assert.equal(seen.at(-1), id);
  };
  dataOf(await client.signIn.email({ email, password: PASSWORD }));
  await becomes(user.id);
  dataOf(await client.signOut());
  await becomes(null);
  stop();
});

test("an access token is no session credential", async () => {
  const { client } = await signedUp();
  const { token } = dataOf(await client.token());
  const other = device({ auth: { type: "Bearer", token } });
  assert.deepEqual(await other.client.getSession(), { data: null, error: null });
});

test("an unknown call gets a 404 without a body", async () => {
  const { client } = await signedUp();
  assert.equal((await client.signIn.phoneNumber({ phoneNumber: "+49301234567" })).error.status, 404);
});
