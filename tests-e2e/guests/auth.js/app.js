// An Express site with Auth.js. Its provider of type `oidc` needs the issuer and the credentials.

import { ExpressAuth, getSession } from "@auth/express";
import express from "express";

const { CLIENT_ID, CLIENT_SECRET, ISSUER, PORT } = process.env;
const config = {
  secret: CLIENT_SECRET,
  trustHost: true,
  providers: [
    { id: "ours", name: "Ours", type: "oidc", issuer: ISSUER, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET },
  ],
};
const app = express();
app.use("/auth/*", ExpressAuth(config));
app.get("/", async (request, response) => {
  const session = await getSession(request, config);
  if (session?.user) return response.send(`Signed in as ${session.user.email}`);
  return response.redirect("/auth/signin");
});
app.listen(Number(PORT), "127.0.0.1");
