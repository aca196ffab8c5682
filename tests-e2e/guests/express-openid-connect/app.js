// An Express site with express-openid-connect. Its default flow is the implicit one, so `response_type` is set.

import express from "express";
import { auth } from "express-openid-connect";
import memorystore from "memorystore";

const MemoryStore = memorystore(auth);

const { CLIENT_ID, CLIENT_SECRET, ISSUER, PORT } = process.env;
const app = express();
app.use(
  auth({
    issuerBaseURL: ISSUER,
    baseURL: `http://127.0.0.1:${PORT}`,
    clientID: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    secret: CLIENT_SECRET,
    idpLogout: true,
    backchannelLogout: { store: new MemoryStore() },
    authorizationParams: { response_type: "code" },
  }),
);
app.get("/", (request, response) => response.send(`Signed in as ${request.oidc.user.email}`));
app.listen(Number(PORT), "127.0.0.1");
