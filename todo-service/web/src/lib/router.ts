// A router without a library: the path chooses the page, the query chooses what it shows.

import { useSyncExternalStore } from "react";
import { parseReturnTo } from "./return-to.ts";

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

/** The page to go to after a sign-in. */
export function useReturnTo(): string {
  const { origin, searchParams } = useAddress();
  return parseReturnTo(searchParams.get("returnTo"), origin);
}

export function navigate(to: string, { replace = false } = {}): void {
  if (replace) window.history.replaceState(null, "", to);
  else window.history.pushState(null, "", to);
  window.dispatchEvent(new Event(CHANGED));
}
