// The control: a certified third-party OpenID Provider. A test that fails with it is itself wrong. Its pages have the
// same ids as ours, so the same code fills in both.
//
//     node server.mjs PORT [post] [fapi2] [request-objects]

import { generateKeyPairSync, randomBytes, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import Provider, { errors } from "oidc-provider";

const port = Number(process.argv[2]);
const takesPost = process.argv.includes("post"); // needs SameSite=None cookies, which browsers refuse over http
const isFapi2 = process.argv.includes("fapi2"); // every client is held to the FAPI 2.0 Security Profile
const strong = ["PS256", "ES256"];
const issuer = `http://localhost:${port}`;
const resource = `${issuer}/api/v1`;
const accounts = new Map();

// What is known about everybody, as e2e_fixtures/providers.py has it
const { address, phone_number, phone_number_verified, ...profile } = JSON.parse(process.env.PROFILE ?? "{}");
const contact = { address, phone_number, phone_number_verified };

const escape = (text) => String(text).replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
const page = (title, body) =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title>${body}</html>`;

const signInPage = (uid, hint, wrong) =>
  page(
    "Sign in",
    `<h1>Sign in</h1>${wrong ? '<p id="error">Wrong.</p>' : ""}
    <form id="signin-form" method="post" action="/interaction/${uid}/login">
    <input id="email" name="email" value="${escape(hint ?? "")}"><input id="password" name="password" type="password">
    <button id="sign-in">Sign in</button></form>`,
  );

const consentPage = (uid, client) =>
  page(
    "Consent",
    `<h1>${escape(client)}</h1>
    <form id="consent-form" method="post" action="/interaction/${uid}/consent">
    <button id="allow" name="decision" value="allow">Allow</button>
    <button id="deny" name="decision" value="deny">Deny</button></form>`,
  );

const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const es256 = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;

const provider = new Provider(issuer, {
  acrValues: ["1"],
  claims: {
    address: ["address"],
    email: ["email", "email_verified"],
    phone: ["phone_number", "phone_number_verified"],
    profile: [...Object.keys(profile), "name", "updated_at"],
  },
  clientBasedCORS: (ctx, origin, client) => client.redirectUris.some((uri) => new URL(uri).origin === origin),
  cookies: { keys: [randomBytes(24).toString("hex")], ...(takesPost && { long: { sameSite: "none" } }) },
  enableHttpPostMethods: takesPost,
  features: {
    claimsParameter: { enabled: true },
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    deviceFlow: {
      enabled: true,
      userCodeInputSource(ctx, form) {
        ctx.body = page("Device", `${form}<button id="continue" form="op.deviceInputForm">Continue</button>`);
      },
      userCodeConfirmSource(ctx, form, client) {
        const button = '<button id="allow" form="op.deviceConfirmForm">Allow</button>';
        ctx.body = page("Device", `<h1>${escape(client.clientName)}</h1>${form}${button}`);
      },
      successSource(ctx) {
        ctx.body = page("Device", '<h1 id="device-allowed">Connected</h1>');
      },
    },
    backchannelLogout: { enabled: true },
    dPoP: { enabled: true },
    fapi: { enabled: isFapi2, profile: "2.0" },
    jwtUserinfo: { enabled: true },
    requestObjects: { enabled: process.argv.includes("request-objects") },
    introspection: { enabled: true, allowedPolicy: (ctx, client, token) => token.clientId === client.clientId },
    registration: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: (ctx) => (ctx.oidc.params.grant_type === "client_credentials" ? resource : undefined),
      getResourceServerInfo: (ctx, indicator) => {
        if (indicator !== resource) throw new errors.InvalidTarget();
        return { scope: "todos:read todos:write", accessTokenFormat: "jwt", jwt: { sign: { alg: "RS256" } } };
      },
    },
    revocation: { enabled: true },
    pushedAuthorizationRequests: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource(ctx, form) {
        ctx.body = page(
          "Sign out",
          `${form}<button id="sign-out" form="op.logoutForm" name="logout" value="yes">Sign out</button>`,
        );
      },
      postLogoutSuccessSource(ctx) {
        ctx.body = page("Signed out", '<h1 id="signed-out">Signed out</h1>');
      },
    },
  },
  findAccount: (ctx, id) => {
    const account = [...accounts.values()].find((each) => each.sub === id);
    const { sub, email, name } = account ?? {};
    const known = { sub, email, email_verified: false, name, updated_at: 1, ...profile, ...contact };
    return account && { accountId: id, claims: () => known };
  },
  // Its own dispatcher refuses loopback addresses, where the tests receive logout tokens.
  fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  ...(isFapi2 && {
    enabledJWA: {
      clientAuthSigningAlgValues: strong,
      dPoPSigningAlgValues: strong,
      idTokenSigningAlgValues: strong,
      userinfoSigningAlgValues: strong,
    },
  }),
  jwks: {
    keys: [
      { ...privateKey.export({ format: "jwk" }), use: "sig", kid: "control" },
      { ...es256.export({ format: "jwk" }), alg: "ES256", use: "sig", kid: "control-es256" },
    ],
  },
  pkce: { required: (ctx, client) => isFapi2 || client.clientAuthMethod === "none" },
  scopes: ["openid", "profile", "email", "address", "phone", "offline_access"],
  ttl: { AccessToken: 300 },
});

async function read(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function send(response, status, body, type = "text/html; charset=utf-8") {
  response.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(body);
}

async function signUp(request, response) {
  const account = { ...JSON.parse(await read(request)), sub: randomUUID() };
  accounts.set(account.email, account);
  send(response, 200, JSON.stringify(account), "application/json");
}

async function show(request, response, uid) {
  const { prompt, params } = await provider.interactionDetails(request, response);
  const client = await provider.Client.find(params.client_id);
  send(
    response,
    200,
    prompt.name === "login" ? signInPage(uid, params.login_hint) : consentPage(uid, client.clientName),
  );
}

async function signIn(request, response, uid) {
  const form = new URLSearchParams(await read(request));
  const account = accounts.get(form.get("email"));
  if (account?.password !== form.get("password")) return send(response, 200, signInPage(uid, form.get("email"), true));
  const login = { accountId: account.sub, acr: "1", amr: ["pwd"] };
  return provider.interactionFinished(request, response, { login }, { mergeWithLastSubmission: false });
}

async function consent(request, response) {
  const { prompt, params, session, grantId: known } = await provider.interactionDetails(request, response);
  if (new URLSearchParams(await read(request)).get("decision") !== "allow") {
    return provider.interactionFinished(request, response, { error: "access_denied" });
  }
  const grant = known
    ? await provider.Grant.find(known)
    : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  const { missingOIDCScope, missingOIDCClaims, missingResourceScopes } = prompt.details;
  if (missingOIDCScope) grant.addOIDCScope(missingOIDCScope.join(" "));
  if (missingOIDCClaims) grant.addOIDCClaims(missingOIDCClaims);
  for (const [indicator, scopes] of Object.entries(missingResourceScopes ?? {}))
    grant.addResourceScope(indicator, scopes.join(" "));
  const grantId = await grant.save();
  return provider.interactionFinished(request, response, { consent: { grantId } }, { mergeWithLastSubmission: true });
}

const rest = provider.callback();

async function route(request, response) {
  const { pathname } = new URL(request.url, issuer);
  const [, uid, action] = /^\/interaction\/([^/]+)(?:\/(login|consent))?$/.exec(pathname) ?? [];
  if (request.method === "POST" && pathname === "/accounts") return signUp(request, response);
  if (!uid) return rest(request, response);
  if (action === "login") return signIn(request, response, uid);
  return action === "consent" ? consent(request, response) : show(request, response, uid);
}

const server = createServer((request, response) =>
  route(request, response).catch((error) => send(response, 500, escape(error.stack), "text/plain")),
);
server.listen(port, "127.0.0.1", () => console.log(issuer));
