// The person's todos and lists, in memory. The page shows them from here, so a filter, a count or a search asks nobody, and what was
// shown stays while the API is away.
//
// The server's todos come from /api/v1/changes: first all, then what has changed. `sync` asks again when the tab is looked
// at, when another tab says that it has changed something, and when the network is back. On top of them lie this tab's own
// changes that the API has not answered yet. Of two versions of a todo the higher one counts, so a late answer does no harm.
//
// New todos, and changes that are made without a network, wait in the outbox (outbox.ts). What was read is kept on this
// device (keeper.ts), so it is there at the next visit, before the API has answered or without it.

import type { NewTodo, Todo, TodoApi, TodoChange, TodoList } from "../lib/api.ts";
import { isOfConnection } from "../lib/connection.ts";
import { expected, Failure } from "../lib/failure.ts";
import { said } from "../lib/language.ts";
import type { Copy, Trash } from "../lib/shelf.ts";
import {
  type Deferred,
  type Entry,
  type Fate,
  isDeferred,
  isListChange,
  isMade,
  isNewList,
  isWaiting,
  type ListChange,
  type NewList,
  type Waiting,
} from "./entries.ts";
import type { Keeper, Known } from "./keeper.ts";
import { Lists } from "./lists.ts";
import { Outbox, type OutboxShelf } from "./outbox.ts";
import { putIn, takeOut } from "./sorted.ts";
import { Trashed } from "./trashed.ts";
import { Turns } from "./turns.ts";
import { isAsSeen, missingOf, newestFirst, withChange } from "./versions.ts";

export type { Deferred, ListChange, NewList, Waiting } from "./entries.ts";

const PAGE = 500; // the API's maximum

export interface Snapshot {
  /** null until the API has answered; in the person's order, in which new ones are first. */
  todos: readonly Todo[] | null;
  /** In the person's order. */
  lists: readonly TodoList[];
  /** The todos that were deleted somewhere else while this tab showed them. */
  gone: ReadonlyMap<string, Todo>;
  /** The first one is sent next. */
  waiting: readonly Waiting[];
  /** Changes that wait for the network, or were refused when they were sent. */
  deferred: readonly Deferred[];
  /** The same of lists, and new ones. */
  listEntries: readonly (NewList | ListChange)[];
  /** What this device knows of it. */
  trash: Trash;
  /** Why the todos could not be read, if the connection is not to blame. */
  failure: Failure | null;
}

