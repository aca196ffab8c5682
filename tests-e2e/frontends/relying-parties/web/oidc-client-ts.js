// A frontend on oidc-client-ts, as its documentation shows it. /settings.json has the provider and the client id.

/* global oidc */

const { issuer, client_id, scope, lifetime } = await (await fetch("/settings.json")).json();
const here = `${location.origin}/web/oidc-client-ts.html`;
const show = (id, text) => {
  document.getElementById(id).textContent = text;
};

const manager = new oidc.UserManager({
  authority: issuer,
  client_id,
  redirect_uri: here,
  silent_redirect_uri: here,
  post_logout_redirect_uri: here,
  scope,
  loadUserInfo: true,
  silentRequestTimeoutInSeconds: 60, // a busy machine may be slow
  automaticSilentRenew: true,
  accessTokenExpiringNotificationTimeInSeconds: lifetime - 3, // so the token is renewed after three seconds
  userStore: new oidc.WebStorageStateStore({ store: sessionStorage }),
});

function present(user) {
  show("subject", user?.profile.sub ?? "");
  show("email-address", user?.profile.email ?? "");
}

let renewals = 0;
manager.events.addUserLoaded((user) => {
  present(user);
  renewals += 1;
  show("renewals", renewals);
});
manager.events.addUserUnloaded(() => present(null));
manager.events.addSilentRenewError((error) => show("problem", error.error ?? String(error)));

document.getElementById("enter").onclick = () => manager.signinRedirect();
document.getElementById("leave").onclick = () => manager.signoutRedirect();
document.getElementById("renew").onclick = () =>
  manager.signinSilent().catch((error) => show("problem", error.error ?? String(error)));

const answer = new URLSearchParams(location.search);
try {
  if (answer.has("code") || answer.has("error")) await manager.signinCallback();
  else if (answer.has("state")) await manager.signoutCallback();
  if (window === window.top) {
    if (location.search) history.replaceState(null, "", here);
    present(await manager.getUser());
  }
} catch (error) {
  show("problem", error.error ?? String(error));
}
for (const button of document.querySelectorAll("button")) button.disabled = false; // their handlers are in place now
