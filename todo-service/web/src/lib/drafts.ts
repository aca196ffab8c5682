// Drafts: text that was typed and not saved. They survive a change of the page and a reload, so that nothing is lost when
// a session ends in the middle of a sentence. Signing out, or signing in as another person, deletes them.
//
// They are in sessionStorage: it belongs to one tab and ends with it, so the next person at the machine finds nothing.

import { useCallback, useState } from "react";

const PLACE = "drafts";

let { owner, texts } = restored();

function restored(): { owner: string | null; texts: Map<string, string> } {
  try {
    const kept = JSON.parse(sessionStorage.getItem(PLACE) ?? "") as { owner: string | null; texts: [string, string][] };
    return { owner: kept.owner, texts: new Map(kept.texts) };
  } catch {
    return { owner: null, texts: new Map() }; // nothing was kept, or the browser forbids storage
  }
}

function keep(): void {
  try {
    if (texts.size === 0) sessionStorage.removeItem(PLACE);
    else sessionStorage.setItem(PLACE, JSON.stringify({ owner, texts: [...texts] }));
  } catch {
    // forbidden or full: the drafts are still in memory
  }
}

/** Sets the owner of the drafts. null (the session ended by itself) keeps them until the same person returns. */
export function draftsBelongTo(userId: string | null): void {
  if (userId !== null && userId !== owner) {
    forgetDrafts();
    owner = userId;
  }
}

export function forgetDrafts(): void {
  texts = new Map();
  owner = null;
  keep();
}

export function draftOf(name: string): string | undefined {
  return texts.get(name);
}

export function draftNames(): string[] {
  return [...texts.keys()];
}

/** An empty text is not kept. */
export function keepDraft(name: string, text: string): void {
  if (text === "") texts.delete(name);
  else texts.set(name, text);
  keep();
}

/** Like useState, but the text is kept under a name. An empty or unchanged text is not kept. */
export function useDraft(name: string, initial = ""): [string, (text: string) => void] {
  const [text, setText] = useState(texts.get(name) ?? initial);
  const set = useCallback(
    (changed: string) => {
      setText(changed);
      keepDraft(name, changed === initial ? "" : changed);
    },
    [name, initial],
  );
  return [text, set];
}
