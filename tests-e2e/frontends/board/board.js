// A read-only board on another origin that uses only OpenID Connect: code + PKCE, renewal by refresh token, and a
// sign-out that ends the session. /settings.json has the issuer and this page's client id.
//
// The token is only in memory, so a reload asks the issuer again. A person with a session there notices nothing.

/* global oidc */

const { issuer, client_id } = await (await fetch("/settings.json")).json();
const TODOS = `${issuer}/api/v1/todos`;
const here = `${location.origin}/`;
const element = (id) => document.getElementById(id);

const manager = new oidc.UserManager({
  authority: issuer,
  client_id,
  redirect_uri: here,
  post_logout_redirect_uri: here,
  scope: "openid profile todos:read",
  loadUserInfo: true, // the person's name is not in the ID token (OIDC Core §5.4)
  automaticSilentRenew: true,
  userStore: new oidc.WebStorageStateStore({ store: new oidc.InMemoryWebStorage() }),
  stateStore: new oidc.WebStorageStateStore({ store: sessionStorage }), // state and code_verifier during the redirects
});

manager.events.addUserLoaded(present);
manager.events.addUserUnloaded(() => present(null));
manager.events.addSilentRenewError(end);

/** The session has ended elsewhere; the next renewal or request shows it. */
async function end() {
  await manager.removeUser();
  say("You have been signed out.");
}

function present(user) {
  for (const id of ["person", "sign-out", "columns", "tools"]) element(id).hidden = user === null;
  element("welcome").hidden = user !== null;
  element("person").querySelector("bdi").textContent = user?.profile.name ?? "";
  if (user !== null) return;
  latest += 1; // ignore answers that are still on their way
  for (const list of document.querySelectorAll("#columns ul")) list.replaceChildren();
}

function say(sentence) {
  element("problem").textContent = sentence;
  element("problem").hidden = sentence === "";
}

/** Send one request with the token. If it is refused, show an error and return undefined. */
async function call(method, body) {
  const user = await manager.getUser();
  const headers = {
    Authorization: `Bearer ${user?.access_token}`,
    ...(body && { "Content-Type": "application/json" }),
  };
  try {
    const response = await fetch(`${TODOS}${body ? "" : "?limit=200"}`, {
      method,
      headers,
      body: body && JSON.stringify(body),
    });
    if (response.ok) return await response.json();
    if (response.status === 401) return void (await manager.signinSilent().then(() => say("Please try again."), end));
    const missing = /scope="([^"]*)"/.exec(response.headers.get("WWW-Authenticate") ?? "")?.[1];
    say(
      `${response.status}: ${missing ? `this board lacks the permission ${missing}` : (await response.json()).detail}.`,
    );
  } catch {
    say("The service cannot be reached right now.");
  }
  return undefined;
}

let latest = 0;

/** Do not show an answer that comes after a later one, or after the session has ended. */
async function refresh() {
  const mine = ++latest;
  say("");
  const page = await call("GET");
  if (mine !== latest) return;
  for (const status of page ? ["open", "done"] : []) {
    const items = page.items.filter((each) => each.status === status);
    document.querySelector(`[aria-labelledby="${status}"] ul`).replaceChildren(...items.map(card));
  }
}

function card({ title }) {
  const item = document.createElement("li");
  item.textContent = title;
  item.dir = "auto";
  return item;
}

element("sign-in").onclick = () => manager.signinRedirect().catch(fail);
element("sign-out").onclick = () => manager.signoutRedirect().catch(fail);
element("refresh").onclick = refresh;
element("write").onclick = () => call("POST", { title: "Written by the board" });

function fail(error) {
  say(
    error instanceof TypeError
      ? "The issuer cannot be reached right now."
      : `Signing in did not work: ${error.message}.`,
  );
}

const answer = new URLSearchParams(location.search);
try {
  if (answer.has("code") || answer.has("error")) await manager.signinRedirectCallback();
  else if (answer.has("state")) await manager.signoutRedirectCallback();
} catch (error) {
  fail(error);
}
if (location.search) history.replaceState(null, "", here);
const user = await manager.getUser();
present(user);
if (user) await refresh();
