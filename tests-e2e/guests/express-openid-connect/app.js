// An Express site with express-openid-connect. Its default flow is the implicit one, so `response_type` is set.

import express from "express";
import { auth } from "express-openid-connect";
import memorystore from "memorystore";

const MemoryStore = memorystore(auth);

const { CLIENT_ID, CLIENT_SECRET, ISSUER, PORT } = process.env;
const app = express();
app.get("/signed-out", (request, response) => response.send("Signed out"));
app.use(
  auth({
    issuerBaseURL: ISSUER,
    baseURL: `http://127.0.0.1:${PORT}`,
    clientID: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    secret: CLIENT_SECRET,
    idpLogout: true,
    backchannelLogout: { store: new MemoryStore() },
    routes: { postLogoutRedirect: "/signed-out" },
    authorizationParams: { response_type: "code" },
  }),
);
app.get("/", (request, response) => response.send(`Signed in as ${request.oidc.user.email}`));
app.get("/refresh", async (request, response) => {
  await request.oidc.accessToken.refresh();
  response.redirect("/");
});
app.listen(Number(PORT), "127.0.0.1");
