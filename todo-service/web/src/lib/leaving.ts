// Signing out loads the page anew in every tab, so that no data of the person stays in memory. Until the new page is
// loaded the old one shows nothing: text typed into it would be lost. What was typed and not saved is deleted, and so is
// what this device keeps.

import { useSyncExternalStore } from "react";
import { forgetDrafts } from "./drafts.ts";
import { forgetInvitation } from "./invitations.ts";

const LEFT = "todo-web:left";
const PATIENCE = 2_000; // milliseconds for the deletions; the next page deletes what is left
const others = new BroadcastChannel("signed-out");
others.onmessage = loadAnew;

let hasLeft = false;
let deleteKept = (): Promise<unknown> => Promise.resolve();

/** Sets what deletes the person's data on this device. */
export function whenLeaving(act: () => Promise<unknown>): void {
  deleteKept = act;
}

export function isLeaving(): boolean {
  return hasLeft;
}

export function leave(): void {
  others.postMessage(null);
  loadAnew();
}

function loadAnew(): void {
  hasLeft = true;
  forgetDrafts();
  forgetInvitation();
  window.dispatchEvent(new Event(LEFT));
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE));
  void Promise.race([deleteKept(), late]).finally(() => window.location.replace("/sign-in"));
}

export function useHasLeft(): boolean {
  return useSyncExternalStore(subscribe, () => hasLeft);
}

function subscribe(notice: () => void): () => void {
  window.addEventListener(LEFT, notice);
  return () => window.removeEventListener(LEFT, notice);
}

// A page from the browser's back/forward cache is loaded anew too: it may show the previous person's data.
window.addEventListener("pageshow", ({ persisted }) => {
  if (persisted) window.location.reload();
});
