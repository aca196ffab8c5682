// The person's todos and lists, in memory. The page shows them from here, so a filter, a count or a search asks nobody, and what was
// shown stays while the API is away.
//
// What the API says comes by reading.ts, and is kept in known.ts. On top of it lie this tab's own changes that the API has not
// answered yet (changing.ts, shown.ts).
//
// New todos, and changes that are made without a network, wait in the outbox (outbox.ts). What was read is kept on this
// device (keeper.ts), so it is there at the next visit, before the API has answered or without it.

import type { NewTodo, Todo, TodoApi, TodoChange, TodoList } from "../lib/api.ts";
import { Failure } from "../lib/failure.ts";
import { said } from "../lib/language.ts";
import type { Copy, Trash } from "../lib/shelf.ts";
import { Changing } from "./changing.ts";
import {
  type Deferred,
  type Entry,
  isDeferred,
  isListChange,
  isMade,
  isNewList,
  isTakenBack,
  isWaiting,
  type ListChange,
  type NewList,
  type Waiting,
} from "./entries.ts";
import type { Keeper, Known } from "./keeper.ts";
import { KnownTodos } from "./known.ts";
import { Lists } from "./lists.ts";
import { Outbox, type OutboxShelf } from "./outbox.ts";
import { Reading } from "./reading.ts";
import { shownTodos } from "./shown.ts";
import { Trashed } from "./trashed.ts";

