// A Fastify site with @fastify/oauth2, which reads the issuer's metadata and then sends PKCE by itself.

import oauthPlugin from "@fastify/oauth2";
import fastify from "fastify";

const { CLIENT_ID, CLIENT_SECRET, ISSUER, PORT } = process.env;
const app = fastify();
let visit; // the only visitor's session

app.register(oauthPlugin, {
  name: "ours",
  discovery: { issuer: ISSUER },
  credentials: { client: { id: CLIENT_ID, secret: CLIENT_SECRET } },
  scope: ["openid", "email"],
  startRedirectPath: "/sign-in",
  callbackUri: `http://127.0.0.1:${PORT}/callback`,
});

async function keep({ token }) {
  visit = { token, email: (await app.ours.userinfo(token)).email };
}

app.get("/", (request, reply) => (visit ? reply.send(`Signed in as ${visit.email}`) : reply.redirect("/sign-in")));
app.get("/callback", async (request, reply) => {
  await keep(await app.ours.getAccessTokenFromAuthorizationCodeFlow(request, reply));
  return reply.redirect("/");
});
app.get("/refresh", async (request, reply) => {
  await keep(await app.ours.getNewAccessTokenUsingRefreshToken(visit.token, {}));
  return reply.redirect("/");
});
app.get("/logout", async (request, reply) => {
  await app.ours.revokeAllToken(visit.token, {});
  visit = undefined;
  return reply.send("Signed out");
});
app.listen({ host: "127.0.0.1", port: Number(PORT) });
