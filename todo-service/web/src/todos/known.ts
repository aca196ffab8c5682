// The person's todos as the API knows them, in the person's order, and this tab's own changes that it has not answered yet.
// Of two versions of a todo the higher one counts, so a late answer does no harm.

import type { Todo, TodoChange } from "../lib/api.ts";
import { putIn, takeOut } from "./sorted.ts";
import type { Trashed } from "./trashed.ts";
import { newestFirst } from "./versions.ts";

export class KnownTodos {
  readonly #trash: Trashed;
  readonly #touched: () => void;
  #todos = new Map<string, Todo>();
  #sorted: Todo[] = []; // the same as in #todos
  #removed = new Map<string, number>(); // versions of those that this tab has deleted
  /** The todos that were deleted somewhere else while this tab showed them. */
  gone = new Map<string, Todo>();
  /** Changes that are on their way, by the id of the todo. */
  unanswered = new Map<string, TodoChange>();
  /** The ids of those whose deletion is on its way. */
  hidden = new Set<string>();

  /** `touched`: called when what is shown of them may be another. */
  constructor(trash: Trashed, touched: () => void) {
    this.#trash = trash;
    this.#touched = touched;
  }

  get(id: string): Todo | undefined {
    return this.#todos.get(id);
  }

  all(): ReadonlyMap<string, Todo> {
    return this.#todos;
  }

  sorted(): readonly Todo[] {
    return this.#sorted;
  }

  put(todo: Todo): void {
    const known = this.#todos.get(todo.id);
    if ((known && known.version > todo.version) || this.#isRemoved(todo)) return;
    putIn(this.#sorted, todo, known);
    this.#touched();
    this.#todos.set(todo.id, todo);
    this.gone.delete(todo.id);
    this.#trash.drop(todo.id);
  }

  /** It is deleted, by somebody else unless this tab does it. */
  drop(id: string): void {
    const known = this.#todos.get(id);
    if (known && !this.hidden.has(id)) this.gone.set(id, known);
    this.forget(id);
  }

  /** Replaces all todos by these. Those that this tab has deleted or changed meanwhile stay as they are here. */
  replace(todos: readonly Todo[]): void {
    const newest = todos.filter((each) => !this.#isRemoved(each)).map((each) => this.#newerOf(each));
    this.#sorted = newest.sort(newestFirst);
    this.#touched();
    this.#todos = new Map(newest.map((each) => [each.id, each]));
  }

  #newerOf(todo: Todo): Todo {
    const known = this.#todos.get(todo.id);
    return known && known.version > todo.version ? known : todo;
  }

  /** Whether this tab has deleted the todo after it was read: the answer came late. */
  #isRemoved(todo: Todo): boolean {
    return todo.version <= (this.#removed.get(todo.id) ?? -1);
  }

  /** This tab has deleted it. A later version is one that was brought back. */
  remove(todo: Todo): void {
    this.#removed.set(todo.id, Math.max(todo.version, this.#todos.get(todo.id)?.version ?? 0));
    this.forget(todo.id);
  }

  forget(id: string): void {
    const known = this.#todos.get(id);
    if (known) takeOut(this.#sorted, known);
    this.#touched();
    this.#todos.delete(id);
  }

  forgetAll(): void {
    this.replace([]);
    this.#removed = new Map();
    this.gone = new Map();
    this.unanswered = new Map();
    this.hidden = new Set();
  }
}
