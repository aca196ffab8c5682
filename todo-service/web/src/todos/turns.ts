// One change of a todo after another, each told what the one before it made: who ticks a todo off and renames it in the
// same second is in nobody's way.

import type { Todo } from "../lib/api.ts";

export class Turns {
  readonly #latest = new Map<string, Promise<Todo | undefined>>();

  /** `change` gets what came of the one that was under way, or undefined if there was none or it failed. */
  take(id: string, change: (before: Todo | undefined) => Promise<Todo | undefined>): Promise<Todo | undefined> {
    const mine = (this.#latest.get(id) ?? Promise.resolve(undefined)).then(change);
    const over = mine.catch(() => undefined); // its own caller is told; who waits behind it goes on
    this.#latest.set(id, over);
    void over.then(() => {
      if (this.#latest.get(id) === over) this.#latest.delete(id);
    });
    return mine;
  }
}
