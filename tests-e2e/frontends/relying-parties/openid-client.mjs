// openid-client: an OpenID certified relying party for servers.

import assert from "node:assert/strict";
import { decodeJwt, importJWK } from "jose";
import * as client from "openid-client";
import { account, clients, enter, issuer, open, steps } from "./harness.mjs";

const SCOPE = "openid profile email offline_access";
const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
const insecure = issuer.startsWith("http:") ? [client.allowInsecureRequests] : [];

async function discover(registered, authentication) {
  const { client_id, client_secret } = registered;
  const config = await client.discovery(new URL(issuer), client_id, client_secret, authentication, {
    execute: [...insecure, client.enableNonRepudiationChecks],
  });
  assert.equal(config.serverMetadata().issuer, issuer);
  return config;
}

// Sign in by the code flow with PKCE, nonce and state. The library checks the response, including `iss`.
async function signIn(config, registered, further = {}, { pushes = false, DPoP } = {}) {
  const verifier = client.randomPKCECodeVerifier();
  const checks = {
    pkceCodeVerifier: verifier,
    expectedNonce: client.randomNonce(),
    expectedState: client.randomState(),
  };
  const asked = {
    redirect_uri: registered.redirect_uris[0],
    scope: SCOPE,
    prompt: "consent",
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    nonce: checks.expectedNonce,
    state: checks.expectedState,
    ...further,
  };
  const url = pushes
    ? await client.buildAuthorizationUrlWithPAR(config, asked, { DPoP })
    : client.buildAuthorizationUrl(config, asked);
  const answer = await open(url);
  const expected = { ...checks, idTokenExpected: true };
  const tokens = await client.authorizationCodeGrant(config, answer, expected, undefined, { DPoP });
  assert.equal(tokens.claims().sub, account.sub);
  assert.equal(tokens.claims().aud, config.clientMetadata().client_id);
  return tokens;
}

async function refused(promise, error) {
  await assert.rejects(promise, (thrown) => {
    assert.equal(thrown.error, error, thrown.stack);
    return true;
  });
}

let config;
let tokens;
let older;

