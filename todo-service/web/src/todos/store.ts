// The person's todos and lists, in memory. The page shows them from here, so a filter, a count or a search asks nobody, and what was
// shown stays while the API is away.
//
// The server's todos come from /api/v1/changes: first all, then what has changed. `sync` asks again when the tab is looked
// at, when another tab says that it has changed something, and when the network is back. On top of them lie this tab's own
// changes that the API has not answered yet. Of two versions of a todo the higher one counts, so a late answer does no harm.
//
// New todos wait in a queue, and are sent one after another, in the order in which they were typed. Each has an
// Idempotency-Key, so sending it again makes no second todo. The queue is kept as a draft.

import type { NewTodo, Todo, TodoApi, TodoChange, TodoList } from "../lib/api.ts";
import { isOfConnection } from "../lib/connection.ts";
import { expected, Failure } from "../lib/failure.ts";
import { Lists } from "./lists.ts";
import { Turns } from "./turns.ts";

const PAGE = 500; // the API's maximum
const AGAIN = 1_000; // milliseconds until a creation is repeated whose first request still runs

/** A todo that was typed and is not stored yet. With a refusal it is not sent again until the person has decided. */
export interface Waiting {
  key: string;
  todo: NewTodo;
  refusal?: Failure;
}

export interface Snapshot {
  /** null until the API has answered; in the person's order, in which new ones are first. */
  todos: readonly Todo[] | null;
  /** In the person's order. */
  lists: readonly TodoList[];
  /** The todos that were deleted somewhere else while this tab showed them. */
  gone: ReadonlyMap<string, Todo>;
  /** The first one is sent next. */
  waiting: readonly Waiting[];
  /** Why the todos could not be read, if the connection is not to blame. */
  failure: Failure | null;
}

export interface Surroundings {
  api: TodoApi;
  /** Tells the other tabs that something has changed. */
  tellOthers: () => void;
  /** Where the queue is kept over a reload. */
  queue: { read: () => string | undefined; write: (text: string) => void };
  newKey: () => string;
}

