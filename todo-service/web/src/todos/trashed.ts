// What this device knows of the trash: what the API has said of it, and what was deleted here since. It is kept with the copy of
// the todos, so something can be brought back without a network.

import type { Todo, TodoList } from "../lib/api.ts";
import type { Trash } from "../lib/shelf.ts";
import { type Entry, isDeferred, isListChange, isUnsent } from "./entries.ts";

const MOST = 200; // todos that are kept

export class Trashed {
  #todos = new Map<string, Todo>();
  #lists = new Map<string, TodoList>();
  #kept: Trash | null = null;

  forget(): void {
    this.replace({ todos: [], lists: [] });
  }

  /** All of it, or its beginning. */
  replace({ todos, lists }: Trash): void {
    this.#todos = new Map(todos.map((each) => [each.id, each]));
    this.#lists = new Map(lists.map((each) => [each.id, each]));
    this.#kept = null;
  }

  put(todos: readonly Todo[]): void {
    for (const todo of todos) this.#todos.set(todo.id, todo);
    this.#kept = null;
  }

  putList(list: TodoList): void {
    this.#lists.set(list.id, list);
    this.#kept = null;
  }

  /** It is there again. */
  drop(id: string): void {
    if (this.#todos.delete(id)) this.#kept = null;
  }

  dropList(id: string): void {
    if (this.#lists.delete(id)) this.#kept = null;
  }

  /** For the copy; the same object as long as nothing has changed. */
  kept(): Trash {
    return (this.#kept ??= {
      todos: latestFirst([...this.#todos.values()]).slice(0, MOST),
      lists: latestFirst([...this.#lists.values()]),
    });
  }

  /** The todos that were deleted with a list which is brought back. */
  comingWithLists(entries: readonly Entry[]): Todo[] {
    const lists = entries.filter(isListChange).filter((each) => each.isRestored && isUnsent(each));
    return lists.flatMap(({ seenList: { id, deleted_at } }) =>
      [...this.#todos.values()].filter((each) => each.list_id === id && each.deleted_at === deleted_at),
    );
  }

  /** As it will be when the outbox is sent; what is not sent yet comes first. */
  with(entries: readonly Entry[]): Trash {
    const unsent = entries.filter(isUnsent);
    const [todos, lists] = [new Map<string, Todo>(), new Map<string, TodoList>()];
    const back = new Set(this.comingWithLists(entries).map(({ id }) => id));
    for (const each of unsent.filter(isDeferred)) {
      if (each.isRemoval) todos.set(each.seen.id, each.seen);
      else if (each.isRestored) back.add(each.seen.id);
    }
    for (const each of unsent.filter(isListChange)) {
      if (each.isRemoval) lists.set(each.seenList.id, { ...each.seenList, ...each.listChange } as TodoList);
      else if (each.isRestored) back.add(each.seenList.id);
    }
    const kept = this.kept();
    const stays = ({ id }: { id: string }): boolean => !back.has(id) && !todos.has(id) && !lists.has(id);
    return {
      todos: [...todos.values(), ...latestFirst([...this.#todos.values()])].filter(
        (each) => todos.get(each.id) === each || stays(each),
      ),
      lists: [...lists.values(), ...kept.lists.filter(stays)],
    };
  }
}

function latestFirst<T extends { deleted_at: string | null }>(deleted: T[]): T[] {
  return deleted.sort((a, b) => Date.parse(b.deleted_at ?? "") - Date.parse(a.deleted_at ?? ""));
}
