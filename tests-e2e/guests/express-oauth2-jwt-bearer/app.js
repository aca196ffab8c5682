// An API that is not ours: Express with express-oauth2-jwt-bearer, and only its required settings.

import express from "express";
import { auth, requiredScopes } from "express-oauth2-jwt-bearer";

const { API, ISSUER, PORT } = process.env;
const app = express();
app.use(auth({ issuerBaseURL: ISSUER, audience: API }));
app.get("/notes", requiredScopes("notes:read"), (request, response) => response.json({ count: 3 }));
app.listen(Number(PORT), "127.0.0.1");
