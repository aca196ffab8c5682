// The kinds of things that wait in the outbox (outbox.ts): new todos and lists, and changes of both.

import type { NewTodo, NewTodoList, Todo, TodoChange, TodoList, TodoListChange } from "../lib/api.ts";
import type { Failure } from "../lib/failure.ts";

interface Kept {
  key: string;
  /** It is not sent again until the person has decided. */
  refusal?: Failure;
}

interface New extends Kept {
  /** When it was sent first, in milliseconds since the epoch. It may have arrived, and its answer was lost. */
  triedAt?: number;
}

/** What is done to a thing beside a change of its members: it is brought back before, and deleted after the change. */
export interface Fate {
  isRestored?: true;
  isRemoval?: true;
}

/** A todo that was typed and is not stored yet. */
export interface Waiting extends New {
  todo: NewTodo;
  /** The person has undone it, and it may have arrived: when it certainly has, it is deleted. */
  isTakenBack?: true;
}

/** A list that was made without a network. Until the API gives it an id, its key is its id. */
export interface NewList extends New {
  list: NewTodoList;
  /** It is sent. The entry stays for a day, so that every tab knows which list the key means. */
  madeId?: string;
}

/** A change of a todo that waits for the network, or that was refused when it was sent. */
export interface Deferred extends Kept, Fate {
  /** The todo as the person saw it. */
  seen: Todo;
  change: TodoChange;
}

/** The same of a list. */
export interface ListChange extends Kept, Fate {
  seenList: TodoList;
  listChange: TodoListChange;
}

export type Entry = Waiting | NewList | Deferred | ListChange;

export function isWaiting(entry: Entry): entry is Waiting {
  return "todo" in entry;
}

export function isTakenBack(entry: Entry | undefined): boolean {
  return entry !== undefined && isWaiting(entry) && entry.isTakenBack === true;
}

export function isNewList(entry: Entry): entry is NewList {
  return "list" in entry;
}

export function isDeferred(entry: Entry): entry is Deferred {
  return "seen" in entry;
}

export function isListChange(entry: Entry): entry is ListChange {
  return "seenList" in entry;
}

/** Whether it is neither sent nor refused. */
export function isUnsent(entry: Entry): boolean {
  return !entry.refusal && !isMade(entry);
}

export function isMade(entry: Entry): boolean {
  return isNewList(entry) && entry.madeId !== undefined;
}

/** The list that an entry names, by its id or by the key of a new one. */
export function listIn(entry: Entry): string | null | undefined {
  if (isWaiting(entry)) return entry.todo.list_id;
  if (isDeferred(entry)) return entry.change.list_id;
  return isListChange(entry) ? entry.seenList.id : undefined;
}

/** The members that a change changes, as the person saw them first. */
export function seenBefore<T extends object>(seen: T, change: object): Partial<T> {
  const members = Object.keys(change) as Array<keyof T>;
  return Object.fromEntries(members.map((each) => [each, seen[each]])) as Partial<T>;
}

export function isSame(one: Entry, other: Entry): boolean {
  return JSON.stringify(plain(one)) === JSON.stringify(plain(other));
}

/** What of it is sent. */
function plain(entry: Entry): unknown[] {
  if (isWaiting(entry)) return [entry.key, entry.todo, entry.isTakenBack];
  if (isNewList(entry)) return [entry.key, entry.list, entry.madeId];
  const fate = [entry.isRestored, entry.isRemoval];
  return isDeferred(entry)
    ? [entry.key, entry.seen, entry.change, ...fate]
    : [entry.key, entry.seenList, entry.listChange, ...fate];
}

/** Without what the shelf added to it. */
export function bare(entry: Entry & { place?: unknown }): Entry {
  const { place: _, ...rest } = entry;
  return rest as Entry;
}

/** Another build may have kept other things, which this one leaves alone. */
export function isEntry(kept: Partial<Waiting & NewList & Deferred & ListChange>): boolean {
  const names = [kept.todo?.title, kept.list?.name, kept.seen?.id, kept.seenList?.id];
  return typeof kept.key === "string" && names.some((each) => typeof each === "string");
}

export function parse(text: string | undefined): Entry[] {
  try {
    return (JSON.parse(text ?? "[]") as Entry[]).filter(isEntry);
  } catch {
    return [];
  }
}
