// The person's lists, in memory: part of the store, which reads them from /api/v1/changes together with the todos. On top of
// them lies what the outbox has: lists that are made without a network, and what is changed.

import type { NewTodoList, TodoApi, TodoList, TodoListChange } from "../lib/api.ts";
import { isOfConnection } from "../lib/connection.ts";
import { Failure } from "../lib/failure.ts";
import { placeAt } from "../lib/positions.ts";
import { type Entry, type Fate, isListChange, isMade, isNewList, type ListChange, type NewList } from "./entries.ts";
import type { Outbox } from "./outbox.ts";
import { isAsSeen, missingOf } from "./versions.ts";

export const COLORS = ["gray", "red", "orange", "yellow", "green", "teal", "blue", "purple", "pink"] as const;
export type Color = (typeof COLORS)[number];

interface Surroundings {
  api: Pick<TodoApi, "createList" | "changeList" | "removeList" | "restoreList">;
  newKey: () => string;
  now: () => number;
  /** Whether a change would not arrive now. */
  isAway: () => boolean;
  /** Called after each change. */
  changed: () => void;
  tellOthers: () => void;
  /** Reads what else has changed: the todos of a list go and come with it. */
  sync: () => Promise<void>;
  /** What a call brings, if it is for the same person when it is there. */
  mine: <T>(call: Promise<T>) => Promise<T>;
  outbox: () => Pick<Outbox, "all" | "addList" | "deferList" | "recall" | "idOf" | "isToCome" | "send">;
}

/** The lists as they will be, and the ids of those that are being deleted. */
interface Shown {
  lists: ReadonlyMap<string, TodoList>;
  hidden: ReadonlySet<string>;
}

export class Lists {
  readonly #surroundings: Surroundings;
  #known = new Map<string, TodoList>();
  #hidden = new Set<string>();
  /** Those that went away while this tab knew them. */
  #gone = new Map<string, TodoList>();
  #shown: Shown | null = null;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** Own ones in the person's order, then those that others share, by name. */
  all(): TodoList[] {
    const shared = this.#every().filter((each) => each.role !== "owner");
    return [...this.own(), ...shared.sort((a, b) => a.name.localeCompare(b.name) || (a.id < b.id ? -1 : 1))];
  }

  own(): TodoList[] {
    return this.#every()
      .filter((each) => each.role === "owner")
      .sort((a, b) => (a.position === b.position ? (a.id < b.id ? -1 : 1) : a.position < b.position ? -1 : 1));
  }

