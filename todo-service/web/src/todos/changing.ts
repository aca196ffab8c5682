// Changes of todos, as the person makes them and as the outbox sends them later. A change is shown at once, and taken back if it
// fails; without a network it goes to the outbox (outbox.ts). The changes of one todo are sent one after another.

import type { Todo, TodoApi, TodoChange } from "../lib/api.ts";
import { isOfConnection } from "../lib/connection.ts";
import { Failure } from "../lib/failure.ts";
import { type Deferred, type Entry, type Fate, isDeferred } from "./entries.ts";
import type { KnownTodos } from "./known.ts";
import type { Lists } from "./lists.ts";
import type { Outbox } from "./outbox.ts";
import type { Trashed } from "./trashed.ts";
import { Turns } from "./turns.ts";
import { isAsSeen, missingOf } from "./versions.ts";

interface Surroundings {
  api: TodoApi;
  known: KnownTodos;
  lists: Lists;
  trash: Trashed;
  owner: () => string | null;
  now: () => number;
  /** Whether a change would not arrive now. */
  isAway: () => boolean;
  changed: () => void;
  /** What a call brings, if it is for the same person when it is there. */
  mine: <T>(call: Promise<T>) => Promise<T>;
  tellOthers: () => void;
  outbox: () => Outbox;
}

