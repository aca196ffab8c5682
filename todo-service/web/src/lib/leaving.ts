// Signing out loads the page anew, in every tab: nothing of the person's is left in memory then. Until the new page is
// there this one shows nothing more: what somebody typed into it would be lost.

import { useSyncExternalStore } from "react";

const LEFT = "todo-web:left";
const others = new BroadcastChannel("signed-out");
others.onmessage = loadAnew;

let hasLeft = false;

export function leave(): void {
  others.postMessage(null);
  loadAnew();
}

function loadAnew(): void {
  hasLeft = true;
  window.dispatchEvent(new Event(LEFT));
  window.location.replace("/sign-in");
}

export function useHasLeft(): boolean {
  return useSyncExternalStore(subscribe, () => hasLeft);
}

function subscribe(notice: () => void): () => void {
  window.addEventListener(LEFT, notice);
  return () => window.removeEventListener(LEFT, notice);
}

// Nor is a page brought back that the browser had kept: it may show what was somebody's.
window.addEventListener("pageshow", ({ persisted }) => {
  if (persisted) window.location.reload();
});
