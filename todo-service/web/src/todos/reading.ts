// Reads the person's todos and lists from /api/v1/changes: first all, then what has changed. `sync` asks again when the tab is
// looked at, when another tab says that it has changed something, and when the network is back.

import type { Todo, TodoApi, TodoList } from "../lib/api.ts";
import { isOfConnection } from "../lib/connection.ts";
import { expected, Failure } from "../lib/failure.ts";
import type { KnownTodos } from "./known.ts";
import type { Lists } from "./lists.ts";
import type { Trashed } from "./trashed.ts";

const PAGE = 500; // the API's maximum

interface Surroundings {
  api: Pick<TodoApi, "changes">;
  known: KnownTodos;
  lists: Lists;
  trash: Trashed;
  owner: () => string | null;
  /** Until what this device keeps is there. */
  loaded: () => Promise<void> | null;
  changed: () => void;
}

export class Reading {
  readonly #surroundings: Surroundings;
  #since: string | null = null;
  #position: string | null = null;
  #syncing: Promise<void> | null = null;
  #isAskedAgain = false;
  #failure: Failure | null = null;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** What is known is as of then; null until the API has answered. */
  get since(): string | null {
    return this.#since;
  }

  /** Where a stream of events goes on; null until the API has answered. */
  get position(): string | null {
    return this.#position;
  }

  /** Why the todos could not be read, if the connection is not to blame. */
  get failure(): Failure | null {
    return this.#failure;
  }

  /** Begin with what this device has kept. */
  goOn(since: string, position: string | null): void {
    this.#since = since;
    this.#position = position;
  }

  forget(): void {
    this.#since = this.#position = this.#failure = null;
    this.#syncing = null;
  }

  /** Ask for what has changed. A call during another one makes it ask once more. Never fails: see `failure`. */
  sync(): Promise<void> {
    if (this.#syncing) {
      this.#isAskedAgain = true;
      return this.#syncing;
    }
    const mine = this.#read(this.#surroundings.owner()).finally(() => {
      if (this.#syncing === mine) this.#syncing = null;
    });
    return (this.#syncing = mine);
  }

  #isOf(owner: string | null): boolean {
    return owner === this.#surroundings.owner();
  }

  async #read(owner: string | null): Promise<void> {
    let failure: Failure | null = null;
    try {
      await this.#surroundings.loaded();
      if (!this.#isOf(owner)) return;
      await this.#readChanges(owner);
    } catch (error) {
      failure = expected(error);
    }
    if (!this.#isOf(owner) || failure === this.#failure) return;
    this.#failure = failure && isOfConnection(failure) ? null : failure;
    this.#surroundings.changed();
  }

  async #readChanges(owner: string | null): Promise<void> {
    do {
      this.#isAskedAgain = false;
      try {
        await (this.#since === null ? this.#readAll(owner) : this.#readSince(owner, this.#since));
      } catch (error) {
        if (!(error instanceof Failure && error.kind === "invalid" && this.#since !== null)) throw error;
        await this.#readAll(owner); // the token is too old, or is not known after a restored backup
      }
    } while (this.#isAskedAgain && this.#isOf(owner));
  }

  async #readAll(owner: string | null): Promise<void> {
    const { api, known, lists: knownLists, changed } = this.#surroundings;
    const every = new Map<string, Todo>();
    const lists: TodoList[] = [];
    let since: string | undefined;
    let position: string | null = null;
    for (let hasMore = true; hasMore;) {
      const page = await api.changes({ limit: PAGE, ...(since === undefined ? {} : { since }) });
      for (const todo of page.upserts) every.set(todo.id, todo);
      for (const { id } of page.tombstones) every.delete(id);
      lists.push(...page.lists);
      since = page.next;
      position = page.last_event_id;
      hasMore = page.has_more;
    }
    if (!this.#isOf(owner)) return;
    for (const [id, todo] of known.all()) if (!every.has(id)) known.gone.set(id, todo);
    known.replace([...every.values()]);
    knownLists.replace(lists);
    this.#since = since ?? null;
    this.#position = position;
    changed();
  }

  async #readSince(owner: string | null, begin: string): Promise<void> {
    const { api, known, lists, trash, changed } = this.#surroundings;
    let since = begin;
    for (let hasMore = true; hasMore;) {
      const page = await api.changes({ limit: PAGE, since });
      if (!this.#isOf(owner)) return;
      for (const todo of page.upserts) known.put(todo);
      for (const { id, deleted_at } of page.tombstones) {
        const todo = known.get(id);
        if (!todo || Date.parse(todo.updated_at) > Date.parse(deleted_at)) continue; // it was restored since
        known.drop(id);
        if (lists.isOwn(todo.list_id)) trash.put([{ ...todo, deleted_at }]);
      }
      for (const { id, deleted_at } of page.list_tombstones) {
        const list = lists.find(id);
        if (list?.role === "owner") trash.putList({ ...list, deleted_at });
      }
      for (const { id } of page.lists) trash.dropList(id);
      lists.merge(page.lists, page.list_tombstones);
      this.#dropThoseOf(page.list_tombstones);
      this.#since = since = page.next;
      this.#position = page.last_event_id;
      hasMore = page.has_more;
      const news = [page.upserts, page.tombstones, page.lists, page.list_tombstones];
      if (news.some((each) => each.length > 0)) changed();
    }
  }

  /** A list may be no longer shared with the person: its todos are not told one by one. */
  #dropThoseOf(lists: ReadonlyArray<{ id: string }>): void {
    const { known } = this.#surroundings;
    const gone = new Set(lists.map(({ id }) => id));
    if (gone.size > 0)
      for (const { id, list_id } of [...known.all().values()]) if (gone.has(list_id ?? "")) known.drop(id);
  }
}
