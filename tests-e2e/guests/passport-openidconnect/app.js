// An Express site with passport-openidconnect. The library has no discovery, so each endpoint is named.

import express from "express";
import session from "express-session";
import passport from "passport";
import OpenIDConnectStrategy from "passport-openidconnect";

const { CLIENT_ID, CLIENT_SECRET, ISSUER, PORT } = process.env;
const app = express();
passport.use(
  new OpenIDConnectStrategy(
    {
      issuer: ISSUER,
      authorizationURL: `${ISSUER}/oauth/authorize`,
      tokenURL: `${ISSUER}/oauth/token`,
      userInfoURL: `${ISSUER}/oauth/userinfo`,
      clientID: CLIENT_ID,
      clientSecret: CLIENT_SECRET,
      callbackURL: `http://127.0.0.1:${PORT}/callback`,
      scope: "profile email",
    },
    (issuer, profile, done) => done(null, profile),
  ),
);
passport.serializeUser((user, done) => done(null, user));
passport.deserializeUser((user, done) => done(null, user));
app.use(session({ secret: CLIENT_SECRET, resave: false, saveUninitialized: false }));
app.use(passport.session());
app.get("/sign-in", passport.authenticate("openidconnect"));
app.get("/callback", passport.authenticate("openidconnect", { successRedirect: "/", failureMessage: true }));
app.get("/logout", (request, response, next) =>
  request.logout((error) => (error ? next(error) : response.send("Signed out"))),
);
app.get("/", (request, response) =>
  request.user ? response.send(`Signed in as ${request.user.emails[0].value}`) : response.redirect("/sign-in"),
);
app.listen(Number(PORT), "127.0.0.1");
