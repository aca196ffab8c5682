// One change of a todo after another, each told what the one before it made: who ticks a todo off and renames it in the
// same second is in nobody's way.

import type { Todo } from "../lib/api.ts";

/** `isLast` tells, at any time, whether no other change waits behind this one. */
type Change = (before: Todo | undefined, isLast: () => boolean) => Promise<Todo | undefined>;

export class Turns {
  readonly #latest = new Map<string, Promise<Todo | undefined>>();

  /** `change` gets what came of the one that was under way, or undefined if there was none or it failed. */
  take(id: string, change: Change): Promise<Todo | undefined> {
    const isLast = (): boolean => this.#latest.get(id) === over;
    const before = this.#latest.get(id) ?? Promise.resolve(undefined);
    const mine = before.then((made) => change(made, isLast));
    // Its own caller is told when it fails; who waits behind it goes on.
    const over: Promise<Todo | undefined> = mine.catch(() => undefined);
    this.#latest.set(id, over);
    void over.then(() => {
      if (this.#latest.get(id) === over) this.#latest.delete(id);
    });
    return mine;
  }
}
