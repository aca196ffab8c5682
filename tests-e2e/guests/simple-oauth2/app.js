// An Express site with simple-oauth2, an OAuth client without OpenID Connect. The site asks userinfo who signed in.

import crypto from "node:crypto";

import express from "express";
import { AuthorizationCode } from "simple-oauth2";

const { CLIENT_ID, CLIENT_SECRET, ISSUER, PORT } = process.env;
const client = new AuthorizationCode({
  client: { id: CLIENT_ID, secret: CLIENT_SECRET },
  auth: {
    tokenHost: ISSUER,
    tokenPath: "/oauth/token",
    authorizePath: "/oauth/authorize",
    revokePath: "/oauth/revoke",
  },
});
const callback = `http://127.0.0.1:${PORT}/callback`;
let visit; // the only visitor's session

async function keep(token) {
  const headers = { Authorization: `Bearer ${token.token.access_token}` };
  const claims = await (await fetch(`${ISSUER}/oauth/userinfo`, { headers })).json();
  visit = { token, email: claims.email };
}

const app = express();
app.get("/", (request, response) => {
  if (visit?.email) return response.send(`Signed in as ${visit.email}`);
  visit = { state: crypto.randomUUID(), nonce: crypto.randomUUID() };
  return response.redirect(client.authorizeURL({ redirect_uri: callback, scope: ["openid", "email"], ...visit }));
});
app.get("/callback", async (request, response) => {
  const { code, state } = request.query;
  if (state !== visit?.state) return response.sendStatus(400);
  await keep(await client.getToken({ code, redirect_uri: callback }));
  return response.redirect("/");
});
app.get("/refresh", async (request, response) => {
  await keep(await visit.token.refresh());
  response.redirect("/");
});
app.get("/logout", async (request, response) => {
  await visit.token.revokeAll();
  visit = undefined;
  response.send("Signed out");
});
app.listen(Number(PORT), "127.0.0.1");
