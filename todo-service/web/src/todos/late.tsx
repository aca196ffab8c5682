// What was due before today, and a button that moves all of it to today.

import type { ReactNode } from "react";
import type { Todo } from "../lib/api.ts";
import { dayOf, parseDue, renderDue } from "../lib/due.ts";
import { said } from "../lib/language.ts";
import { store } from "../wiring.ts";
import type { Step } from "./undo.tsx";

const FEWEST = 2; // a single one has its details

/** The open ones among these todos of which the day is over. */
export function ofEarlierDays(todos: readonly Todo[], now: number): Todo[] {
  const today = dayOf(now);
  return todos.filter(({ status, due }) => status === "open" && due !== null && parseDue(due).date < today);
}

/** How they are moved to today, each at the time that it had, and back. `what`: in words. */
export function toToday(late: readonly Todo[], now: number): { what: string; step: Step; act: () => Promise<void> } {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const before = new Map(late.map(({ id, due }) => [id, due]));
  async function edit(dueOf: (todo: Todo) => string | null): Promise<void> {
    const there = (store.get().todos ?? []).filter(({ id }) => before.has(id));
    await Promise.all(there.map((each) => store.edit(each, { due: dueOf(each) })));
  }
  const what = said("Moved {number} todos to today", { number: late.length });
  return {
    what,
    step: { what, undo: () => edit(({ id }) => before.get(id) ?? null) },
    act: () => edit(({ due }) => due && renderDue({ date: dayOf(now), time: parseDue(due).time }, zone)),
  };
}

export function LateOnes({ number, move }: { number: number; move: () => void }): ReactNode {
  if (number < FEWEST) return null;
  return (
    <p className="late-ones">
      <span>{said("{number} were due before today.", { number })}</span>
      <button type="button" className="plain" onClick={move}>
        {said("Move them to today")}
      </button>
    </p>
  );
}
