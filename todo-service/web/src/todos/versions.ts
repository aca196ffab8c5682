// Two versions of a todo or a list: what a change makes of one, what of a change is missing, and which todo comes first.

import type { Todo, TodoChange } from "../lib/api.ts";

/** The todo as it will be. */
export function withChange(todo: Todo, change: TodoChange): Todo {
  const shown = { ...todo, ...change } as Todo;
  if (change.status === undefined || change.status === todo.status) return shown;
  return { ...shown, completed_at: change.status === "done" ? new Date().toISOString() : null };
}

/** The members of the change that the todo or list does not have yet. */
export function missingOf<C extends object>(known: object, change: C): C {
  const members = Object.keys(change) as Array<keyof C>;
  const missing = members.filter((each) => (known as C)[each] !== change[each]);
  return Object.fromEntries(missing.map((each) => [each, change[each]])) as C;
}

/** Whether the members that are changed are as the person saw them. */
export function isAsSeen(known: object, seen: object, change: object): boolean {
  return Object.keys(change).every((each) => Reflect.get(known, each) === Reflect.get(seen, each));
}

/** By position, which grows with time unless the person moves something. */
export function newestFirst(a: Todo, b: Todo): number {
  if (a.position !== b.position) return a.position < b.position ? 1 : -1;
  return a.id < b.id ? 1 : -1;
}
