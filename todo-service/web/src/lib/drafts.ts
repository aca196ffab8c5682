// What somebody has typed and not saved yet. It outlives the page that it was typed into, so that a session which ends
// in the middle of a sentence loses nothing; it does not outlive the person: signing out or another account ends it.

import { useCallback, useState } from "react";

const texts = new Map<string, string>();
let owner: string | null = null;

/** Whose drafts these are. null, when a session ends by itself, keeps them for the same person's return. */
export function draftsBelongTo(userId: string | null): void {
  if (userId !== null && userId !== owner) {
    forgetDrafts();
    owner = userId;
  }
}

export function forgetDrafts(): void {
  texts.clear();
  owner = null;
}

export function draftOf(name: string): string | undefined {
  return texts.get(name);
}

/** Like useState, but remembered under a name. Without a text it is forgotten. */
export function useDraft(name: string, initial = ""): [string, (text: string) => void] {
  const [text, setText] = useState(texts.get(name) ?? initial);
  const set = useCallback(
    (changed: string) => {
      setText(changed);
      if (changed === "" || changed === initial) texts.delete(name);
      else texts.set(name, changed);
    },
    [name, initial],
  );
  return [text, set];
}
