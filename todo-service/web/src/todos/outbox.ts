// What the person has done and the API has not answered: new todos, and changes that were made without a network. They are
// sent one after another, in the order in which they were made, by one tab.
//
// All tabs share them: they are on the shelf (lib/shelf.ts). Who holds the lock reads the shelf first, so nothing is sent by
// two tabs. What could not be put there yet is kept as a draft of this tab, over a reload too.

import type { NewTodo, Todo, TodoChange } from "../lib/api.ts";
import { isOfConnection } from "../lib/connection.ts";
import { expected, Failure } from "../lib/failure.ts";
import { said } from "../lib/language.ts";

const LOCK = "todo-outbox";
const AGAIN = 1_000; // milliseconds until a creation is repeated whose first request still runs
const REMEMBERED = 23 * 3_600_000; // milliseconds for which the API certainly knows an Idempotency-Key; it says 24 hours

/** A todo that was typed and is not stored yet. With a refusal it is not sent again until the person has decided. */
export interface Waiting {
  key: string;
  todo: NewTodo;
  /** When it was sent first, in milliseconds since the epoch. It may have arrived, and its answer was lost. */
  triedAt?: number;
  refusal?: Failure;
}

/** A change of a todo that waits for the network, or that was refused when it was sent. */
export interface Deferred {
  key: string;
  /** The todo as the person saw it. */
  seen: Todo;
  change: TodoChange;
  /** It is deleted, after the change if there is one. */
  isRemoval?: true;
  refusal?: Failure;
}

export type Entry = Waiting | Deferred;

export function isWaiting(entry: Entry): entry is Waiting {
  return "todo" in entry;
}

export function isDeferred(entry: Entry): entry is Deferred {
  return !isWaiting(entry);
}

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
  /** Makes one of them real. Fails like a call of the API. */
  send: (entry: Entry) => Promise<void>;
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

  has(key: string): boolean {
    return this.#entries.some((each) => each.key === key);
  }

  /** Take out a new todo that cannot have arrived: it was never sent, or it was refused. False if there is none. */
  takeOut(key: string): boolean {
    const entry = this.#entries.filter(isWaiting).find((each) => each.key === key);
    if (entry === undefined || (entry.triedAt !== undefined && !entry.refusal)) return false;
    this.drop(key);
    return true;
  }

  /** Later changes of the same todo join the first one, whose `seen` decides what is a conflict. */
  defer(seen: Todo, change: TodoChange, removal: { isRemoval?: true } = {}): void {
    const joined = this.#entries.find(
      (each): each is Deferred =>
        isDeferred(each) && each.seen.id === seen.id && !each.refusal && each.key !== this.#underWay,
    );
    if (joined === undefined) return this.#append({ key: this.#surroundings.newKey(), seen, change, ...removal });
    const before = { ...seen, ...seenBefore(joined) };
    this.#replace(joined, { ...joined, seen: before, change: { ...joined.change, ...change }, ...removal });
  }

  /** Undo a deletion that was not sent. False if there is none. */
  recall(id: string): boolean {
    const removal = this.#entries.find(
      (each): each is Deferred => isDeferred(each) && each.seen.id === id && each.isRemoval === true,
    );
    if (removal === undefined || removal.key === this.#underWay) return false;
    const { key, seen, change } = removal;
    if (Object.keys(change).length > 0) this.#replace(removal, { key, seen, change });
    else this.drop(key);
    return true;
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

  /** Send one again that was refused; `seen`: what the person has seen since. */
  insist(key: string, seen?: Todo): void {
    this.#entries = this.#entries.map((each) => {
      if (each.key !== key) return each;
      const { refusal: _, ...rest } = each;
      if (isWaiting(rest)) return { key: rest.key, todo: rest.todo };
      return { ...rest, ...(seen && { seen }) };
    });
    const renewed = this.#entries.find((each) => each.key === key);
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
      if (this.#entries.some((each) => !each.refusal))
        goesOn = await this.#surroundings.locks.request(LOCK, () => this.#sendAll(owner));
    } while (this.#isAskedAgain && goesOn);
  }

  /** False if the network or the person is gone. */
  async #sendAll(owner: string): Promise<boolean> {
    await this.refresh();
    while (owner === this.#owner) {
      const next = this.#entries.find((each) => !each.refusal);
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
      await this.#surroundings.send(next);
      if (owner !== this.#owner) return false;
      await this.#finish(next);
      this.#surroundings.tellOthers();
    } catch (error) {
      const failure = expected(error);
      if (owner !== this.#owner || isOfConnection(failure) || failure.kind === "signed-out") return false;
      if (isWaiting(next) && failure.kind === "conflict") await new Promise((resolve) => setTimeout(resolve, AGAIN));
      else this.#refuse(next.key, failure);
    } finally {
      if (this.#underWay === next.key) this.#underWay = null;
    }
    return true;
  }

  /** It was sent. Another tab may have joined a change to it meanwhile: then it stays, and is sent again. */
  async #finish(sent: Entry): Promise<void> {
    await this.#written;
    const isJoined = isDeferred(sent) && !this.#loose.has(sent.key);
    const joined = isJoined ? await this.#surroundings.shelf.dropEntry(sent.key, (kept) => !isSame(kept, sent)) : null;
    if (joined === null) this.drop(sent.key);
    else this.#entries = this.#entries.map((each) => (each.key === sent.key ? bare(joined) : each));
    await this.#written; // before another tab gets the lock
  }

  /** A creation whose first request is too old to be repeated safely is the person's to decide. */
  #note(entry: Entry): void {
    if (!isWaiting(entry)) return;
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
    this.#entries = this.#entries.map((each) => (each.key === key ? { ...each, refusal } : each));
    this.#surroundings.changed();
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

/** The members that a deferred change changes, as the person saw them first. */
function seenBefore({ seen, change }: Deferred): Partial<Todo> {
  const members = Object.keys(change) as Array<keyof TodoChange>;
  return Object.fromEntries(members.map((each) => [each, seen[each]]));
}

/** The entry of this tab, which may have a refusal, unless another tab has changed it. */
function ifSame(mine: Entry | undefined, kept: Entry): Entry {
  return mine && isSame(mine, kept) ? mine : kept;
}

function isSame(one: Entry, other: Entry): boolean {
  return JSON.stringify(plain(one)) === JSON.stringify(plain(other));
}

/** What of it is sent. */
function plain(entry: Entry): unknown[] {
  return isWaiting(entry) ? [entry.key, entry.todo] : [entry.key, entry.seen, entry.change, entry.isRemoval];
}

/** Without what the shelf added to it. */
function bare(entry: Entry & { place?: unknown }): Entry {
  const { place: _, ...rest } = entry;
  return rest as Entry;
}

/** Another build may have kept other things, which this one leaves alone. */
function isEntry(kept: Partial<Waiting & Deferred>): boolean {
  return typeof kept.key === "string" && (typeof kept.todo?.title === "string" || typeof kept.seen?.id === "string");
}

export function parse(text: string | undefined): Entry[] {
  try {
    return (JSON.parse(text ?? "[]") as Entry[]).filter(isEntry);
  } catch {
    return [];
  }
}
