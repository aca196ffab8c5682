// Which todos a view shows, and in which order. Everything is looked up in memory.

import type { NewTodo, Todo, TodoList } from "../lib/api.ts";
import { said, type Text } from "../lib/language.ts";
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

const NAMES: Partial<Record<View, Text>> = {
  all: "All",
  today: "Today",
  upcoming: "Upcoming",
  inbox: "Inbox",
  trash: "Trash",
};

export function nameOf(view: View, lists: readonly TodoList[]): string {
  const name = NAMES[view];
  return name ? said(name) : (lists.find((each) => each.id === listOf(view))?.name ?? "");
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

/** How many open todos the view has. The counts are those of its list, or of all. */
export function openIn(view: View, counts: Counts): number {
  return view === "today" || view === "upcoming" ? counts[view] : counts.open;
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
  const day = dayOf(now);
  const inList = new Map<string | null, number>();
  const counts = { inList, open: 0, doneToday: 0, today: 0, upcoming: 0 };
  for (const todo of todos) {
    if (todo.status === "done") {
      if (wasDoneOn(todo, day)) counts.doneToday += 1;
      continue;
    }
    counts.open += 1;
    inList.set(todo.list_id, (inList.get(todo.list_id) ?? 0) + 1);
    if (todo.due === null) continue;
    if (parseDue(todo.due).date <= day) counts.today += 1;
    else counts.upcoming += 1;
  }
  return counts;
}

/** A new todo gets what makes it appear in the view in which it was typed. */
export function newIn(view: View, title: string, now: number): NewTodo {
  const today = dayOf(now);
  const list = listOf(view);
  if (list) return { title, list_id: list };
  if (view === "today") return { title, due: today };
  return view === "upcoming" ? { title, due: addDays(today, 1) } : { title };
}
