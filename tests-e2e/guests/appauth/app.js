// A program on a person's computer with AppAuth for JavaScript: a public client with a loopback redirect URI.

import http from "node:http";
import { registerHooks } from "node:module";

// AppAuth's files name each other without ".js", as bundlers allow and Node.js does not.
registerHooks({
  resolve(specifier, context, next) {
    try {
      return next(specifier, context);
    } catch {
      return next(`${specifier}.js`, context);
    }
  },
});
const {
  AuthorizationRequest,
  AuthorizationRequestHandler,
  AuthorizationServiceConfiguration,
  BaseTokenRequestHandler,
  BasicQueryStringUtils,
  GRANT_TYPE_AUTHORIZATION_CODE,
  GRANT_TYPE_REFRESH_TOKEN,
  RevokeTokenRequest,
  TokenRequest,
} = await import("@openid/appauth");
const { NodeCrypto } = await import("@openid/appauth/built/src/node_support/crypto_utils.js");
const { NodeRequestor } = await import("@openid/appauth/built/src/node_support/node_requestor.js");

const { CLIENT_ID, ISSUER, PORT } = process.env;
const asked = { client_id: CLIENT_ID, redirect_uri: `http://127.0.0.1:${PORT}/callback` };
const requestor = new NodeRequestor();
const provider = await AuthorizationServiceConfiguration.fetchFromIssuer(ISSUER, requestor);
const handler = new AuthorizationRequestHandler(new BasicQueryStringUtils(), new NodeCrypto());
const tokens = new BaseTokenRequestHandler(requestor);
let request, token, email;

async function keep(more) {
  token = await tokens.performTokenRequest(provider, new TokenRequest({ ...asked, ...more }));
  const headers = { Authorization: `Bearer ${token.accessToken}` };
  email = (await (await fetch(provider.userInfoEndpoint, { headers })).json()).email;
}

const pages = {
  "/": async () => {
    if (email) return `Signed in as ${email}`;
    const scopes = { scope: "openid email", response_type: AuthorizationRequest.RESPONSE_TYPE_CODE };
    request = new AuthorizationRequest({ ...asked, ...scopes }, new NodeCrypto());
    await request.setupCodeVerifier();
    return new URL(handler.buildRequestUrl(provider, request));
  },
  "/callback": async (query) => {
    if (query.get("state") !== request.state) throw new Error("another state");
    const extras = { code_verifier: request.internal.code_verifier };
    await keep({ grant_type: GRANT_TYPE_AUTHORIZATION_CODE, code: query.get("code"), extras });
    return new URL(`http://127.0.0.1:${PORT}/`);
  },
  "/refresh": async () => {
    await keep({ grant_type: GRANT_TYPE_REFRESH_TOKEN, refresh_token: token.refreshToken });
    return new URL(`http://127.0.0.1:${PORT}/`);
  },
  "/logout": async () => {
    const revoked = new RevokeTokenRequest({ client_id: CLIENT_ID, token: token.refreshToken });
    await tokens.performRevokeTokenRequest(provider, revoked);
    email = undefined;
    return "Signed out";
  },
};

http
  .createServer(async (incoming, response) => {
    const url = new URL(incoming.url, `http://127.0.0.1:${PORT}`);
    try {
      const shown = await (pages[url.pathname] ?? pages["/"])(url.searchParams);
      if (shown instanceof URL) response.writeHead(302, { Location: shown.href });
      response.end(shown instanceof URL ? "" : shown);
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  })
  .listen(Number(PORT), "127.0.0.1");
