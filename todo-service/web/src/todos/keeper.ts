// Keeps the copy of the todos on the shelf up to date. One tab does: the one that holds the lock until it is closed.
//
// It writes what differs from what it wrote last, some time after a change, when the page has nothing else to do.

import type { Todo } from "../lib/api.ts";
import type { Copy, CopyChange } from "../lib/shelf.ts";

const LOCK = "todo-copy";

interface Surroundings {
  shelf: { write(ownerId: string, change: CopyChange): Promise<boolean> };
  locks: Pick<LockManager, "request">;
  /** Calls it when the page has nothing else to do. */
  whenIdle: (act: () => void) => void;
}

export interface Known {
  owner: string;
  todos: ReadonlyMap<string, Todo>;
  rest: Omit<Copy, "todos">;
}

export class Keeper {
  readonly #surroundings: Surroundings;
  #isMine = false;
  #written: ReadonlyMap<string, Todo> | null = null; // null: what is there is not known
  #rest: Omit<Copy, "todos"> | null = null;
  #known: (() => Known | null) | null = null;
  #isWaiting = false;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** Become the tab that writes: at once if no other tab does, else when that one is closed. */
  async begin(): Promise<void> {
    const { locks } = this.#surroundings;
    await new Promise<void>((resolve) => {
      void locks.request(LOCK, { ifAvailable: true }, (lock) => {
        if (lock) this.#isMine = true;
        else void locks.request(LOCK, () => this.#hold());
        resolve();
        return lock ? FOR_EVER : undefined;
      });
    });
  }

  #hold(): Promise<void> {
    this.#isMine = true;
    this.#written = null;
    this.#schedule();
    return FOR_EVER;
  }

  /** What is on the shelf; null: nothing of this person, or it is not known. */
  found(todos: ReadonlyMap<string, Todo> | null): void {
    this.#written = todos;
    this.#rest = null;
  }

  /** Something has changed; `known` is asked when it is written. */
  changed(known: () => Known | null): void {
    this.#known = known;
    this.#schedule();
  }

  #schedule(): void {
    if (!this.#isMine || this.#known === null || this.#isWaiting) return;
    this.#isWaiting = true;
    this.#surroundings.whenIdle(() => {
      void this.#write().finally(() => {
        this.#isWaiting = false;
        this.#schedule(); // something may have changed meanwhile
      });
    });
  }

  async #write(): Promise<void> {
    const known = this.#known?.() ?? null;
    this.#known = null;
    if (known === null) return;
    const { owner, todos, rest } = known;
    const before = this.#written ?? new Map<string, Todo>();
    const put = [...todos.values()].filter((each) => before.get(each.id) !== each);
    const drop = [...before.keys()].filter((id) => !todos.has(id));
    const isAnew = this.#written === null;
    if (!isAnew && put.length + drop.length === 0 && isSame(rest, this.#rest)) return;
    const isWritten = await this.#surroundings.shelf.write(owner, { isAnew, put, drop, rest });
    this.#written = isWritten ? new Map(todos) : null;
    this.#rest = isWritten ? rest : null;
  }
}

const FOR_EVER = new Promise<never>(() => undefined);

function isSame(one: Omit<Copy, "todos">, other: Omit<Copy, "todos"> | null): boolean {
  return (
    other !== null &&
    one.since === other.since &&
    one.trash === other.trash &&
    one.lists.length === other.lists.length &&
    one.lists.every((each, at) => each === other.lists[at])
  );
}
