// Connects the parts of lib/ and the todos: one access token, one API client and one store for the page, all for the
// signed-in person.

import { keepAccessToken } from "./lib/access-token.ts";
import { todoApi } from "./lib/api.ts";
import * as auth from "./lib/auth.ts";
import { Connection } from "./lib/connection.ts";
import { draftOf, draftsBelongTo, keepDraft } from "./lib/drafts.ts";
import { isLeaving, whenLeaving } from "./lib/leaving.ts";
import { Live } from "./lib/live.ts";
import { Presumed } from "./lib/presumed.ts";
import { keepApplication } from "./lib/registration.ts";
import { Shelf } from "./lib/shelf.ts";
import { type Entry, parse } from "./todos/entries.ts";
import { Keeper } from "./todos/keeper.ts";
import { TodoStore } from "./todos/store.ts";

const WAITING = "waiting"; // the draft of what is not on the shelf

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

export const shelf = new Shelf(() => window.indexedDB);

export const store = new TodoStore({
  api,
  tellOthers: () => otherTabs.postMessage(null),
  queue: { read: () => draftOf(WAITING), write: (text) => keepDraft(WAITING, text) },
  newKey: () => crypto.randomUUID(),
  now,
  isAway: () => connection.get() !== null || !navigator.onLine,
  shelf,
  keeper: new Keeper({ shelf, locks: navigator.locks, whenIdle }),
  locks: navigator.locks,
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
connection.subscribe(() => {
  if (connection.get() === null) store.send();
});
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

export const presumed = new Presumed({ shelf, now, show: belongsTo });
connection.onRetry(() => {
  if (presumed.get()) auth.checkSession();
});
navigator.serviceWorker?.addEventListener("message", auth.checkSession); // it has seen a sign-out at the issuer's page
whenLeaving(() => shelf.clear());

let isNobody = false;

auth.onPersonChange((who) => {
  isNobody = who === "nobody";
  if (who === "unknown") return void presumed.presume();
  presumed.isKnown();
  if (who === "nobody") {
    belongsTo(null);
    void letGo();
    return;
  }
  void shelf.belongsTo(who.person, now() + who.lifetime);
  belongsTo(who.person.id);
  whenIdle(keepApplication);
});

shelf.subscribe(() => {
  if (shelf.state() !== "works") return;
  if (isNobody) void letGo();
  else store.keepAgain();
});

function belongsTo(userId: string | null): void {
  accessToken.belongsTo(userId);
  draftsBelongTo(userId);
  store.belongsTo(userId);
}

/** The session has ended: this device keeps nothing. What was not sent becomes a draft of this tab, for the same person. */
async function letGo(): Promise<void> {
  const left = await shelf.clear<Entry>();
  if (left === null || left.outbox.length === 0 || isLeaving()) return;
  draftsBelongTo(left.owner.id);
  const entries = new Map([...left.outbox, ...parse(draftOf(WAITING))].map((each) => [each.key, each]));
  keepDraft(WAITING, JSON.stringify([...entries.values()]));
}

function whenIdle(act: () => void): void {
  if ("requestIdleCallback" in window) requestIdleCallback(act, { timeout: 2_000 });
  else setTimeout(act, 200);
}