export class Changing {
  readonly #surroundings: Surroundings;
  readonly #turns = new Turns();

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  get #known(): KnownTodos {
    return this.#surroundings.known;
  }

  get #outbox(): Outbox {
    return this.#surroundings.outbox();
  }

  #mine<T>(call: Promise<T>): Promise<T> {
    return this.#surroundings.mine(call);
  }

  #isOf(owner: string | null): boolean {
    return owner === this.#surroundings.owner();
  }

  /** With the id of a list that was made without a network. */
  resolved<T extends { list_id?: string | null }>(named: T): T {
    return named.list_id == null ? named : { ...named, list_id: this.#outbox.idOf(named.list_id) };
  }

  /** Send a change of the outbox. */
  async send(entry: Deferred): Promise<void> {
    const owner = this.#surroundings.owner();
    const made = await this.#sendChange(entry);
    if (!this.#isOf(owner)) return;
    if (entry.isRemoval) await this.sendRemoval(entry.seen);
    else this.#known.put(made);
  }

  /** What was changed elsewhere meanwhile is no conflict, unless it is the same member. */
  async #sendChange({ seen, change: asked, isRestored, isRemoval }: Deferred): Promise<Todo> {
    if (isRestored) this.#known.put(await this.#mine(this.#surroundings.api.restore(seen.id)));
    if (isRemoval) return seen;
    const change = this.resolved(asked);
    if (Object.keys(change).length === 0) return this.#known.get(seen.id) ?? seen;
    try {
      return await this.#make(seen, change);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      await this.#recover(seen.id, error);
      const known = this.#known.get(seen.id);
      if (error.kind !== "conflict" || known === undefined) throw error;
      const missing = missingOf(known, change); // the others had arrived, and the answer was lost
      if (!isAsSeen(known, seen, missing)) throw error;
      return this.#make(known, missing);
    }
  }

  /** Read what a request that was repeated has made: it may be changed or deleted since, and the answer is the old one. */
  async readAgain(id: string): Promise<void> {
    const { api, owner: current } = this.#surroundings;
    const owner = current();
    const read = await api.read(id).catch((error: unknown) => {
      if (!(error instanceof Failure && error.kind === "missing")) throw error;
      return null;
    });
    if (read && this.#isOf(owner)) this.#known.put(read);
  }

  async sendRemoval(todo: Todo): Promise<void> {
    const { api, lists, now, owner: current, trash } = this.#surroundings;
    const owner = current();
    await api.remove(todo.id).catch((error: unknown) => {
      if (!(error instanceof Failure && error.kind === "missing")) throw error; // it is deleted already
    });
    if (!this.#isOf(owner)) return;
    this.#known.remove(todo);
    if (lists.isOwn(todo.list_id)) trash.put([{ ...todo, deleted_at: new Date(now()).toISOString() }]);
  }

  async #make(seen: Todo, { status, position, list_id, ...others }: TodoChange): Promise<Todo> {
    const { api } = this.#surroundings;
    let made = seen;
    if (Object.keys(others).length > 0) this.#known.put((made = await this.#mine(this.#patch(seen, others))));
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
    const change = this.resolved(asked);
    return this.#change(seen, change, () => this.#patch(seen, change));
  }

  /** Give it another place in the person's order; shown at once. */
  move(todo: Todo, position: string): Promise<void> {
    return this.#change(todo, { position }, () => this.#surroundings.api.move(todo.id, position));
  }

  /** Put it into another list; shown at once. The last one who moves it decides. */
  relocate(id: string, listId: string | null): Promise<void> {
    const todo = this.#known.get(id);
    if (todo === undefined) return Promise.resolve();
    const to = this.#outbox.idOf(listId);
    return this.#change(todo, { list_id: to }, () => this.#surroundings.api.relocate(id, to));
  }

  /** Bring back a todo that was deleted somewhere else, with this title. */
  revive(todo: Todo, title: string): Promise<void> {
    const { api } = this.#surroundings;
    const send = async (): Promise<Todo> => api.change(await this.#mine(api.restore(todo.id)), { title });
    return this.#change(todo, {}, send, null);
  }

  /** Only the members that are changed must be as the person saw them: a tick meanwhile is no conflict. */
  #patch(seen: Todo, change: TodoChange): Promise<Todo> {
    const known = this.#known.get(seen.id);
    const isSame = known !== undefined && isAsSeen(known, seen, change);
    return this.#surroundings.api.change(isSame ? known : seen, change);
  }

  /** The change is shown at once, and taken back if it fails. Without a network, what is `later` waits for it. */
  async #change(
    todo: Todo,
    shown: TodoChange,
    send: () => Promise<Todo>,
    later: TodoChange | null = shown,
  ): Promise<void> {
    const { changed, owner: current, tellOthers } = this.#surroundings;
    const owner = current();
    if (later && this.#mustWait(todo.id, later)) return this.#defer(todo, later);
    const { unanswered } = this.#known;
    unanswered.set(todo.id, { ...unanswered.get(todo.id), ...shown });
    changed();
    await this.#turns.take(todo.id, async (_, isLast) => {
      try {
        const made = await send();
        if (!this.#isOf(owner)) return undefined;
        this.#known.put(made);
        tellOthers();
        return made;
      } catch (error) {
        if (!(error instanceof Failure) || !this.#isOf(owner)) throw error;
        if (!later || !isOfConnection(error)) {
          await this.#recover(todo.id, error);
          throw error;
        }
        this.#outbox.defer(todo, later);
        return undefined;
      } finally {
        if (isLast()) this.#known.unanswered.delete(todo.id);
        changed();
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
      (this.#known.get(id) === undefined && this.#outbox.all().some(isComing))
    );
  }

  #defer(todo: Todo, change: TodoChange, fate: Fate = {}): void {
    this.#outbox.defer(todo, change, fate);
    void this.#outbox.send(); // it may wait for another entry only
  }

  async #recover(id: string, failure: Failure): Promise<void> {
    if (failure.kind === "missing") this.#known.drop(id);
    if (failure.kind === "conflict") this.#known.put(await this.#mine(this.#surroundings.api.read(id)));
  }

  /** The todo disappears at once, and is shown again if that fails; without a network it waits for one. */
  async remove(todo: Todo): Promise<void> {
    const { changed, owner: current, tellOthers } = this.#surroundings;
    const owner = current();
    this.#known.gone.delete(todo.id);
    if (this.#mustWait(todo.id)) return this.#defer(todo, {}, { isRemoval: true });
    this.#known.hidden.add(todo.id);
    changed();
    await this.#turns.take(todo.id, async () => {
      try {
        await this.sendRemoval(todo);
        tellOthers();
      } catch (error) {
        if (!(error instanceof Failure && isOfConnection(error)) || !this.#isOf(owner)) throw error;
        this.#outbox.defer(todo, {}, { isRemoval: true });
      } finally {
        this.#known.hidden.delete(todo.id);
        changed();
      }
      return undefined;
    });
  }

  /** Bring it back; without a network that waits for one. */
  async restore(todo: Todo): Promise<void> {
    const { api, changed, isAway, owner: current, tellOthers } = this.#surroundings;
    if (this.#outbox.recall(todo.id)) return;
    if (isAway()) return this.#outbox.defer(todo, {}, { isRestored: true });
    const owner = current();
    await this.#turns.take(todo.id, async () => {
      try {
        const restored = await api.restore(todo.id);
        if (!this.#isOf(owner)) return undefined;
        this.#known.put(restored);
        changed();
        tellOthers();
        return restored;
      } catch (error) {
        if (!(error instanceof Failure && isOfConnection(error)) || !this.#isOf(owner)) throw error;
        this.#outbox.defer(todo, {}, { isRestored: true });
        return undefined;
      }
    });
  }
}
