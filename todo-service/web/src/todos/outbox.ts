// What the person has done and the API has not answered: new todos, and what was done without a network to todos and lists. It
// is sent one after another, in the order in which it was done, by one tab.
//
// All tabs share them: they are on the shelf (lib/shelf.ts). Who holds the lock reads the shelf first, so nothing is sent by
// two tabs. What could not be put there yet is kept as a draft of this tab, over a reload too.

import type { NewTodo, NewTodoList, Todo, TodoChange, TodoList, TodoListChange } from "../lib/api.ts";
import { isOfConnection } from "../lib/connection.ts";
import { expected, Failure } from "../lib/failure.ts";
import { said } from "../lib/language.ts";
import {
  bare,
  type Deferred,
  type Entry,
  type Fate,
  isDeferred,
  isEntry,
  isListChange,
  isMade,
  isNewList,
  isSame,
  isTakenBack,
  isUnsent,
  isWaiting,
  type ListChange,
  listIn,
  type NewList,
  parse,
  seenBefore,
  type Waiting,
} from "./entries.ts";

const LOCK = "todo-outbox";
const AGAIN = 1_000; // milliseconds until a creation is repeated whose first request still runs
const REMEMBERED = 23 * 3_600_000; // milliseconds for which the API certainly knows an Idempotency-Key; it says 24 hours

export interface OutboxShelf {
  outbox(ownerId: string): Promise<Entry[] | null>;
  keepEntry(ownerId: string, entry: Entry): Promise<boolean>;
  /** If `isOther` says so of what is kept, that stays and is returned. */
  dropEntry(key: string, isOther?: (kept: Entry) => boolean): Promise<Entry | null>;
}

interface Surroundings {
  shelf: OutboxShelf;
  locks: Pick<LockManager, "request">;
  /** Where what is not on the shelf is kept over a reload. */
  queue: { read: () => string | undefined; write: (text: string) => void };
  newKey: () => string;
  now: () => number;
  /** Whether a change would not arrive now. */
  isAway: () => boolean;
  /** Makes one of them real; of a new list it returns the id. Fails like a call of the API. */
  send: (entry: Entry) => Promise<string | undefined>;
  changed: () => void;
  tellOthers: () => void;
}

