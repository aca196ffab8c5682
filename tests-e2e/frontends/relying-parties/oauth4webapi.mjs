// oauth4webapi: a library for any JavaScript runtime, with one function for each step of the protocol.

import assert from "node:assert/strict";
import { importJWK } from "jose";
import * as oauth from "oauth4webapi";
import { account, clients, enter, issuer, open, steps } from "./harness.mjs";

const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
const SCOPE = "openid email offline_access";
const options = { [oauth.allowInsecureRequests]: issuer.startsWith("http:") };
let server;

// Ask once more if the server wants a nonce in the proof, which the library has kept then (RFC 9449 §8).
async function proving(ask) {
  try {
    return await ask();
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    return await ask();
  }
}

// Push the request (RFC 9126); return what is left to send by the browser.
async function push(client, authentication, parameters, further) {
  const pushed = await proving(async () => {
    const response = await oauth.pushedAuthorizationRequest(server, client, authentication, parameters, further);
    return oauth.processPushedAuthorizationResponse(server, client, response);
  });
  return { client_id: client.client_id, request_uri: pushed.request_uri };
}

// Run the code flow; return the token response.
async function signIn({ registered, authentication, response_mode, scope = SCOPE, pushes = false, DPoP }) {
  const { client_id, redirect_uris } = registered;
  const client = { client_id };
  const [state, nonce, verifier] = [
    oauth.generateRandomState(),
    oauth.generateRandomNonce(),
    oauth.generateRandomCodeVerifier(),
  ];
  const url = new URL(server.authorization_endpoint);
  const further = { ...options, DPoP };
  const asked = {
    client_id,
    redirect_uri: redirect_uris[0],
    response_type: "code",
    scope,
    prompt: "consent",
    state,
    nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    ...(response_mode && { response_mode }),
  };
  const sent = pushes ? await push(client, authentication, asked, further) : asked;
  for (const [name, value] of Object.entries(sent)) url.searchParams.set(name, value);
  const answer = await open(url);
  const received = answer.method === "POST" ? new URLSearchParams(await answer.text()) : new URL(answer.url);
  const callback = oauth.validateAuthResponse(server, client, received, state);
  const [tokens, response] = await proving(async () => {
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      client,
      authentication,
      callback,
      redirect_uris[0],
      verifier,
      further,
    );
    const expected = { expectedNonce: nonce, requireIdToken: true };
    return [await oauth.processAuthorizationCodeResponse(server, client, response, expected), response];
  });
  await oauth.validateApplicationLevelSignature(server, response, options);
  assert.equal(oauth.getValidatedIdTokenClaims(tokens).sub, account.sub);
  return { client, tokens };
}

async function authenticationByKey(registered) {
  const key = await importJWK(registered.private_key, registered.private_key.alg);
  return oauth.PrivateKeyJwt({ key, kid: registered.private_key.kid });
}

let session;