export class TodoStore {
  readonly lists: Lists;
  readonly #surroundings: Surroundings;
  readonly #listeners = new Set<() => void>();
  readonly #turns = new Turns();
  #owner: string | null = null;
  #todos = new Map<string, Todo>();
  #gone = new Map<string, Todo>();
  #unanswered = new Map<string, TodoChange>();
  #hidden = new Set<string>();
  #waiting: Waiting[] = [];
  #since: string | null = null;
  #position: string | null = null;
  #syncing: Promise<void> | null = null;
  #isAskedAgain = false;
  #sending: Promise<void> | null = null;
  #failure: Failure | null = null;
  #snapshot: Snapshot | null = null;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
    const { api, newKey, tellOthers } = surroundings;
    this.lists = new Lists({ api, newKey, tellOthers, changed: () => this.#changed(), sync: () => this.sync() });
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Where a stream of events goes on; null until the API has answered. */
  get position(): string | null {
    return this.#position;
  }

  readonly get = (): Snapshot => (this.#snapshot ??= this.#render());

  /** Forgets everything of another person. null: the session has ended; the queue stays kept for the same person. */
  belongsTo(owner: string | null): void {
    if (owner === this.#owner) return;
    this.#owner = owner;
    this.#todos = new Map();
    this.#gone = new Map();
    this.#unanswered = new Map();
    this.#hidden = new Set();
    this.lists.forget();
    this.#since = this.#position = this.#failure = null;
    this.#syncing = this.#sending = null;
    this.#waiting = owner === null ? [] : parseQueue(this.#surroundings.queue.read());
    this.#changed();
  }

  /** Ask for what has changed, and send what waits. A failure is the connection's to say. */
  readonly resume = (): void => {
    if (this.#owner === null) return;
    void this.#send();
    void this.sync();
  };

  /** Ask for what has changed. A call during another one makes it ask once more. Never fails: see `failure`. */
  sync(): Promise<void> {
    if (this.#syncing) {
      this.#isAskedAgain = true;
      return this.#syncing;
    }
    const mine = this.#read(this.#owner).finally(() => {
      if (this.#syncing === mine) this.#syncing = null;
    });
    return (this.#syncing = mine);
  }

  async #read(owner: string | null): Promise<void> {
    let failure: Failure | null = null;
    try {
      await this.#readChanges(owner);
    } catch (error) {
      failure = expected(error);
    }
    if (owner !== this.#owner || failure === this.#failure) return;
    this.#failure = failure && isOfConnection(failure) ? null : failure;
    this.#changed();
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
    } while (this.#isAskedAgain && owner === this.#owner);
  }

  async #readAll(owner: string | null): Promise<void> {
    const every = new Map<string, Todo>();
    const lists: TodoList[] = [];
    let since: string | undefined;
    let position: string | null = null;
    for (let hasMore = true; hasMore;) {
      const page = await this.#surroundings.api.changes({ limit: PAGE, ...(since === undefined ? {} : { since }) });
      for (const todo of page.upserts) every.set(todo.id, todo);
      for (const { id } of page.tombstones) every.delete(id);
      lists.push(...page.lists);
      since = page.next;
      position = page.last_event_id;
      hasMore = page.has_more;
    }
    if (owner !== this.#owner) return;
    for (const [id, todo] of this.#todos) if (!every.has(id)) this.#gone.set(id, todo);
    this.#todos = every;
    this.lists.replace(lists);
    this.#since = since ?? null;
    this.#position = position;
    this.#changed();
  }

  async #readSince(owner: string | null, begin: string): Promise<void> {
    let since = begin;
    for (let hasMore = true; hasMore;) {
      const page = await this.#surroundings.api.changes({ limit: PAGE, since });
      if (owner !== this.#owner) return;
      for (const todo of page.upserts) this.#put(todo);
      for (const { id, deleted_at } of page.tombstones) {
        const known = this.#todos.get(id);
        if (known && Date.parse(known.updated_at) <= Date.parse(deleted_at)) this.#drop(id); // else it was restored since
      }
      this.lists.merge(page.lists, page.list_tombstones);
      this.#dropThoseOf(page.list_tombstones);
      this.#since = since = page.next;
      this.#position = page.last_event_id;
      hasMore = page.has_more;
      const news = [page.upserts, page.tombstones, page.lists, page.list_tombstones];
      if (news.some((each) => each.length > 0)) this.#changed();
    }
  }

  /** A list may be no longer shared with the person: its todos are not told one by one. */
  #dropThoseOf(lists: ReadonlyArray<{ id: string }>): void {
    const gone = new Set(lists.map(({ id }) => id));
    if (gone.size > 0)
      for (const { id, list_id } of [...this.#todos.values()]) if (gone.has(list_id ?? "")) this.#drop(id);
  }

  /** Queue a new todo. It is shown at once as waiting. */
  add(todo: NewTodo): void {
    this.#queue([...this.#waiting, { key: this.#surroundings.newKey(), todo }]);
    void this.#send();
  }

  /** Take a todo that waits out of the queue. */
  withdraw(key: string): void {
    this.#queue(this.#waiting.filter((each) => each.key !== key));
  }

  #send(): Promise<void> {
    if (this.#sending) return this.#sending;
    const mine = this.#sendAll(this.#owner).finally(() => {
      if (this.#sending === mine) this.#sending = null;
    });
    return (this.#sending = mine);
  }

  async #sendAll(owner: string | null): Promise<void> {
    for (;;) {
      const next = this.#waiting.find((each) => each.refusal === undefined);
      if (next === undefined) return;
      try {
        const todo = await this.#surroundings.api.create(next.todo, next.key);
        if (owner !== this.#owner) return;
        this.#put(todo);
        this.withdraw(next.key);
        this.#surroundings.tellOthers();
      } catch (error) {
        const failure = expected(error);
        if (owner !== this.#owner || isOfConnection(failure) || failure.kind === "signed-out") return;
        if (failure.kind === "conflict") await new Promise((resolve) => setTimeout(resolve, AGAIN));
        else this.#queue(this.#waiting.map((each) => (each === next ? { ...each, refusal: failure } : each)));
      }
    }
  }

  setDone(todo: Todo, isDone: boolean): Promise<void> {
    const { api } = this.#surroundings;
    const status = isDone ? "done" : "open";
    return this.#change(todo, { status }, () => (isDone ? api.complete(todo.id) : api.reopen(todo.id)));
  }

  /** Fails with `conflict` if the title is no longer the one that the person saw; the store then has the new one. */
  rename(seen: Todo, title: string): Promise<void> {
    return this.#change(seen, {}, () => this.#patch(seen, { title }));
  }

  /** Change other members; shown at once. Fails like `rename`. */
  edit(seen: Todo, change: TodoChange): Promise<void> {
    return this.#change(seen, change, () => this.#patch(seen, change));
  }

  /** Give it another place in the person's order; shown at once. */
  move(todo: Todo, position: string): Promise<void> {
    return this.#change(todo, { position }, () => this.#surroundings.api.move(todo.id, position));
  }

  /** Put it into another list; shown at once. The last one who moves it decides. */
  relocate(id: string, listId: string | null): Promise<void> {
    const todo = this.#todos.get(id);
    if (todo === undefined) return Promise.resolve();
    return this.#change(todo, { list_id: listId }, () => this.#surroundings.api.relocate(id, listId));
  }

  /** Only the members that are changed must be as the person saw them: a tick meanwhile is no conflict. */
  #patch(seen: Todo, change: TodoChange): Promise<Todo> {
    const known = this.#todos.get(seen.id);
    const members = Object.keys(change) as Array<keyof TodoChange>;
    const isSame = known !== undefined && members.every((each) => known[each] === seen[each]);
    return this.#surroundings.api.change(isSame ? known : seen, change);
  }

  /** Bring back a todo that was deleted somewhere else, with this title. */
  async revive(todo: Todo, title: string): Promise<void> {
    await this.#change(todo, {}, async () => {
      const restored = await this.#surroundings.api.restore(todo.id);
      return this.#surroundings.api.change(restored, { title });
    });
  }

  /** The change is shown at once, and taken back if it fails. */
  async #change(todo: Todo, shown: TodoChange, send: () => Promise<Todo>): Promise<void> {
    const owner = this.#owner;
    this.#unanswered.set(todo.id, { ...this.#unanswered.get(todo.id), ...shown });
    this.#changed();
    await this.#turns.take(todo.id, async (_, isLast) => {
      try {
        const changed = await send();
        if (owner !== this.#owner) return undefined;
        this.#put(changed);
        this.#surroundings.tellOthers();
        return changed;
      } catch (error) {
        if (error instanceof Failure && owner === this.#owner) await this.#recover(todo.id, error);
        throw error;
      } finally {
        if (isLast()) this.#unanswered.delete(todo.id);
        this.#changed();
      }
    });
  }

  async #recover(id: string, failure: Failure): Promise<void> {
    if (failure.kind === "missing") this.#drop(id);
    if (failure.kind === "conflict") this.#put(await this.#surroundings.api.read(id));
  }

  /** The todo disappears at once, and is shown again if that fails. */
  async remove(todo: Todo): Promise<void> {
    this.#hidden.add(todo.id);
    this.#gone.delete(todo.id);
    this.#changed();
    await this.#turns.take(todo.id, async () => {
      try {
        await this.#surroundings.api.remove(todo.id).catch((error: unknown) => {
          if (!(error instanceof Failure && error.kind === "missing")) throw error; // it is deleted already
        });
        this.#todos.delete(todo.id);
        this.#surroundings.tellOthers();
      } finally {
        this.#hidden.delete(todo.id);
        this.#changed();
      }
      return undefined;
    });
  }

  async restore(todo: Todo): Promise<void> {
    await this.#turns.take(todo.id, async () => {
      const restored = await this.#surroundings.api.restore(todo.id);
      this.#put(restored);
      this.#changed();
      this.#surroundings.tellOthers();
      return restored;
    });
  }

  /** A page of what the trash has; asked anew each time. */
  readDeleted(cursor: string | null): ReturnType<TodoApi["deleted"]> {
    return this.#surroundings.api.deleted(cursor);
  }

  /** Forget a todo that was deleted somewhere else. */
  letGo(id: string): void {
    this.#gone.delete(id);
    this.#changed();
  }

  #put(todo: Todo): void {
    const known = this.#todos.get(todo.id);
    if (known && known.version > todo.version) return;
    this.#todos.set(todo.id, todo);
    this.#gone.delete(todo.id);
  }

  #drop(id: string): void {
    const known = this.#todos.get(id);
    if (known && !this.#hidden.has(id)) this.#gone.set(id, known);
    this.#todos.delete(id);
  }

  #queue(waiting: Waiting[]): void {
    this.#waiting = waiting;
    this.#surroundings.queue.write(
      waiting.length === 0 ? "" : JSON.stringify(waiting.map(({ key, todo }) => ({ key, todo }))),
    );
    this.#changed();
  }

  #changed(): void {
    this.#snapshot = null;
    for (const listener of this.#listeners) listener();
  }

  #render(): Snapshot {
    const shown = [...this.#todos.values()].filter(
      (each) => !this.#hidden.has(each.id) && !this.lists.isHidden(each.list_id),
    );
    const changed = shown.map((known) => {
      const change = this.#unanswered.get(known.id);
      const todo = change === undefined ? known : ({ ...known, ...change } as Todo);
      // Its list may be deleted, and the todo not known to be deleted yet.
      return todo.list_id === null || this.lists.isKnown(todo.list_id) ? todo : { ...todo, list_id: null };
    });
    return {
      todos: this.#since === null ? null : changed.sort(newestFirst),
      lists: this.lists.all(),
      gone: this.#gone,
      waiting: this.#waiting,
      failure: this.#failure,
    };
  }
}

/** By position, which grows with time unless the person moves something. */
function newestFirst(a: Todo, b: Todo): number {
  const [one, other] = a.position === b.position ? [a.id, b.id] : [a.position, b.position];
  return one < other ? 1 : -1;
}

function parseQueue(text: string | undefined): Waiting[] {
  try {
    return JSON.parse(text ?? "[]") as Waiting[];
  } catch {
    return [];
  }
}