export class Outbox {
  readonly #surroundings: Surroundings;
  #owner: string | null = null;
  #entries: Entry[] = [];
  #loose = new Set<string>(); // keys of those that are not on the shelf
  readonly #dropped = new Set<string>(); // keys that a read of the shelf, begun before, may still bring
  #written: Promise<unknown> = Promise.resolve();
  #sending: Promise<void> | null = null;
  #isAskedAgain = false;
  #underWay: string | null = null;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  all(): readonly Entry[] {
    return this.#entries;
  }

  /** null: the session has ended; what is in the draft stays for the same person. */
  belongsTo(owner: string | null): void {
    this.#owner = owner;
    this.#sending = this.#underWay = null;
    this.#entries = owner === null ? [] : parse(this.#surroundings.queue.read());
    this.#loose = new Set(this.#entries.map(({ key }) => key));
    for (const entry of this.#entries) this.#keep(entry);
  }

  add(todo: NewTodo): Waiting {
    const added = { key: this.#surroundings.newKey(), todo };
    this.#append(added);
    void this.send();
    return added;
  }

  /** A new list. `triedAt`: it was sent under this key, and the answer was lost. */
  addList(list: NewTodoList, key: string, triedAt?: number): NewList {
    const added = { key, list, ...(triedAt === undefined ? {} : { triedAt }) };
    this.#append(added);
    void this.send();
    return added;
  }

  /** The id of a list whose id may still be the key of a new one. */
  idOf<T extends string | null | undefined>(id: T): T | string {
    return this.#newList(id)?.madeId ?? id;
  }

  /** What a list was called before the API gave it its id. */
  firstIdOf(id: string): string {
    return this.#entries.find((each) => isNewList(each) && each.madeId === id)?.key ?? id;
  }

  /** Whether there is no such list yet, because it was not sent. */
  isToCome(id: string | null | undefined): boolean {
    const list = this.#newList(id);
    return list !== undefined && !isMade(list);
  }

  #newList(id: string | null | undefined): NewList | undefined {
    return this.#entries.filter(isNewList).find((each) => each.key === id);
  }

  #find(key: string): Entry | undefined {
    return this.#entries.find((each) => each.key === key);
  }

  /** Whether a new todo is to be deleted when it is there. */
  isTakenBack(key: string): boolean {
    return isTakenBack(this.#find(key));
  }

  /** Undo `add`. True if it was not sent, and never is; else it is deleted when it is there, also after a reload. */
  takeBack({ key, todo }: Waiting): boolean {
    const entry = this.#entries.filter(isWaiting).find((each) => each.key === key);
    const isSent = entry === undefined || (entry.triedAt !== undefined && !entry.refusal);
    if (!isSent) this.drop(key);
    else if (entry) this.#replace(entry, { ...entry, isTakenBack: true });
    else this.#append({ key, todo, isTakenBack: true }); // another tab has sent it: the API repeats its answer
    return !isSent;
  }

  /** A later change of the same todo joins the one before, whose `seen` decides what is a conflict. */
  defer(seen: Todo, change: TodoChange, fate: Fate = {}): void {
    const before = this.#entries.findLast((each) => isDeferred(each) && each.seen.id === seen.id && this.#isOpen(each));
    // The list that it is put into must be sent before.
    if (before === undefined || !isDeferred(before) || this.isToCome(change.list_id))
      return this.#append({ key: this.#surroundings.newKey(), seen, change, ...fate });
    const first = { ...seen, ...seenBefore(before.seen, before.change) };
    this.#replace(before, { ...before, seen: first, change: { ...before.change, ...change }, ...fate });
  }

  /** The same of a list. Its deletion joins nothing: it must come after the todos that were put into the list. */
  deferList(seen: TodoList, change: TodoListChange, fate: Fate = {}): void {
    const id = this.idOf(seen.id);
    const before = this.#entries.findLast((each) => isListChange(each) && this.idOf(each.seenList.id) === id);
    if (before === undefined || !isListChange(before) || !this.#isOpen(before) || before.isRemoval || fate.isRemoval)
      return this.#append({ key: this.#surroundings.newKey(), seenList: seen, listChange: change, ...fate });
    const first = { ...seen, ...seenBefore(before.seenList, before.listChange) };
    this.#replace(before, { ...before, seenList: first, listChange: { ...before.listChange, ...change }, ...fate });
  }

  #isOpen(entry: Entry): boolean {
    return !entry.refusal && entry.key !== this.#underWay;
  }

  /** Undo a deletion of a todo or a list that was not sent. False if there is none. */
  recall(id: string): boolean {
    const isIt = (each: Deferred | ListChange): boolean =>
      isDeferred(each) ? each.seen.id === id : this.idOf(each.seenList.id) === this.idOf(id);
    const removal = this.#entries
      .filter((each) => isDeferred(each) || isListChange(each))
      .find((each) => each.isRemoval === true && isIt(each));
    if (removal === undefined || removal.key === this.#underWay) return false;
    const { isRemoval: _, refusal: __, ...rest } = removal;
    const change = isDeferred(removal) ? removal.change : removal.listChange;
    if (Object.keys(change).length > 0 || removal.isRestored) this.#replace(removal, rest as Entry);
    else this.drop(removal.key);
    return true;
  }

  /** Give up a new list that was refused. The todos that wait for it go to the inbox. */
  giveUp({ key }: NewList): void {
    for (const each of this.#entries) {
      if (listIn(each) !== key) continue;
      if (isListChange(each)) this.drop(each.key);
      if (isWaiting(each)) this.#replace(each, { ...each, todo: { ...each.todo, list_id: null } });
      if (isDeferred(each)) this.#replace(each, { ...each, change: { ...each.change, list_id: null } });
    }
    this.drop(key);
    void this.send();
  }

  #replace(entry: Entry, renewed: Entry): void {
    this.#entries = this.#entries.map((each) => (each === entry ? renewed : each));
    this.#keep(renewed);
    this.#surroundings.changed();
  }

  /** Not to be sent any more. */
  drop(key: string): void {
    this.#entries = this.#entries.filter((each) => each.key !== key);
    this.#dropped.add(key);
    this.#written = this.#written.then(() => this.#surroundings.shelf.dropEntry(key));
    this.#loose.delete(key);
    this.#draft();
    this.#surroundings.changed();
  }

  /** Send one again that was refused, maybe with what the person has seen or chosen since. */
  insist(key: string, since: { seen?: Todo; seenList?: TodoList; todo?: NewTodo } = {}): void {
    this.#entries = this.#entries.map((each) => {
      if (each.key !== key) return each;
      const { refusal: _, ...rest } = each;
      if (isWaiting(rest)) return { key: rest.key, todo: since.todo ?? rest.todo };
      return isNewList(rest) ? { key: rest.key, list: rest.list } : { ...rest, ...since };
    });
    const renewed = this.#find(key);
    if (renewed) this.#keep(renewed);
    this.#surroundings.changed();
    void this.send();
  }

  /** Never fails: a failure stays with its entry, or is the connection's to say. */
  send(): Promise<void> {
    if (this.#sending) {
      this.#isAskedAgain = true;
      return this.#sending;
    }
    const mine = this.#sendAlone(this.#owner).finally(() => {
      if (this.#sending === mine) this.#sending = null;
    });
    return (this.#sending = mine);
  }

  async #sendAlone(owner: string | null): Promise<void> {
    if (owner === null) return;
    let goesOn = true;
    do {
      this.#isAskedAgain = false;
      await this.refresh();
      // Without a network nothing is tried, so nothing may have arrived.
      if (!this.#surroundings.isAway() && this.#entries.some(isUnsent))
        goesOn = await this.#surroundings.locks.request(LOCK, () => this.#sendAll(owner));
    } while (this.#isAskedAgain && goesOn);
  }

  /** False if the network or the person is gone. */
  async #sendAll(owner: string): Promise<boolean> {
    await this.refresh();
    this.#forgetOldLists();
    while (owner === this.#owner) {
      const next = this.#entries.find((each) => isUnsent(each) && !this.isToCome(listIn(each)));
      if (next === undefined) return true;
      if (!(await this.#sendOne(owner, next))) return false;
    }
    return false;
  }

  /** Whether to go on with the next one. */
  async #sendOne(owner: string, next: Entry): Promise<boolean> {
    this.#underWay = next.key;
    try {
      this.#note(next);
      const madeId = await this.#surroundings.send(next);
      if (owner !== this.#owner) return false;
      await this.#finish(next, madeId);
      this.#surroundings.tellOthers();
    } catch (error) {
      const failure = expected(error);
      if (owner !== this.#owner || isOfConnection(failure) || failure.kind === "signed-out") return false;
      if (isNew(next) && failure.kind === "conflict") await new Promise((resolve) => setTimeout(resolve, AGAIN));
      else this.#refuse(next.key, failure);
    } finally {
      if (this.#underWay === next.key) this.#underWay = null;
    }
    return true;
  }

  /** It was sent. If a change was joined to it meanwhile, or it was taken back, it stays, and is sent again. */
  async #finish(sent: Entry, madeId: string | undefined): Promise<void> {
    await this.#written;
    if (!isTakenBack(sent) && this.isTakenBack(sent.key)) return;
    if (isNewList(sent)) {
      const tried = this.#newList(sent.key) ?? sent;
      this.#replace(tried, { ...tried, ...(madeId !== undefined && { madeId }) });
    } else {
      const isJoined = !isTakenBack(sent) && !this.#loose.has(sent.key);
      const joined = isJoined
        ? await this.#surroundings.shelf.dropEntry(sent.key, (kept) => !isSame(kept, sent))
        : null;
      if (joined === null) this.drop(sent.key);
      else this.#entries = this.#entries.map((each) => (each.key === sent.key ? bare(joined) : each));
    }
    await this.#written; // before another tab gets the lock
  }

  /** After a day no tab waits for the key of a list any more. */
  #forgetOldLists(): void {
    const now = this.#surroundings.now();
    for (const each of this.#entries)
      if (isNewList(each) && isMade(each) && now - (each.triedAt ?? 0) > REMEMBERED) this.drop(each.key);
  }

  /** A creation whose first request is too old to be repeated safely is the person's to decide. */
  #note(entry: Entry): void {
    if (!isNew(entry)) return;
    const now = this.#surroundings.now();
    if (entry.triedAt !== undefined && now - entry.triedAt > REMEMBERED)
      throw new Failure(
        "invalid",
        said("It was sent a day ago, and the answer was lost. Look whether it is there already."),
      );
    if (entry.triedAt !== undefined) return;
    const tried = { ...entry, triedAt: now };
    this.#entries = this.#entries.map((each) => (each.key === entry.key ? tried : each));
    this.#keep(tried);
  }

  #refuse(key: string, refusal: Failure): void {
    if (this.isTakenBack(key) && refusal.kind !== "broken") return this.drop(key); // so it is not there
    this.#entries = this.#entries.map((each) => (each.key === key ? { ...each, refusal } : each));
    this.#surroundings.changed();
  }

  /** Keep what could not be kept on the shelf. */
  keepAgain(): void {
    for (const each of this.#entries) if (this.#loose.has(each.key)) this.#keep(each);
  }

  /** Learn what other tabs have added and sent. */
  async refresh(): Promise<void> {
    const owner = this.#owner;
    if (owner === null) return;
    await this.#written;
    const kept = await this.#surroundings.shelf.outbox(owner);
    if (kept === null || owner !== this.#owner) return;
    const mine = new Map(this.#entries.map((each) => [each.key, each]));
    const loose = this.#entries.filter(({ key }) => this.#loose.has(key));
    const known = kept.filter((each) => isEntry(each) && !this.#loose.has(each.key) && !this.#dropped.has(each.key));
    const shared = known.map((each) => ifSame(mine.get(each.key), bare(each)));
    const merged = [...shared, ...loose];
    if (merged.length === this.#entries.length && merged.every((each, at) => each === this.#entries[at])) return;
    this.#entries = merged;
    this.#surroundings.changed();
  }

  #append(entry: Entry): void {
    this.#entries = [...this.#entries, entry];
    this.#loose.add(entry.key);
    this.#draft();
    this.#keep(entry);
    this.#surroundings.changed();
  }

  #keep(entry: Entry): void {
    const owner = this.#owner;
    if (owner === null) return;
    const { refusal: _, ...kept } = entry;
    this.#written = this.#written.then(async () => {
      if (!this.#entries.some(({ key }) => key === entry.key)) return; // sent meanwhile
      const isKept = await this.#surroundings.shelf.keepEntry(owner, kept);
      if (!isKept || owner !== this.#owner || !this.#loose.delete(entry.key)) return;
      this.#draft();
      if (this.#surroundings.isAway()) this.#surroundings.tellOthers(); // else they are told when it is sent
    });
  }

  #draft(): void {
    const loose = this.#entries.filter(({ key }) => this.#loose.has(key)).map(({ refusal: _, ...kept }) => kept);
    this.#surroundings.queue.write(loose.length === 0 ? "" : JSON.stringify(loose));
  }
}

function isNew(entry: Entry): entry is Waiting | NewList {
  return isWaiting(entry) || isNewList(entry);
}

/** The entry of this tab, which may have a refusal, unless another tab has changed it. What was taken back stays so. */
function ifSame(mine: Entry | undefined, kept: Entry): Entry {
  return mine && (isSame(mine, kept) || isTakenBack(mine)) ? mine : kept;
}
