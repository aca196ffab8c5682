import type { ReactNode } from "react";
import { said, type Text } from "../lib/language.ts";

const TEXTS = {
  all: ["A clear page", "Write down the first thing that is on your mind, and press Enter."],
  today: ["Nothing due today", "A todo with a date appears here on its day. What you add here is due today."],
  upcoming: ["Nothing ahead", "Give a todo a date in its details, and it waits here until its day."],
  list: ["An empty list", "What you add here stays here. Todos of other lists can be dragged onto this one's name."],
  away: ["This list is not here", "It may have been deleted. Its todos are deleted with it."],
  trash: ["Nothing in the trash", "What you delete stays here for 30 days, and can be brought back."],
  finished: ["All done", "Nothing is waiting for you."],
  search: ["Nothing found", "Search looks at titles and notes, also of completed todos."],
} as const satisfies Record<string, readonly [Text, Text]>;

export type Emptiness = keyof typeof TEXTS;

/** What an empty page says instead of nothing. */
export function Empty({ of }: { of: Emptiness }): ReactNode {
  const [heading, sentence] = TEXTS[of];
  return (
    <div className="empty">
      <svg viewBox="0 0 48 48" aria-hidden="true">
        <circle cx="24" cy="24" r="20" />
        <path d="m16 25 6 6 11-13" />
      </svg>
      <h2>{said(heading)}</h2>
      <p>{said(sentence)}</p>
    </div>
  );
}