  /** As the API knows them, in no order. */
  every(): TodoList[] {
    return [...this.#known.values()];
  }

  /** As the API knows it. */
  find(id: string | null): TodoList | undefined {
    return this.#known.get(id ?? "");
  }

  /** A list that went away while this tab knew it. */
  findGone(id: string | null): TodoList | undefined {
    return this.#gone.get(id ?? "");
  }

  /** Whether what is deleted in it goes to the person's own trash. */
  isOwn(id: string | null): boolean {
    const list = this.find(id) ?? this.findGone(id);
    return list === undefined || list.role === "owner";
  }

  isKnown(id: string): boolean {
    return this.#show().lists.has(id);
  }

  /** Whether the list is being deleted, and its todos with it. */
  isHidden(id: string | null): boolean {
    return id !== null && this.#show().hidden.has(id);
  }

  replace(lists: readonly TodoList[]): void {
    const before = this.#known;
    this.#known = new Map(lists.map((each) => [each.id, each]));
    for (const each of before.values()) if (!this.#known.has(each.id)) this.#gone.set(each.id, each);
    this.#shown = null;
  }

  merge(lists: readonly TodoList[], gone: ReadonlyArray<{ id: string }>): void {
    for (const list of lists) this.#put(list);
    for (const { id } of gone) this.#drop(id);
  }

  forget(): void {
    this.#known = new Map();
    this.#gone = new Map();
    this.#hidden = new Set();
    this.#shown = null;
  }

  /** Something has changed: what is shown is made anew when it is asked for. */
  changed(): void {
    this.#shown = null;
  }

  /** Without a network it has a place and its key as its id, until it is sent. */
  async create(list: NewTodoList): Promise<TodoList> {
    const { api, newKey, now, isAway, outbox, mine } = this.#surroundings;
    const [key, at] = [newKey(), now()];
    if (isAway()) return asList(outbox().addList({ ...list, position: latest(at) }, key));
    try {
      const made = await mine(api.createList(list, key));
      this.#put(made);
      this.#told();
      return made;
    } catch (error) {
      if (!(error instanceof Failure && isOfConnection(error))) throw error;
      return asList(outbox().addList(list, key, at)); // as it was sent, because it may have arrived
    }
  }

  /** Shown at once, and taken back if it fails; without a network it waits for one. The last writer of a member wins. */
  async change(list: TodoList, change: TodoListChange): Promise<void> {
    const { api, outbox, mine } = this.#surroundings;
    if (this.#mustWait(list.id)) return this.#defer(list, change);
    const [known, before] = [this.#known, this.#known.get(list.id) ?? list];
    known.set(list.id, { ...before, ...change } as TodoList);
    this.#surroundings.changed();
    try {
      this.#put(await mine(api.changeList(list.id, change)));
      this.#told();
    } catch (error) {
      if (known.get(list.id)?.version === before.version) known.set(list.id, before);
      if (error instanceof Failure && isOfConnection(error)) return outbox().deferList(before, change);
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

  /** The list and its todos disappear at once, and are shown again if that fails; without a network it waits for one. */
  async remove(list: TodoList): Promise<void> {
    const { outbox } = this.#surroundings;
    if (this.#mustWait(list.id)) return this.#defer(list, {}, { isRemoval: true });
    this.#hidden.add(list.id);
    this.#surroundings.changed();
    try {
      await this.#sendRemoval(list.id);
      this.#surroundings.tellOthers();
    } catch (error) {
      if (!(error instanceof Failure && isOfConnection(error))) throw error;
      outbox().deferList(list, {}, { isRemoval: true });
    } finally {
      this.#hidden.delete(list.id);
      this.#surroundings.changed();
    }
  }

  async restore(list: TodoList): Promise<void> {
    const { outbox } = this.#surroundings;
    if (outbox().recall(list.id)) return;
    const id = outbox().idOf(list.id);
    if (this.#mustWait(id)) return this.#defer({ ...list, id }, {}, { isRestored: true });
    try {
      await this.#sendRestoration(id);
      this.#told();
    } catch (error) {
      if (!(error instanceof Failure && isOfConnection(error))) throw error;
      outbox().deferList({ ...list, id }, {}, { isRestored: true });
    }
  }

  #defer(list: TodoList, change: TodoListChange, fate: Fate = {}): void {
    const { outbox } = this.#surroundings;
    outbox().deferList(list, change, fate);
    void outbox().send(); // it may wait for another entry only
  }

  /** Send one of the outbox. Returns the id of a new list. */
  async send(entry: NewList | ListChange): Promise<string | undefined> {
    if (isNewList(entry)) {
      const made = await this.#surroundings.mine(this.#surroundings.api.createList(entry.list, entry.key));
      this.#put(made);
      return made.id;
    }
    const id = this.#surroundings.outbox().idOf(entry.seenList.id);
    if (entry.isRestored) await this.#sendRestoration(id);
    if (Object.keys(entry.listChange).length > 0)
      this.#put(await this.#sendChange(id, entry.seenList, entry.listChange));
    if (entry.isRemoval) await this.#sendRemoval(id);
    return undefined;
  }

  /** What was changed elsewhere meanwhile is no conflict, unless it is the same member. Of places the last one counts. */
  async #sendChange(id: string, seen: TodoList, change: TodoListChange): Promise<TodoList> {
    const { api, sync, mine } = this.#surroundings;
    const { position: _, ...compared } = change;
    const before = this.#known.get(id);
    const isSame = before !== undefined && isAsSeen(before, seen, compared);
    try {
      return await mine(api.changeList(id, change, (isSame ? before : seen).version));
    } catch (error) {
      if (!(error instanceof Failure && error.kind === "conflict")) throw error;
      await mine(sync());
      const known = this.#known.get(id);
      if (known === undefined) throw error;
      const missing = missingOf(known, compared); // the others had arrived, and the answer was lost
      if (!isAsSeen(known, seen, missing)) throw error;
      return mine(api.changeList(id, change, known.version));
    }
  }

  async #sendRemoval(id: string): Promise<void> {
    const { api, mine, sync } = this.#surroundings;
    await mine(api.removeList(id)).catch((error: unknown) => {
      if (!(error instanceof Failure && error.kind === "missing")) throw error; // it is deleted already
    });
    this.#drop(id);
    await mine(sync());
  }

  async #sendRestoration(id: string): Promise<void> {
    const { api, mine, sync } = this.#surroundings;
    this.#put(await mine(api.restoreList(id)));
    await mine(sync());
  }

  /** Whether a change of the list would not arrive now. */
  #mustWait(id: string): boolean {
    const { isAway, outbox } = this.#surroundings;
    const isComing = (each: Entry): boolean =>
      isListChange(each) && each.isRestored === true && !each.refusal && each.seenList.id === id;
    return isAway() || outbox().isToCome(id) || outbox().all().some(isComing);
  }

  #every(): TodoList[] {
    return [...this.#show().lists.values()];
  }

  #show(): Shown {
    return (this.#shown ??= this.#withTheOutbox());
  }

  #withTheOutbox(): Shown {
    const { outbox } = this.#surroundings;
    const lists = new Map(this.#known);
    const hidden = new Set(this.#hidden);
    for (const entry of outbox().all()) {
      if (isNewList(entry) && !isMade(entry)) lists.set(entry.key, asList(entry));
      if (!isListChange(entry) || entry.refusal) continue;
      const { seenList, listChange, isRestored, isRemoval } = entry;
      const id = outbox().idOf(seenList.id);
      const list = lists.get(id) ?? (isRestored && { ...seenList, id, deleted_at: null });
      if (list) lists.set(id, { ...list, ...listChange } as TodoList);
      if (isRemoval) hidden.add(id);
    }
    for (const id of hidden) lists.delete(id);
    return { lists, hidden };
  }

  #told(): void {
    this.#surroundings.changed();
    this.#surroundings.tellOthers();
  }

  #put(list: TodoList): void {
    const known = this.#known.get(list.id);
    if (!known || known.version <= list.version) this.#known.set(list.id, list);
    this.#gone.delete(list.id);
    this.#shown = null;
  }

  #drop(id: string): void {
    const known = this.#known.get(id);
    if (known) this.#gone.set(id, known);
    this.#known.delete(id);
    this.#shown = null;
  }
}

/** A position after all others, as the API gives it to a new list. */
function latest(now: number): string {
  return `${now.toString(16).padStart(12, "0")}V`;
}

/** A list that is not sent yet, as it is shown. */
function asList({ key, list }: NewList): TodoList {
  return {
    id: key,
    name: list.name,
    color: list.color ?? "gray",
    position: list.position ?? "z",
    role: "owner",
    shared_by: null,
    members: 0,
    version: 0,
    created_at: "",
    updated_at: "",
    deleted_at: null,
  };
}
