// How the application looks in this browser: light or dark, and how close its rows are. The browser keeps it, also after a
// sign-out: it says nothing about a person.

import { useSyncExternalStore } from "react";

export const THEMES = ["system", "light", "dark"] as const;
export const DENSITIES = ["comfortable", "compact"] as const;

export interface Look {
  theme: (typeof THEMES)[number];
  density: (typeof DENSITIES)[number];
}

const PLACE = "look";
const PAPER = { light: "#fbfaf7", dark: "#161614" }; // as in styles/frame.css
const listeners = new Set<() => void>();

let worn: Look = parseLook(null);

/** What is missing or unknown is as for somebody who has chosen nothing. */
export function parseLook(text: string | null): Look {
  const [theme, density] = (text ?? "").split(" ");
  return {
    theme: THEMES.find((each) => each === theme) ?? "system",
    density: DENSITIES.find((each) => each === density) ?? "comfortable",
  };
}

/** Shows the look that was chosen in this browser, here or in another tab. */
export function wearChosen(): void {
  try {
    show(parseLook(localStorage.getItem(PLACE)));
  } catch {
    // the browser forbids storage
  }
  window.addEventListener("storage", ({ key, newValue }) => {
    if (key === PLACE) show(parseLook(newValue));
  });
}

/** Shows another look, and keeps it. */
export function wear(look: Look): void {
  show(look);
  try {
    localStorage.setItem(PLACE, `${look.theme} ${look.density}`);
  } catch {
    // the browser forbids storage: the choice lasts until the page is left
  }
}

export function look(): Look {
  return worn;
}

export function useLook(): Look {
  return useSyncExternalStore(subscribe, look);
}

function subscribe(notice: () => void): () => void {
  listeners.add(notice);
  return () => listeners.delete(notice);
}

function show(look: Look): void {
  worn = look;
  Object.assign(document.documentElement.dataset, look);
  for (const each of document.querySelectorAll<HTMLMetaElement>('meta[name="theme-color"]')) {
    const preferred = each.media.includes("dark") ? "dark" : "light";
    each.content = PAPER[look.theme === "system" ? preferred : look.theme];
  }
  for (const listener of listeners) listener();
}