export interface Surroundings {
  api: TodoApi;
  /** Tells the other tabs that something has changed. */
  tellOthers: () => void;
  /** Where what this device does not keep survives a reload. */
  queue: { read: () => string | undefined; write: (text: string) => void };
  newKey: () => string;
  now: () => number;
  /** Whether a change would not arrive now. */
  isAway: () => boolean;
  shelf: OutboxShelf & { copy(ownerId: string): Promise<Copy | null> };
  keeper: Pick<Keeper, "begin" | "found" | "changed">;
  locks: Pick<LockManager, "request">;
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
  #sorted: Todo[] = []; // the same as in #todos
  readonly #outbox: Outbox;
  #loading: Promise<void> | null = null;
  #since: string | null = null;
  #position: string | null = null;
  #syncing: Promise<void> | null = null;
  #isAskedAgain = false;
  #failure: Failure | null = null;
  #snapshot: Snapshot | null = null;
  #shown: Todo[] | null = null;
  #changes: Entry[] = []; // what of the outbox decides about the todos that are shown
  readonly #trash = new Trashed();
  /** The ids of the new todos that this tab has sent, by the key of each; null: taken back before it was sent. */
  readonly #made = new Map<string, string | null>();

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
    this.lists = new Lists({
      ...surroundings,
      changed: () => this.#changed(),
      sync: () => this.sync(),
      mine: (call) => this.#mine(call),
      outbox: () => this.#outbox,
    });
    this.#outbox = new Outbox({
      ...surroundings,
      send: (entry) => this.#send(entry),
      changed: () => this.#changed(changesIn(this.#outbox.all())),
    });
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

  /** Forgets everything of another person. null: the session has ended. */
  belongsTo(owner: string | null): void {
    if (owner === this.#owner) return;
    this.#owner = owner;
    this.#forget();
    this.#gone = new Map();
    this.#unanswered = new Map();
    this.#hidden = new Set();
    this.#made.clear();
    this.lists.forget();
    this.#trash.forget();
    this.#since = this.#position = this.#failure = null;
    this.#syncing = null;
    this.#outbox.belongsTo(owner);
    this.#loading = owner === null ? null : this.#load(owner);
    this.#changed();
  }

  /** Show what this device keeps. */
  async #load(owner: string): Promise<void> {
    const { keeper, shelf } = this.#surroundings;
    await keeper.begin();
    const copy = await shelf.copy(owner);
    await this.#outbox.refresh();
    if (owner !== this.#owner) return;
    if (copy) {
      const newer = [...this.#todos.values()];
      this.#know(copy.todos);
      for (const todo of newer) this.#put(todo);
      this.lists.replace(copy.lists);
      if (copy.trash) this.#trash.replace(copy.trash);
      this.#since = copy.since;
      this.#position = copy.position;
    }
    keeper.found(copy ? new Map(copy.todos.map((each) => [each.id, each])) : null);
    this.#changed();
  }

  /** Ask for what has changed, and send what waits. A failure is the connection's to say. */
  readonly resume = (): void => {
    if (this.#owner === null) return;
    void this.#outbox.send();
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
      await this.#loading;
      if (owner !== this.#owner) return;
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
    this.#know([...every.values()]);
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
        if (!known || Date.parse(known.updated_at) > Date.parse(deleted_at)) continue; // it was restored since
        this.#drop(id);
        if (this.#isOwn(known)) this.#trash.put([{ ...known, deleted_at }]);
      }
      for (const { id, deleted_at } of page.list_tombstones) {
        const known = this.lists.find(id);
        if (known?.role === "owner") this.#trash.putList({ ...known, deleted_at });
      }
      for (const { id } of page.lists) this.#trash.dropList(id);
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

  /** Whether a deleted todo is in the person's own trash. */
  #isOwn({ list_id }: Todo): boolean {
    const list = this.lists.find(list_id) ?? this.lists.findGone(list_id);
    return list === undefined || list.role === "owner";
  }

  /** Queue a new todo. It is shown at once as waiting. */
  add(todo: NewTodo): Waiting {
    return this.#outbox.add(todo);
  }

  /** Undo `add`: what was not sent never is, and the others are deleted. Fails while it is unknown whether one has arrived. */
  async takeBack(added: readonly Waiting[]): Promise<void> {
    const owner = this.#owner;
    this.#takeOut(added);
    await this.#outbox.send(); // one of them may be under way
    this.#takeOut(added);
    if (added.some(({ key }) => this.#outbox.has(key)))
      throw new Failure(
        "unreachable",
        said("Not all of it can be undone without the network. Try again when it is back."),
      );
    for (const { key, todo } of added) {
      if (owner !== this.#owner) return;
      let id = this.#made.get(key);
      if (id === undefined) {
        const made = await this.#mine(this.#surroundings.api.create(this.#resolved(todo), key)); // another tab has sent it: the answer is repeated
        this.#put(made);
        this.#made.set(key, (id = made.id));
      }
      const known = id === null ? undefined : this.#todos.get(id);
      if (known) this.#outbox.defer(known, {}, { isRemoval: true });
    }
    void this.#outbox.send();
  }

  #takeOut(added: readonly Waiting[]): void {
    for (const { key } of added) if (this.#outbox.takeOut(key)) this.#made.set(key, null);
  }

  /** Send what waits, because the services answer again. */
  readonly send = (): void => void this.#outbox.send();

  /** Take a todo that waits, or a change, out of the outbox. */
  withdraw(key: string): void {
    this.#outbox.drop(key);
  }

  /** Make a change that was refused, whatever the todo is now; bring it back if it was deleted. */
  async insist({ key, seen }: Deferred): Promise<void> {
    const known = this.#todos.get(seen.id) ?? (await this.#mine(this.#surroundings.api.restore(seen.id)));
    this.#put(known);
    this.#outbox.insist(key, { seen: known });
  }

  /** The same of a list. */
  insistOnList(entry: NewList | ListChange): void {
    if (isNewList(entry)) return this.#outbox.insist(entry.key);
    const known = this.lists.find(this.#outbox.idOf(entry.seenList.id));
    this.#outbox.insist(entry.key, known && { seenList: known });
  }

  /** Give up a new list that was refused: its todos go to the inbox. */
  giveUp(list: NewList): void {
    this.#outbox.giveUp(list);
  }

  /** Put a new todo into the inbox whose list is gone. */
  addToInbox({ key, todo }: Waiting): void {
    this.#outbox.insist(key, { todo: { ...todo, list_id: null } });
  }

  /** The id of a list, which may have been made without a network and be known by its key. */
  idOfList<T extends string | null | undefined>(id: T): T | string {
    return this.#outbox.idOf(id);
  }

  /** What the list was called first, so that what shows it stays the same. */
  firstIdOfList(id: string): string {
    return this.#outbox.firstIdOf(id);
  }

  /** Whether there is no such list yet, because it was not sent. */
  isListToCome(id: string): boolean {
    return this.#outbox.isToCome(id);
  }

  /**
   * What a call brings, if it is for the same person when it is there: it must not be shown to another one, nor be put into
   * their outbox, and what follows it must not be done for them.
   */
  #mine<T>(call: Promise<T>): Promise<T> {
    const owner = this.#owner;
    return call.finally(() => {
      if (owner !== this.#owner) throw new Failure("signed-out", said("Somebody else has signed in meanwhile."));
    });
  }

  /** Returns the id of a new list. */
  async #send(entry: Entry): Promise<string | undefined> {
    if (isNewList(entry) || isListChange(entry)) return this.lists.send(entry);
    const owner = this.#owner;
    const { api } = this.#surroundings;
    const made = isWaiting(entry)
      ? await api.create(this.#resolved(entry.todo), entry.key)
      : await this.#sendChange(entry);
    if (owner !== this.#owner) return undefined;
    if (isWaiting(entry)) this.#made.set(entry.key, made.id);
    if (!isWaiting(entry) && entry.isRemoval) await this.#sendRemoval(entry.seen);
    else this.#put(made);
    return undefined;
  }

  /** With the id of a list that was made without a network. */
  #resolved<T extends { list_id?: string | null }>(named: T): T {
    return named.list_id == null ? named : { ...named, list_id: this.#outbox.idOf(named.list_id) };
  }

  /** What was changed elsewhere meanwhile is no conflict, unless it is the same member. */
  async #sendChange({ seen, change: asked, isRestored, isRemoval }: Deferred): Promise<Todo> {
    if (isRestored) this.#put(await this.#mine(this.#surroundings.api.restore(seen.id)));
    if (isRemoval) return seen;
    const change = this.#resolved(asked);
    if (Object.keys(change).length === 0) return this.#todos.get(seen.id) ?? seen;
    try {
      return await this.#make(seen, change);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      await this.#recover(seen.id, error);
      const known = this.#todos.get(seen.id);
      if (error.kind !== "conflict" || known === undefined) throw error;
      const missing = missingOf(known, change); // the others had arrived, and the answer was lost
      if (!isAsSeen(known, seen, missing)) throw error;
      return this.#make(known, missing);
    }
  }

  async #sendRemoval(todo: Todo): Promise<void> {
    const owner = this.#owner;
    await this.#surroundings.api.remove(todo.id).catch((error: unknown) => {
      if (!(error instanceof Failure && error.kind === "missing")) throw error; // it is deleted already
    });
    if (owner !== this.#owner) return;
    this.#forget(todo.id);
    if (this.#isOwn(todo)) this.#trash.put([{ ...todo, deleted_at: new Date(this.#surroundings.now()).toISOString() }]);
  }

  async #make(seen: Todo, { status, position, list_id, ...others }: TodoChange): Promise<Todo> {
    const { api } = this.#surroundings;
    let made = seen;
    if (Object.keys(others).length > 0) this.#put((made = await this.#mine(this.#patch(seen, others))));
    if (list_id !== undefined) made = await this.#mine(api.relocate(seen.id, list_id));
    if (position !== undefined) made = await this.#mine(api.move(seen.id, position));
    if (status !== undefined) made = await this.#mine(status === "done" ? api.complete(seen.id) : api.reopen(seen.id));
    return made;
  }

  setDone(todo: Todo, isDone: boolean): Promise<void> {
    const { api } = this.#surroundings;
    const status = isDone ? "done" : "open";
    return this.#change(todo, { status }, () => (isDone ? api.complete(todo.id) : api.reopen(todo.id)));
  }

  /** Fails with `conflict` if the title is no longer the one that the person saw; the store then has the new one. */
  rename(seen: Todo, title: string): Promise<void> {
    return this.#change(seen, {}, () => this.#patch(seen, { title }), { title });
  }

  /** Change other members; shown at once. Fails like `rename`. */
  edit(seen: Todo, asked: TodoChange): Promise<void> {
    const change = this.#resolved(asked);
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
    const to = this.#outbox.idOf(listId);
    return this.#change(todo, { list_id: to }, () => this.#surroundings.api.relocate(id, to));
  }

  /** Only the members that are changed must be as the person saw them: a tick meanwhile is no conflict. */
  #patch(seen: Todo, change: TodoChange): Promise<Todo> {
    const known = this.#todos.get(seen.id);
    const isSame = known !== undefined && isAsSeen(known, seen, change);
    return this.#surroundings.api.change(isSame ? known : seen, change);
  }

  /** Bring back a todo that was deleted somewhere else, with this title. */
  async revive(todo: Todo, title: string): Promise<void> {
    await this.#change(
      todo,
      {},
      async () => {
        const restored = await this.#mine(this.#surroundings.api.restore(todo.id));
        return this.#surroundings.api.change(restored, { title });
      },
      null,
    );
  }

  /** The change is shown at once, and taken back if it fails. Without a network, what is `later` waits for it. */
  async #change(
    todo: Todo,
    shown: TodoChange,
    send: () => Promise<Todo>,
    later: TodoChange | null = shown,
  ): Promise<void> {
    const owner = this.#owner;
    if (later && this.#mustWait(todo.id, later)) return this.#defer(todo, later);
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
        if (!(error instanceof Failure) || owner !== this.#owner) throw error;
        if (!later || !isOfConnection(error)) {
          await this.#recover(todo.id, error);
          throw error;
        }
        this.#outbox.defer(todo, later);
        return undefined;
      } finally {
        if (isLast()) this.#unanswered.delete(todo.id);
        this.#changed();
      }
    });
  }

  /** Whether a change of a todo would not arrive now: there is no network, or what must be sent before was not. */
  #mustWait(id: string, change: TodoChange = {}): boolean {
    const isComing = (each: Entry): boolean =>
      isDeferred(each) && each.isRestored === true && !each.refusal && each.seen.id === id;
    return (
      this.#surroundings.isAway() ||
      this.#outbox.isToCome(change.list_id) ||
      (!this.#todos.has(id) && this.#outbox.all().some(isComing))
    );
  }

  #defer(todo: Todo, change: TodoChange, fate: Fate = {}): void {
    this.#outbox.defer(todo, change, fate);
    void this.#outbox.send(); // it may wait for another entry only
  }

  async #recover(id: string, failure: Failure): Promise<void> {
    if (failure.kind === "missing") this.#drop(id);
    if (failure.kind === "conflict") this.#put(await this.#mine(this.#surroundings.api.read(id)));
  }

  /** The todo disappears at once, and is shown again if that fails; without a network it waits for one. */
  async remove(todo: Todo): Promise<void> {
    const owner = this.#owner;
    this.#gone.delete(todo.id);
    if (this.#mustWait(todo.id)) return this.#defer(todo, {}, { isRemoval: true });
    this.#hidden.add(todo.id);
    this.#changed();
    await this.#turns.take(todo.id, async () => {
      try {
        await this.#sendRemoval(todo);
        this.#surroundings.tellOthers();
      } catch (error) {
        if (!(error instanceof Failure && isOfConnection(error)) || owner !== this.#owner) throw error;
        this.#outbox.defer(todo, {}, { isRemoval: true });
      } finally {
        this.#hidden.delete(todo.id);
        this.#changed();
      }
      return undefined;
    });
  }

  /** Bring it back; without a network that waits for one. */
  async restore(todo: Todo): Promise<void> {
    if (this.#outbox.recall(todo.id)) return;
    if (this.#surroundings.isAway()) return this.#outbox.defer(todo, {}, { isRestored: true });
    const owner = this.#owner;
    await this.#turns.take(todo.id, async () => {
      try {
        const restored = await this.#surroundings.api.restore(todo.id);
        if (owner !== this.#owner) return undefined;
        this.#put(restored);
        this.#changed();
        this.#surroundings.tellOthers();
        return restored;
      } catch (error) {
        if (!(error instanceof Failure && isOfConnection(error)) || owner !== this.#owner) throw error;
        this.#outbox.defer(todo, {}, { isRestored: true });
        return undefined;
      }
    });
  }

  /** Ask for the trash, or for the page of it after a cursor. Returns the cursor of the next page. */
  async readTrash(cursor: string | null): Promise<string | null> {
    const owner = this.#owner;
    const { api } = this.#surroundings;
    const [page, lists] = await Promise.all([api.deleted(cursor), cursor === null ? api.deletedLists() : []]);
    if (owner !== this.#owner) return null;
    if (cursor === null) this.#trash.replace({ todos: page.items, lists });
    else this.#trash.put(page.items);
    this.#changed();
    return page.next_cursor;
  }

  /** Forget a todo that was deleted somewhere else. */
  letGo(id: string): void {
    this.#gone.delete(id);
    this.#changed();
  }

  #put(todo: Todo): void {
    const known = this.#todos.get(todo.id);
    if (known && known.version > todo.version) return;
    putIn(this.#sorted, todo, known);
    this.#shown = null;
    this.#todos.set(todo.id, todo);
    this.#gone.delete(todo.id);
    this.#trash.drop(todo.id);
  }

  #drop(id: string): void {
    const known = this.#todos.get(id);
    if (known && !this.#hidden.has(id)) this.#gone.set(id, known);
    this.#forget(id);
  }

  #know(todos: readonly Todo[]): void {
    this.#sorted = [...todos].sort(newestFirst);
    this.#shown = null;
    this.#todos = new Map(todos.map((each) => [each.id, each]));
  }

  /** Without an id: all of them. */
  #forget(id?: string): void {
    const known = id === undefined ? undefined : this.#todos.get(id);
    if (known) takeOut(this.#sorted, known);
    this.#shown = null;
    if (id === undefined) this.#know([]);
    else this.#todos.delete(id);
  }

  /** `changes`: only the outbox has changed. A new todo that waits must not cost a look at all others. */
  #changed(changes?: Entry[]): void {
    const isSame = changes?.length === this.#changes.length && changes.every((each, at) => each === this.#changes[at]);
    if (!isSame) this.#shown = null;
    this.#snapshot = null;
    this.lists.changed();
    this.#surroundings.keeper.changed(() => this.#known());
    for (const listener of this.#listeners) listener();
  }

  #known(): Known | null {
    if (this.#owner === null || this.#since === null) return null;
    const [lists, trash] = [this.lists.every(), this.#trash.kept()];
    const rest = { lists, since: this.#since, position: this.#position, trash };
    return { owner: this.#owner, todos: this.#todos, rest };
  }

  #render(): Snapshot {
    const entries = this.#outbox.all();
    this.#changes = changesIn(entries);
    const deferred = entries.filter(isDeferred);
    return {
      todos: this.#since === null ? null : (this.#shown ??= this.#overlaid(deferred)),
      lists: this.lists.all(),
      gone: this.#gone,
      waiting: entries.filter(isWaiting),
      deferred,
      listEntries: entries.filter((each) => isNewList(each) || isListChange(each)).filter((each) => !isMade(each)),
      trash: this.#trash.with(entries),
      failure: this.#failure,
    };
  }

  #overlaid(deferred: readonly Deferred[]): Todo[] {
    const unsent = deferred.filter((each) => !each.refusal);
    const changes = new Map<string, TodoChange>();
    for (const { seen, change } of unsent) changes.set(seen.id, { ...changes.get(seen.id), ...this.#resolved(change) });
    const removed = new Set(unsent.filter((each) => each.isRemoval).map(({ seen }) => seen.id));
    for (const [id, change] of this.#unanswered) changes.set(id, { ...changes.get(id), ...change });
    const back = this.#comingBack(unsent);
    let isMoved = back.length > 0;
    const shown: Todo[] = [];
    for (const known of back.length > 0 ? [...this.#sorted, ...back] : this.#sorted) {
      if (removed.has(known.id) || this.#hidden.has(known.id) || this.lists.isHidden(known.list_id)) continue;
      const change = changes.get(known.id);
      const todo = change === undefined ? known : withChange(known, change);
      isMoved ||= todo.position !== known.position;
      // Its list may be deleted, and the todo not known to be deleted yet.
      shown.push(todo.list_id === null || this.lists.isKnown(todo.list_id) ? todo : { ...todo, list_id: null });
    }
    return isMoved ? shown.sort(newestFirst) : shown;
  }

  /** The todos that are brought back, by themselves or with their list, and are not sent yet. */
  #comingBack(unsent: readonly Deferred[]): Todo[] {
    const alone = unsent.filter((each) => each.isRestored).map(({ seen }) => seen);
    const withThem = this.#trash.comingWithLists(this.#outbox.all());
    const back = new Map([...withThem, ...alone].map((each) => [each.id, { ...each, deleted_at: null }]));
    return [...back.values()].filter(({ id }) => !this.#todos.has(id));
  }
}

/** What of the outbox decides about the todos that are shown: all but new ones. */
function changesIn(entries: readonly Entry[]): Entry[] {
  return entries.filter((each) => !isWaiting(each));
}
