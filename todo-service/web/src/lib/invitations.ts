// The invitation that the person came with. Its token is in the fragment of the link, which no server and no log sees.
// It is taken out of the address at once and kept for this tab, because the person may have to sign in first.

const PLACE = "invitation";

/** Takes the token out of the address, if there is one. */
export function takeInvitation(): void {
  const token = window.location.hash.slice(1);
  if (window.location.pathname !== "/invitation" || token === "") return;
  window.history.replaceState(null, "", "/invitation");
  try {
    sessionStorage.setItem(PLACE, token);
  } catch {
    held = token; // the browser forbids storage: it is there until the page is left
  }
}

let held: string | null = null;

export function heldInvitation(): string | null {
  try {
    return sessionStorage.getItem(PLACE) ?? held;
  } catch {
    return held;
  }
}

export function forgetInvitation(): void {
  held = null;
  try {
    sessionStorage.removeItem(PLACE);
  } catch {
    // nothing was kept
  }
}