await steps({
  "discovery": async () => {
    const response = await oauth.discoveryRequest(new URL(issuer), options);
    server = await oauth.processDiscoveryResponse(new URL(issuer), response);
    assert.equal(server.authorization_response_iss_parameter_supported, true);
    assert.deepEqual(server.code_challenge_methods_supported, ["S256"]);
  },
  "public client": async () => {
    session = await signIn({ registered: clients.public, authentication: oauth.None() });
  },
  "userinfo": async () => {
    const response = await oauth.userInfoRequest(server, session.client, session.tokens.access_token, options);
    const person = await oauth.processUserInfoResponse(server, session.client, account.sub, response);
    assert.equal(person.email, account.email);
  },
  "refresh": async () => {
    const { client, tokens } = session;
    const response = await oauth.refreshTokenGrantRequest(server, client, oauth.None(), tokens.refresh_token, options);
    const next = await oauth.processRefreshTokenResponse(server, client, response);
    assert.notEqual(next.refresh_token, tokens.refresh_token);
    session.tokens = next;
  },
  "revocation": async () => {
    const { client, tokens } = session;
    const response = await oauth.revocationRequest(server, client, oauth.None(), tokens.refresh_token, options);
    await oauth.processRevocationResponse(response);
    const again = await oauth.refreshTokenGrantRequest(server, client, oauth.None(), tokens.refresh_token, options);
    await assert.rejects(oauth.processRefreshTokenResponse(server, client, again), { error: "invalid_grant" });
  },
  "private_key_jwt": async () => {
    const registered = clients.key;
    const authentication = await authenticationByKey(registered);
    session = await signIn({ registered, authentication, response_mode: "form_post" });
  },
  "pushed request": async () => {
    await signIn({ registered: clients.public, authentication: oauth.None(), pushes: true });
  },
  "tokens bound to a key": async () => {
    const registered = clients.public;
    const DPoP = oauth.DPoP({ client_id: registered.client_id }, await oauth.generateKeyPair("ES256"));
    const { client, tokens } = await signIn({ registered, authentication: oauth.None(), pushes: true, DPoP });
    assert.equal(tokens.token_type, "dpop");
    const told = (further) => oauth.userInfoRequest(server, client, tokens.access_token, { ...options, ...further });
    const person = await proving(async () =>
      oauth.processUserInfoResponse(server, client, account.sub, await told({ DPoP })),
    );
    assert.equal(person.email, account.email);
    const thief = oauth.DPoP({ client_id: registered.client_id }, await oauth.generateKeyPair("ES256"));
    const stolen = proving(async () =>
      oauth.processUserInfoResponse(server, client, account.sub, await told({ DPoP: thief })),
    );
    await assert.rejects(stolen, oauth.WWWAuthenticateChallengeError);
    const refresh = (further) =>
      oauth.refreshTokenGrantRequest(server, client, oauth.None(), tokens.refresh_token, { ...options, ...further });
    await assert.rejects(oauth.processRefreshTokenResponse(server, client, await refresh()), {
      error: "invalid_grant",
    });
    const next = await proving(async () => oauth.processRefreshTokenResponse(server, client, await refresh({ DPoP })));
    assert.equal(next.token_type, "dpop");
  },
  "introspection": async () => {
    const authentication = await authenticationByKey(clients.key);
    const { client, tokens } = session;
    const response = await oauth.introspectionRequest(server, client, authentication, tokens.access_token, options);
    const told = await oauth.processIntrospectionResponse(server, client, response);
    assert.equal(told.active, true);
    assert.equal(told.sub, account.sub);
  },
  "client_credentials": async () => {
    const authentication = await authenticationByKey(clients.robot);
    const client = { client_id: clients.robot.client_id };
    const parameters = new URLSearchParams({ resource: `${issuer}/api/v1`, scope: "todos:read" });
    const response = await oauth.clientCredentialsGrantRequest(server, client, authentication, parameters, options);
    const tokens = await oauth.processClientCredentialsResponse(server, client, response);
    assert.equal(tokens.scope, "todos:read");
    // The library's own RFC 9068 check for resource servers: signature, issuer, audience, type.
    const request = new Request(`${issuer}/api/v1/todos`, {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    });
    const claims = await oauth.validateJwtAccessToken(server, request, `${issuer}/api/v1`, options);
    assert.equal(claims.client_id, clients.robot.client_id);
  },
  "device": async () => {
    const client = { client_id: clients.device.client_id };
    const parameters = new URLSearchParams({ scope: "openid email" });
    const response = await oauth.deviceAuthorizationRequest(server, client, oauth.None(), parameters, options);
    const begun = await oauth.processDeviceAuthorizationResponse(server, client, response);
    assert.match(await enter(begun.verification_uri, begun.user_code), /device-allowed/);
    const polled = await oauth.deviceCodeGrantRequest(server, client, oauth.None(), begun.device_code, options);
    const tokens = await oauth.processDeviceCodeResponse(server, client, polled);
    assert.equal(oauth.getValidatedIdTokenClaims(tokens).sub, account.sub);
  },
  "exchange": async () => {
    const trade = async (registered, subject_token, further) => {
      const client = { client_id: registered.client_id };
      const secret = oauth.ClientSecretPost(registered.client_secret);
      const asked = new URLSearchParams({ subject_token, subject_token_type: ACCESS_TOKEN, ...further });
      const response = await oauth.genericTokenEndpointRequest(server, client, secret, EXCHANGE, asked, options);
      return oauth.processGenericTokenEndpointResponse(server, client, response);
    };
    if (!server.grant_types_supported.includes(EXCHANGE)) {
      // The control has no exchange.
      return assert.rejects(trade(clients.post, session.tokens.access_token), { error: "unsupported_grant_type" });
    }
    const registered = clients.caller;
    const called = await signIn({ registered, authentication: oauth.None(), scope: "openid todos:read" });
    const given = await trade(clients.exchange, called.tokens.access_token, { audience: `${issuer}/mcp` });
    assert.deepEqual([given.issued_token_type, given.scope], [ACCESS_TOKEN, "mcp:list mcp:add"]);
    const own = { ...clients.exchange, client_secret: "wrong" };
    await assert.rejects(trade(own, called.tokens.access_token), oauth.WWWAuthenticateChallengeError);
  },
});
