// Addresses without a library: the path is the page, the query is what is shown of it.

import { useSyncExternalStore } from "react";

const CHANGED = "todo-web:navigated";

function subscribe(notice: () => void): () => void {
  for (const event of ["popstate", CHANGED]) window.addEventListener(event, notice);
  return () => {
    for (const event of ["popstate", CHANGED]) window.removeEventListener(event, notice);
  };
}

/** Where we are: path and query. */
export function useAddress(): URL {
  return new URL(useSyncExternalStore(subscribe, () => window.location.href));
}

export function navigate(to: string, { replace = false } = {}): void {
  if (replace) window.history.replaceState(null, "", to);
  else window.history.pushState(null, "", to);
  window.dispatchEvent(new Event(CHANGED));
}