export type { Deferred, ListChange, NewList, Waiting } from "./entries.ts";

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
  readonly #trash = new Trashed();
  readonly #known = new KnownTodos(this.#trash, () => (this.#shown = null));
  readonly #reading: Reading;
  readonly #changing: Changing;
  readonly #outbox: Outbox;
  #owner: string | null = null;
  #loading: Promise<void> | null = null;
  #snapshot: Snapshot | null = null;
  #shown: Todo[] | null = null;
  #changes: Entry[] = []; // what of the outbox decides about the todos that are shown
  /** The new todos that this tab has sent, by the key of each; null: taken back before it was sent. */
  readonly #made = new Map<string, Todo | null>();

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
    const parts = {
      ...surroundings,
      changed: () => this.#changed(),
      mine: <T>(call: Promise<T>) => this.#mine(call),
      outbox: () => this.#outbox,
    };
    this.lists = new Lists({ ...parts, sync: () => this.sync() });
    const shared = { ...parts, known: this.#known, lists: this.lists, trash: this.#trash, owner: () => this.#owner };
    this.#reading = new Reading({ ...shared, loaded: () => this.#loading });
    this.#changing = new Changing(shared);
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
    return this.#reading.position;
  }

  readonly get = (): Snapshot => (this.#snapshot ??= this.#render());

  /** Forgets everything of another person. null: the session has ended. */
  belongsTo(owner: string | null): void {
    if (owner === this.#owner) return;
    this.#owner = owner;
    this.#known.forgetAll();
    this.#made.clear();
    this.lists.forget();
    this.#trash.forget();
    this.#reading.forget();
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
      const newer = [...this.#known.all().values()];
      this.#known.replace(copy.todos);
      for (const todo of newer) this.#known.put(todo);
      this.lists.replace(copy.lists);
      if (copy.trash) this.#trash.replace(copy.trash);
      this.#reading.goOn(copy.since, copy.position);
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
    return this.#reading.sync();
  }

  /** Queue a new todo. It is shown at once as waiting. */
  add(todo: NewTodo): Waiting {
    return this.#outbox.add(todo);
  }

  /** Undo `add`, at once: what was not sent never is, and the others are deleted, if need be when there is a network. */
  takeBack(added: readonly Waiting[]): void {
    for (const entry of added) {
      const made = this.#made.get(entry.key);
      if (made) this.#outbox.defer(this.#known.get(made.id) ?? made, {}, { isRemoval: true });
      else if (made === undefined && this.#outbox.takeBack(entry)) this.#made.set(entry.key, null);
    }
    void this.#outbox.send();
  }

  /** Send what waits, because the services answer again. */
  readonly send = (): void => void this.#outbox.send();

  /** Keep what this device could not keep before. */
  keepAgain(): void {
    this.#outbox.keepAgain();
    this.#changed();
  }

  /** Take a todo that waits, or a change, out of the outbox. */
  withdraw(key: string): void {
    this.#outbox.drop(key);
  }

  /** Make a change that was refused, whatever the todo is now; bring it back if it was deleted. */
  async insist({ key, seen }: Deferred): Promise<void> {
    const known = this.#known.get(seen.id) ?? (await this.#mine(this.#surroundings.api.restore(seen.id)));
    this.#known.put(known);
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
    if (isWaiting(entry)) await this.#sendNew(entry);
    else await this.#changing.send(entry);
    return undefined;
  }

  async #sendNew({ key, todo, triedAt, isTakenBack }: Waiting): Promise<void> {
    const made =
      this.#made.get(key) ?? (await this.#mine(this.#surroundings.api.create(this.#changing.resolved(todo), key)));
    this.#made.set(key, made);
    if (isTakenBack) await this.#changing.sendRemoval(made);
    else if (triedAt !== undefined) await this.#changing.readAgain(made.id);
    else if (!this.#outbox.isTakenBack(key)) this.#known.put(made); // else the outbox sends it again, to delete it
  }

  setDone(todo: Todo, isDone: boolean): Promise<void> {
    return this.#changing.setDone(todo, isDone);
  }

  /** Fails with `conflict` if the title is no longer the one that the person saw; the store then has the new one. */
  rename(seen: Todo, title: string): Promise<void> {
    return this.#changing.rename(seen, title);
  }

  /** Change other members; shown at once. Fails like `rename`. */
  edit(seen: Todo, change: TodoChange): Promise<void> {
    return this.#changing.edit(seen, change);
  }

  /** Give it another place in the person's order; shown at once. */
  move(todo: Todo, position: string): Promise<void> {
    return this.#changing.move(todo, position);
  }

  /** Put it into another list; shown at once. The last one who moves it decides. */
  relocate(id: string, listId: string | null): Promise<void> {
    return this.#changing.relocate(id, listId);
  }

  /** Bring back a todo that was deleted somewhere else, with this title. */
  revive(todo: Todo, title: string): Promise<void> {
    return this.#changing.revive(todo, title);
  }

  /** The todo disappears at once, and is shown again if that fails; without a network it waits for one. */
  remove(todo: Todo): Promise<void> {
    return this.#changing.remove(todo);
  }

  /** Bring it back; without a network that waits for one. */
  restore(todo: Todo): Promise<void> {
    return this.#changing.restore(todo);
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
    this.#known.gone.delete(id);
    this.#changed();
  }

  /** `changes`: only the outbox has changed. A new todo that waits must not cost a look at all others. */
  #changed(changes?: Entry[]): void {
    const isSame = changes?.length === this.#changes.length && changes.every((each, at) => each === this.#changes[at]);
    if (!isSame) this.#shown = null;
    this.#snapshot = null;
    this.lists.changed();
    this.#surroundings.keeper.changed(() => this.#copied());
    for (const listener of this.#listeners) listener();
  }

  #copied(): Known | null {
    const { position, since } = this.#reading;
    if (this.#owner === null || since === null) return null;
    const rest = { lists: this.lists.every(), since, position, trash: this.#trash.kept() };
    return { owner: this.#owner, todos: this.#known.all(), rest };
  }

  #render(): Snapshot {
    const entries = this.#outbox.all();
    this.#changes = changesIn(entries);
    return {
      todos: this.#reading.since === null ? null : (this.#shown ??= this.#show(entries)),
      lists: this.lists.all(),
      gone: this.#known.gone,
      waiting: entries.filter(isWaiting).filter((each) => !each.isTakenBack || each.refusal),
      deferred: entries.filter(isDeferred),
      listEntries: entries.filter((each) => isNewList(each) || isListChange(each)).filter((each) => !isMade(each)),
      trash: this.#trash.with(entries),
      failure: this.#reading.failure,
    };
  }

  #show(entries: readonly Entry[]): Todo[] {
    const resolved = (change: TodoChange): TodoChange => this.#changing.resolved(change);
    const ids = entries.filter(isTakenBack).flatMap(({ key }) => this.#made.get(key)?.id ?? []);
    const under = { known: this.#known, lists: this.lists, trash: this.#trash, resolved, takenBack: new Set(ids) };
    return shownTodos(under, entries);
  }
}

/** What of the outbox decides about the todos that are shown: all but new ones that are to stay. */
function changesIn(entries: readonly Entry[]): Entry[] {
  return entries.filter((each) => !isWaiting(each) || each.isTakenBack);
}
