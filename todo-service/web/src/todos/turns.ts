// Makes the changes of a todo one after another, and gives each the result of the one before. So a person can tick a todo
// off and rename it within the same second without a conflict.

import type { Todo } from "../lib/api.ts";

/** `isLast()` is true while no other change waits behind this one. */
type Change = (before: Todo | undefined, isLast: () => boolean) => Promise<Todo | undefined>;

export class Turns {
  readonly #latest = new Map<string, Promise<Todo | undefined>>();

  /** `change` gets the result of the change before it, or undefined if there was none or it failed. */
  take(id: string, change: Change): Promise<Todo | undefined> {
    const isLast = (): boolean => this.#latest.get(id) === over;
    const before = this.#latest.get(id) ?? Promise.resolve(undefined);
    const mine = before.then((made) => change(made, isLast));
    // A failure goes to the caller; the changes that wait behind go on.
    const over: Promise<Todo | undefined> = mine.catch(() => undefined);
    this.#latest.set(id, over);
    void over.then(() => {
      if (this.#latest.get(id) === over) this.#latest.delete(id);
    });
    return mine;
  }
}
