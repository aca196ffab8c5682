// Two versions of a todo: what a change makes of one, what of a change is missing, and which comes first.

import type { Todo, TodoChange } from "../lib/api.ts";

/** The todo as it will be. */
export function withChange(todo: Todo, change: TodoChange): Todo {
  const shown = { ...todo, ...change } as Todo;
  if (change.status === undefined || change.status === todo.status) return shown;
  return { ...shown, completed_at: change.status === "done" ? new Date().toISOString() : null };
}

/** The members that the todo does not have yet. */
export function missingOf(todo: Todo, change: TodoChange): TodoChange {
  const members = Object.keys(change) as Array<keyof TodoChange>;
  return Object.fromEntries(members.filter((each) => todo[each] !== change[each]).map((each) => [each, change[each]]));
}

/** Whether the members that are changed are as the person saw them. */
export function isAsSeen(known: Todo, seen: TodoChange, change: TodoChange): boolean {
  return (Object.keys(change) as Array<keyof TodoChange>).every((each) => known[each] === seen[each]);
}

/** By position, which grows with time unless the person moves something. */
export function newestFirst(a: Todo, b: Todo): number {
  if (a.position !== b.position) return a.position < b.position ? 1 : -1;
  return a.id < b.id ? 1 : -1;
}
