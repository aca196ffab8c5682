// The todos as they are shown: as the API knows them, with what this tab has changed and the outbox has not sent yet.

import type { Todo, TodoChange } from "../lib/api.ts";
import { type Deferred, type Entry, isDeferred } from "./entries.ts";
import type { KnownTodos } from "./known.ts";
import type { Lists } from "./lists.ts";
import type { Trashed } from "./trashed.ts";
import { newestFirst, withChange } from "./versions.ts";

interface Under {
  known: KnownTodos;
  lists: Lists;
  trash: Trashed;
  /** With the id of a list that was made without a network. */
  resolved: (change: TodoChange) => TodoChange;
  /** The ids of new todos that are deleted as soon as they are there. */
  takenBack: ReadonlySet<string>;
}

/** In the person's order. */
export function shownTodos(under: Under, entries: readonly Entry[]): Todo[] {
  const { known, lists, resolved } = under;
  const unsent = entries.filter(isDeferred).filter((each) => !each.refusal);
  const changes = new Map<string, TodoChange>();
  for (const { seen, change } of unsent) changes.set(seen.id, { ...changes.get(seen.id), ...resolved(change) });
  const removed = new Set([...under.takenBack, ...unsent.filter((each) => each.isRemoval).map(({ seen }) => seen.id)]);
  for (const [id, change] of known.unanswered) changes.set(id, { ...changes.get(id), ...change });
  const back = comingBack(under, unsent, entries);
  let isMoved = back.length > 0;
  const shown: Todo[] = [];
  for (const each of back.length > 0 ? [...known.sorted(), ...back] : known.sorted()) {
    if (removed.has(each.id) || known.hidden.has(each.id) || lists.isHidden(each.list_id)) continue;
    const change = changes.get(each.id);
    const todo = change === undefined ? each : withChange(each, change);
    isMoved ||= todo.position !== each.position;
    // Its list may be deleted, and the todo not known to be deleted yet.
    shown.push(todo.list_id === null || lists.isKnown(todo.list_id) ? todo : { ...todo, list_id: null });
  }
  return isMoved ? shown.sort(newestFirst) : shown;
}

/** The todos that are brought back, by themselves or with their list, and are not sent yet. */
function comingBack({ known, trash }: Under, unsent: readonly Deferred[], entries: readonly Entry[]): Todo[] {
  const alone = unsent.filter((each) => each.isRestored).map(({ seen }) => seen);
  const withThem = trash.comingWithLists(entries);
  const back = new Map([...withThem, ...alone].map((each) => [each.id, { ...each, deleted_at: null }]));
  return [...back.values()].filter(({ id }) => known.get(id) === undefined);
}
