// An Express site with passport-oauth2, whose PKCE is an option, and passport-oauth2-refresh.

import express from "express";
import session from "express-session";
import passport from "passport";
import OAuth2Strategy from "passport-oauth2";
import refresh from "passport-oauth2-refresh";

const { CLIENT_ID, CLIENT_SECRET, ISSUER, PORT } = process.env;

class Strategy extends OAuth2Strategy {
  userProfile(accessToken, done) {
    const headers = { Authorization: `Bearer ${accessToken}` };
    fetch(`${ISSUER}/oauth/userinfo`, { headers })
      .then((answer) => answer.json())
      .then((claims) => done(null, claims), done);
  }
}

const strategy = new Strategy(
  {
    authorizationURL: `${ISSUER}/oauth/authorize`,
    tokenURL: `${ISSUER}/oauth/token`,
    clientID: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    callbackURL: `http://127.0.0.1:${PORT}/callback`,
    scope: "openid email",
    state: true,
    pkce: true,
  },
  (accessToken, refreshToken, claims, done) => done(null, { email: claims.email, refreshToken }),
);
passport.use("ours", strategy);
refresh.use("ours", strategy);
passport.serializeUser((user, done) => done(null, user));
passport.deserializeUser((user, done) => done(null, user));

const app = express();
app.use(session({ secret: CLIENT_SECRET, resave: false, saveUninitialized: false }));
app.use(passport.session());
app.get("/sign-in", passport.authenticate("ours"));
app.get("/callback", passport.authenticate("ours", { successRedirect: "/" }));
app.get("/refresh", (request, response, next) =>
  refresh.requestNewAccessToken("ours", request.user.refreshToken, (error, accessToken, refreshToken) => {
    if (error) return next(error);
    request.session.passport.user.refreshToken = refreshToken;
    return response.redirect("/");
  }),
);
app.get("/logout", (request, response, next) =>
  request.logout((error) => (error ? next(error) : response.send("Signed out"))),
);
app.get("/", (request, response) =>
  request.user ? response.send(`Signed in as ${request.user.email}`) : response.redirect("/sign-in"),
);
app.listen(Number(PORT), "127.0.0.1");