await steps({
  "client_secret_basic": async () => {
    config = await discover(clients.basic, client.ClientSecretBasic());
    tokens = await signIn(config, clients.basic);
    assert.equal(tokens.token_type, "bearer");
    assert.ok(tokens.expiresIn() > 0);
  },
  "userinfo": async () => {
    const person = await client.fetchUserInfo(config, tokens.access_token, account.sub);
    assert.equal(person.email, account.email);
    assert.equal(person.email_verified, false);
    assert.equal(person.name, "Ann");
  },
  "refresh": async () => {
    older = tokens;
    tokens = await client.refreshTokenGrant(config, older.refresh_token);
    assert.notEqual(tokens.access_token, older.access_token);
    assert.equal((await client.fetchUserInfo(config, tokens.access_token, account.sub)).sub, account.sub);
    assert.equal(tokens.claims()?.sub ?? account.sub, account.sub); // an ID token is optional here (OIDC Core 12.2)
  },
  "introspection": async () => {
    const told = await client.tokenIntrospection(config, tokens.access_token);
    assert.equal(told.active, true);
    assert.equal(told.sub, account.sub);
    assert.equal(told.client_id, clients.basic.client_id);
    assert.equal((await client.tokenIntrospection(config, "nobodys-token")).active, false);
  },
  "revocation": async () => {
    await client.tokenRevocation(config, tokens.refresh_token ?? older.refresh_token, {
      token_type_hint: "refresh_token",
    });
    await client.tokenRevocation(config, "nobodys-token");
    await refused(client.refreshTokenGrant(config, tokens.refresh_token ?? older.refresh_token), "invalid_grant");
    assert.equal((await client.tokenIntrospection(config, tokens.access_token)).active, false);
  },
  "client_secret_post": async () => {
    await signIn(await discover(clients.post, client.ClientSecretPost()), clients.post);
  },
  "private_key_jwt": async () => {
    const key = await importJWK(clients.key.private_key, "ES256");
    const authentication = client.PrivateKeyJwt({ key, kid: clients.key.private_key.kid });
    await signIn(await discover(clients.key, authentication), clients.key);
  },
  "public client": async () => {
    await signIn(await discover(clients.public, client.None()), clients.public);
  },
  "pushed request": async () => {
    await signIn(config, clients.basic, {}, { pushes: true });
  },
  "tokens bound to a key": async () => {
    const config = await discover(clients.public, client.None());
    const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair("ES256"));
    const bound = await signIn(config, clients.public, {}, { pushes: true, DPoP });
    assert.equal(bound.token_type, "dpop");
    const renewed = await client.refreshTokenGrant(config, bound.refresh_token, undefined, { DPoP });
    const person = await client.fetchUserInfo(config, renewed.access_token, account.sub, { DPoP });
    assert.equal(person.email, account.email);
    await refused(client.refreshTokenGrant(config, renewed.refresh_token ?? bound.refresh_token), "invalid_grant");
    await assert.rejects(client.fetchUserInfo(config, renewed.access_token, account.sub));
  },
  "device": async () => {
    const config = await discover(clients.device, client.None());
    const begun = await client.initiateDeviceAuthorization(config, { scope: SCOPE });
    const shown = await enter(begun.verification_uri, begun.user_code);
    assert.match(shown, /device-allowed/);
    const given = await client.pollDeviceAuthorizationGrant(config, begun);
    assert.equal(given.claims().sub, account.sub);
    assert.equal((await client.fetchUserInfo(config, given.access_token, account.sub)).email, account.email);
    const renewed = await client.refreshTokenGrant(config, given.refresh_token);
    assert.ok(renewed.access_token);
  },
  "exchange": async () => {
    const asked = { subject_token: tokens.access_token, subject_token_type: ACCESS_TOKEN };
    if (!config.serverMetadata().grant_types_supported.includes(EXCHANGE)) {
      return refused(client.genericGrantRequest(config, EXCHANGE, asked), "unsupported_grant_type"); // the control
    }
    const called = await signIn(await discover(clients.caller, client.None()), clients.caller, {
      scope: "openid todos:read",
    });
    const api = await discover(clients.exchange, client.ClientSecretBasic());
    const further = { ...asked, subject_token: called.access_token, resource: `${issuer}/mcp`, scope: "mcp:list" };
    const given = await client.genericGrantRequest(api, EXCHANGE, further);
    assert.deepEqual([given.issued_token_type, given.scope], [ACCESS_TOKEN, "mcp:list"]);
    const { sub, aud, act } = decodeJwt(given.access_token);
    assert.deepEqual([sub, aud, act], [account.sub, `${issuer}/mcp`, { sub: clients.exchange.client_id }]);
    await refused(client.genericGrantRequest(api, EXCHANGE, { ...further, scope: "mcp:plan" }), "invalid_scope");
  },
  "form_post": async () => {
    tokens = await signIn(config, clients.basic, { response_mode: "form_post" });
  },
  "prompt=none while signed in": async () => {
    await signIn(config, clients.basic, { prompt: "none", scope: "openid email" });
  },
  "code is for once": async () => {
    const again = await discover(clients.basic, client.ClientSecretBasic());
    const url = client.buildAuthorizationUrl(again, {
      redirect_uri: clients.basic.redirect_uris[0],
      scope: "openid",
      code_challenge: await client.calculatePKCECodeChallenge("v".repeat(43)),
      code_challenge_method: "S256",
    });
    const { url: answer } = await open(url);
    const checks = { pkceCodeVerifier: "v".repeat(43) };
    await client.authorizationCodeGrant(again, new URL(answer), checks);
    await refused(client.authorizationCodeGrant(again, new URL(answer), checks), "invalid_grant");
  },
  "wrong verifier": async () => {
    const challenge = await client.calculatePKCECodeChallenge("v".repeat(43));
    const asked = { redirect_uri: clients.basic.redirect_uris[0], scope: "openid", code_challenge_method: "S256" };
    const { url } = await open(client.buildAuthorizationUrl(config, { ...asked, code_challenge: challenge }));
    const redeemed = client.authorizationCodeGrant(config, new URL(url), { pkceCodeVerifier: "w".repeat(43) });
    await refused(redeemed, "invalid_grant");
  },
  "wrong secret": async () => {
    const stranger = await discover({ ...clients.basic, client_secret: "wrong" }, client.ClientSecretBasic("wrong"));
    await assert.rejects(client.clientCredentialsGrant(stranger), ({ status, cause }) => {
      assert.deepEqual([status, cause[0].scheme], [401, "basic"]);
      return true;
    });
  },
  "logout": async () => {
    const [post_logout_redirect_uri] = clients.basic.post_logout_redirect_uris;
    const url = client.buildEndSessionUrl(config, {
      id_token_hint: tokens.id_token,
      post_logout_redirect_uri,
      state: "s t",
    });
    const answer = new URL((await open(url)).url);
    assert.equal(answer.origin + answer.pathname, post_logout_redirect_uri);
    assert.equal(answer.searchParams.get("state"), "s t");
  },
  "prompt=none while signed out": async () => {
    await refused(signIn(config, clients.basic, { prompt: "none" }), "login_required");
  },
});
