// A router without a library: the path chooses the page, the query chooses what it shows.

import { useSyncExternalStore } from "react";

const CHANGED = "todo-web:navigated";

function subscribe(notice: () => void): () => void {
  for (const event of ["popstate", CHANGED]) window.addEventListener(event, notice);
  return () => {
    for (const event of ["popstate", CHANGED]) window.removeEventListener(event, notice);
  };
}

/** The current address. */
export function useAddress(): URL {
  return new URL(useSyncExternalStore(subscribe, () => window.location.href));
}

export function navigate(to: string, { replace = false } = {}): void {
  if (replace) window.history.replaceState(null, "", to);
  else window.history.pushState(null, "", to);
  window.dispatchEvent(new Event(CHANGED));
}
