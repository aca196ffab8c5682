// Connects the parts of lib/ and the todos: one access token, one API client and one store for the page, all for the
// signed-in person.

import { keepAccessToken } from "./lib/access-token.ts";
import { todoApi } from "./lib/api.ts";
import * as auth from "./lib/auth.ts";
import { Connection } from "./lib/connection.ts";
import { draftOf, draftsBelongTo, keepDraft } from "./lib/drafts.ts";
import { Live } from "./lib/live.ts";
import { TodoStore } from "./todos/store.ts";

const now = (): number => Date.now();

const accessToken = keepAccessToken({
  fetchToken: auth.fetchToken,
  locks: navigator.locks,
  channel: new BroadcastChannel("access-token"),
  now,
});

export const connection = new Connection({
  now,
  setTimeout: (act, milliseconds) => setTimeout(act, milliseconds),
  clearTimeout: (timer) => clearTimeout(timer),
});

const otherTabs = new BroadcastChannel("todos-changed");

export const api = todoApi({
  accessToken,
  onSignedOut: auth.checkSession,
  connection,
  fetch: (input, init) => window.fetch(input, init),
  now,
});

export const store = new TodoStore({
  api,
  tellOthers: () => otherTabs.postMessage(null),
  queue: { read: () => draftOf("waiting"), write: (text) => keepDraft("waiting", text) },
  newKey: () => crypto.randomUUID(),
});

const live = new Live({
  open: (signal) => api.events(store.position ?? "", signal),
  changed: () => {
    otherTabs.postMessage(null);
    void store.sync();
  },
  locks: navigator.locks,
  random: Math.random,
});

function listen(): void {
  live.listen(document.visibilityState === "visible" && store.position !== null);
}

store.subscribe(listen);
otherTabs.onmessage = store.resume;
connection.onRetry(store.resume);
window.addEventListener("focus", store.resume);
window.addEventListener("online", () => {
  live.hurry();
  if (connection.get()) connection.retry();
  else store.resume();
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") store.resume();
  listen();
});

auth.onPersonChange((userId) => {
  accessToken.belongsTo(userId);
  draftsBelongTo(userId);
  store.belongsTo(userId);
});
