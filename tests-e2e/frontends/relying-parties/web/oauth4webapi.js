// A frontend on oauth4webapi: the same protocol as the other frontend, with a different kind of library.

import * as oauth from "/node_modules/oauth4webapi/build/index.js";

const settings = await (await fetch("/settings.json")).json();
const here = `${location.origin}/web/oauth4webapi.html`;
const client = { client_id: settings.client_id };
const issuer = new URL(settings.issuer);
const options = { [oauth.allowInsecureRequests]: issuer.protocol === "http:" };
const show = (id, text) => {
  document.getElementById(id).textContent = text;
};
const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options));

async function signIn() {
  const kept = {
    state: oauth.generateRandomState(),
    nonce: oauth.generateRandomNonce(),
    verifier: oauth.generateRandomCodeVerifier(),
  };
  sessionStorage.setItem("kept", JSON.stringify(kept));
  const url = new URL(server.authorization_endpoint);
  url.search = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: here,
    response_type: "code",
    scope: settings.scope,
    state: kept.state,
    nonce: kept.nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(kept.verifier),
    code_challenge_method: "S256",
  });
  location.assign(url);
}

async function receive() {
  const { state, nonce, verifier } = JSON.parse(sessionStorage.getItem("kept"));
  const callback = oauth.validateAuthResponse(server, client, new URL(location.href), state);
  const response = await oauth.authorizationCodeGrantRequest(
    server,
    client,
    oauth.None(),
    callback,
    here,
    verifier,
    options,
  );
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, {
    expectedNonce: nonce,
    requireIdToken: true,
  });
  const { sub } = oauth.getValidatedIdTokenClaims(tokens);
  const asked = await oauth.userInfoRequest(server, client, tokens.access_token, options);
  const person = await oauth.processUserInfoResponse(server, client, sub, asked);
  sessionStorage.setItem("id_token", tokens.id_token);
  show("subject", person.sub);
  show("email-address", person.email);
}

function signOut() {
  const url = new URL(server.end_session_endpoint);
  url.search = new URLSearchParams({
    id_token_hint: sessionStorage.getItem("id_token"),
    post_logout_redirect_uri: here,
  });
  location.assign(url);
}

document.getElementById("enter").onclick = signIn;
document.getElementById("leave").onclick = signOut;
try {
  if (location.search) {
    await receive();
    history.replaceState(null, "", here);
  }
} catch (error) {
  show("problem", error.error ?? String(error));
}
for (const button of document.querySelectorAll("button")) button.disabled = false; // their handlers are in place now
