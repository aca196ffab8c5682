// Drafts: text that was typed and not saved. They survive a change of the page, so that nothing is lost when a session
// ends in the middle of a sentence. Signing out, or signing in as another person, deletes them.

import { useCallback, useState } from "react";

const texts = new Map<string, string>();
let owner: string | null = null;

/** Sets the owner of the drafts. null (the session ended by itself) keeps them until the same person returns. */
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

/** Like useState, but the text is kept under a name. An empty or unchanged text is not kept. */
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
