// An Express site with arctic's generic client. It sends a code_challenge, and leaves ID tokens and userinfo to the site.

import * as arctic from "arctic";
import express from "express";

const { CLIENT_ID, CLIENT_SECRET, ISSUER, PORT } = process.env;
const client = new arctic.OAuth2Client(CLIENT_ID, CLIENT_SECRET, `http://127.0.0.1:${PORT}/callback`);
let visit; // the only visitor's session

const app = express();
app.get("/", (request, response) => {
  if (visit?.email) return response.send(`Signed in as ${visit.email}`);
  visit = { state: arctic.generateState(), verifier: arctic.generateCodeVerifier() };
  const url = client.createAuthorizationURLWithPKCE(
    `${ISSUER}/oauth/authorize`,
    visit.state,
    arctic.CodeChallengeMethod.S256,
    visit.verifier,
    ["openid", "email"],
  );
  return response.redirect(url.href);
});
app.get("/callback", async (request, response) => {
  const { code, state } = request.query;
  if (state !== visit?.state) return response.sendStatus(400);
  const tokens = await client.validateAuthorizationCode(`${ISSUER}/oauth/token`, code, visit.verifier);
  visit = { tokens, email: arctic.decodeIdToken(tokens.idToken()).email };
  return response.redirect("/");
});
app.get("/refresh", async (request, response) => {
  visit.tokens = await client.refreshAccessToken(`${ISSUER}/oauth/token`, visit.tokens.refreshToken(), []);
  response.redirect("/");
});
app.get("/logout", async (request, response) => {
  await client.revokeToken(`${ISSUER}/oauth/revoke`, visit.tokens.refreshToken());
  visit = undefined;
  response.send("Signed out");
});
app.listen(Number(PORT), "127.0.0.1");
