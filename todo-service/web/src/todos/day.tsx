// What stands above the todos: the view or list, today's date, and how many todos are open.

import { type ReactNode, useEffect, useState } from "react";
import type { TodoList } from "../lib/api.ts";
import { dayOf } from "../lib/due.ts";
import { locale, said } from "../lib/language.ts";
import { ROLES } from "./share.tsx";

interface DayProps {
  name: string;
  /** The list that is shown, if it is one. */
  list: TodoList | undefined;
  now: number;
  /** null: not known, or of no use here. */
  counts: { open: number; done: number } | null;
  share: (list: TodoList) => void;
}

export function Day({ name, list, now, counts, share }: DayProps): ReactNode {
  return (
    <header className="day">
      <h1 dir="auto">
        {list && <span className={`dot ${list.color}`} />}
        {name}
      </h1>
      {list && (
        <button type="button" className="plain people-button" onClick={() => share(list)}>
          {list.role !== "owner"
            ? `${said("Shared by {name}", { name: list.shared_by ?? "" })}, ${said(ROLES[list.role])}`
            : list.members > 0
              ? said("Shared with {number}", { number: list.members })
              : said("Share")}
        </button>
      )}
      <p>
        <time dateTime={dayOf(now)}>
          {new Intl.DateTimeFormat(locale(), { weekday: "long", day: "numeric", month: "long" }).format(now)}
        </time>
        {counts && <span className="counts">{said("{open} open, {done} done today", counts)}</span>}
      </p>
    </header>
  );
}

/** The time, renewed every minute: what was due becomes late, and a new day begins. */
export function useMinute(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 30_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
