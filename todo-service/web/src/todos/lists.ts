// The person's lists, in memory: part of the store, which reads them from /api/v1/changes together with the todos.

import type { NewTodoList, TodoApi, TodoList, TodoListChange } from "../lib/api.ts";
import { placeAt } from "../lib/positions.ts";

export const COLORS = ["gray", "red", "orange", "yellow", "green", "teal", "blue", "purple", "pink"] as const;
export type Color = (typeof COLORS)[number];

interface Surroundings {
  api: Pick<TodoApi, "createList" | "changeList" | "removeList" | "restoreList" | "deletedLists">;
  newKey: () => string;
  /** Called after each change. */
  changed: () => void;
  tellOthers: () => void;
  /** Reads what else has changed: the todos of a list go and come with it. */
  sync: () => Promise<void>;
}

export class Lists {
  readonly #surroundings: Surroundings;
  #known = new Map<string, TodoList>();
  #hidden = new Set<string>();

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** Own ones in the person's order, then those that others share, by name. */
  all(): TodoList[] {
    const shown = [...this.#known.values()].filter((each) => !this.#hidden.has(each.id));
    const shared = shown.filter((each) => each.role !== "owner");
    return [...this.own(), ...shared.sort((a, b) => a.name.localeCompare(b.name) || (a.id < b.id ? -1 : 1))];
  }

  own(): TodoList[] {
    return [...this.#known.values()]
      .filter((each) => each.role === "owner" && !this.#hidden.has(each.id))
      .sort((a, b) => (a.position === b.position ? (a.id < b.id ? -1 : 1) : a.position < b.position ? -1 : 1));
  }

  /** As the API knows them, in no order. */
  every(): TodoList[] {
    return [...this.#known.values()];
  }

  isKnown(id: string): boolean {
    return this.#known.has(id);
  }

  /** Whether the list is being deleted, and its todos with it. */
  isHidden(id: string | null): boolean {
    return id !== null && this.#hidden.has(id);
  }

  replace(lists: readonly TodoList[]): void {
    this.#known = new Map(lists.map((each) => [each.id, each]));
  }

  merge(lists: readonly TodoList[], gone: ReadonlyArray<{ id: string }>): void {
    for (const list of lists) this.#put(list);
    for (const { id } of gone) this.#known.delete(id);
  }

  forget(): void {
    this.#known = new Map();
    this.#hidden = new Set();
  }

  async create(list: NewTodoList): Promise<TodoList> {
    const made = await this.#surroundings.api.createList(list, this.#surroundings.newKey());
    this.#put(made);
    this.#told();
    return made;
  }

  /** Shown at once, and taken back if it fails. The last writer of a member wins. */
  async change(list: TodoList, change: TodoListChange): Promise<void> {
    this.#known.set(list.id, { ...list, ...change } as TodoList);
    this.#surroundings.changed();
    try {
      this.#put(await this.#surroundings.api.changeList(list.id, change));
      this.#told();
    } catch (error) {
      if (this.#known.get(list.id)?.version === list.version) this.#known.set(list.id, list);
      this.#surroundings.changed();
      throw error;
    }
  }

  /** One place up (-1) or down (1). */
  async move(list: TodoList, step: number): Promise<void> {
    const all = this.own();
    const index = all.findIndex((each) => each.id === list.id) + step;
    if (index < 0 || index >= all.length) return;
    const others = all.filter((each) => each.id !== list.id);
    await this.change(list, { position: placeAt(others, index, false) });
  }

  /** The list and its todos disappear at once, and are shown again if that fails. */
  async remove(list: TodoList): Promise<void> {
    this.#hidden.add(list.id);
    this.#surroundings.changed();
    try {
      await this.#surroundings.api.removeList(list.id);
      this.#known.delete(list.id);
      this.#surroundings.tellOthers();
      await this.#surroundings.sync();
    } finally {
      this.#hidden.delete(list.id);
      this.#surroundings.changed();
    }
  }

  async restore(list: TodoList): Promise<void> {
    this.#put(await this.#surroundings.api.restoreList(list.id));
    this.#told();
    await this.#surroundings.sync();
  }

  /** What the trash has; asked anew each time. */
  readDeleted(): Promise<TodoList[]> {
    return this.#surroundings.api.deletedLists();
  }

  #told(): void {
    this.#surroundings.changed();
    this.#surroundings.tellOthers();
  }

  #put(list: TodoList): void {
    const known = this.#known.get(list.id);
    if (!known || known.version <= list.version) this.#known.set(list.id, list);
  }
}
