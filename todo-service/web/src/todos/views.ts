// Which todos a view shows, and in which order. Everything is looked up in memory.

import type { NewTodo, Todo, TodoList } from "../lib/api.ts";
import { addDays, dayOf, parseDue, sortKey } from "../lib/due.ts";

export type View = "all" | "today" | "upcoming" | "inbox" | "trash" | `list ${string}`;

/** The id of the view's list; null for the inbox; undefined if the view is across lists. */
export function listOf(view: View): string | null | undefined {
  if (view === "inbox") return null;
  return view.startsWith("list ") ? view.slice(5) : undefined;
}

export function viewAt(address: URL): View {
  const [shown, list] = [address.searchParams.get("show"), address.searchParams.get("list")];
  if (list !== null) return `list ${list}`;
  return shown === "today" || shown === "upcoming" || shown === "inbox" || shown === "trash" ? shown : "all";
}

export function addressOf(view: View): string {
  const list = listOf(view);
  if (list) return `/?list=${encodeURIComponent(list)}`;
  return view === "all" ? "/" : `/?show=${view}`;
}

export function nameOf(view: View, lists: readonly TodoList[]): string {
  const names: Partial<Record<View, string>> = {
    all: "All",
    today: "Today",
    upcoming: "Upcoming",
    inbox: "Inbox",
    trash: "Trash",
  };
  return names[view] ?? lists.find((each) => each.id === listOf(view))?.name ?? "";
}

export interface Selection {
  open: Todo[];
  done: Todo[];
}

export interface Counts {
  open: number;
  doneToday: number;
  /** Open todos of today and of the days before. */
  today: number;
  upcoming: number;
  /** Open todos of each list, by its id; null: of the inbox. */
  inList: ReadonlyMap<string | null, number>;
}

/** `touched`: what was just ticked or moved stays among the open ones until the next look. */
export function select(
  todos: readonly Todo[],
  { view, words, now, touched }: { view: View; words: string; now: number; touched: ReadonlySet<string> },
): Selection {
  const today = dayOf(now);
  const found = words.trim() === "" ? null : folded(words.trim());
  const shown = todos.filter(
    (todo) => touched.has(todo.id) || (found === null ? isIn(view, todo, today) : textOf(todo).includes(found)),
  );
  const open = shown.filter((each) => each.status === "open" || touched.has(each.id));
  const done = shown.filter((each) => each.status === "done" && !touched.has(each.id));
  if ((view === "today" || view === "upcoming") && found === null) open.sort(byDue);
  return { open, done: done.sort((a, b) => ((a.completed_at ?? "") < (b.completed_at ?? "") ? 1 : -1)) };
}

function isIn(view: View, todo: Todo, today: string): boolean {
  if (view === "all" || view === "trash") return view === "all"; // what the trash has is not among these todos
  if (listOf(view) !== undefined) return todo.list_id === listOf(view);
  if (view === "today" && todo.status === "done") return wasDoneOn(todo, today);
  if (todo.due === null || todo.status === "done") return false;
  const { date } = parseDue(todo.due);
  return view === "today" ? date <= today : date > today;
}

function wasDoneOn({ completed_at }: Todo, day: string): boolean {
  return completed_at !== null && dayOf(Date.parse(completed_at)) === day;
}

function byDue(a: Todo, b: Todo): number {
  const [one, other] = [sortKey(a.due ?? "9999-12-31"), sortKey(b.due ?? "9999-12-31")];
  return one === other ? b.priority - a.priority : one < other ? -1 : 1;
}

const texts = new WeakMap<Todo, string>();

/** What a search looks at; made once for each version of a todo, because a search looks at all of them for each letter. */
function textOf(todo: Todo): string {
  const known = texts.get(todo);
  if (known !== undefined) return known;
  const text = folded(`${todo.title}\n${todo.notes}`);
  texts.set(todo, text);
  return text;
}

function folded(text: string): string {
  return text.normalize("NFKC").toLocaleLowerCase();
}

export function count(todos: readonly Todo[], now: number): Counts {
  const today = dayOf(now);
  const inList = new Map<string | null, number>();
  for (const { status, list_id } of todos) if (status === "open") inList.set(list_id, (inList.get(list_id) ?? 0) + 1);
  return {
    inList,
    open: todos.filter((each) => each.status === "open").length,
    doneToday: todos.filter((each) => each.status === "done" && wasDoneOn(each, today)).length,
    today: todos.filter((each) => each.status === "open" && isIn("today", each, today)).length,
    upcoming: todos.filter((each) => isIn("upcoming", each, today)).length,
  };
}

/** A new todo gets what makes it appear in the view in which it was typed. */
export function newIn(view: View, title: string, now: number): NewTodo {
  const today = dayOf(now);
  const list = listOf(view);
  if (list) return { title, list_id: list };
  if (view === "today") return { title, due: today };
  return view === "upcoming" ? { title, due: addDays(today, 1) } : { title };
}
