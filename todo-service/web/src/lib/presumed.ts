// Whose todos are shown while it is not known who is signed in, because the network or auth-service is away: the person whose
// copy this device keeps, until the session must have ended. As soon as there is an answer, only the answer counts.

import type { Owner } from "./shelf.ts";

const LATE = 3_000; // milliseconds without an answer after which the page stops waiting for it

interface Surroundings {
  shelf: { owner(now: number): Promise<Owner | null> };
  now: () => number;
  /** Called with the person's id when the copy is to be shown. */
  show: (userId: string) => void;
}

export class Presumed {
  readonly #surroundings: Surroundings;
  readonly #listeners = new Set<() => void>();
  #person: Owner | null = null;
  #isKnown = false;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
    setTimeout(() => {
      if (!this.#isKnown) void this.presume();
    }, LATE);
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly get = (): Owner | null => this.#person;

  /** There was no answer about who is signed in. */
  async presume(): Promise<void> {
    this.#isKnown = false;
    if (this.#person) return;
    const owner = await this.#surroundings.shelf.owner(this.#surroundings.now());
    if (this.#isKnown || owner === null) return;
    this.#surroundings.show(owner.id);
    this.#set(owner);
  }

  /** There was an answer. */
  isKnown(): void {
    this.#isKnown = true;
    this.#set(null);
  }

  #set(person: Owner | null): void {
    if (person === this.#person) return;
    this.#person = person;
    for (const listener of this.#listeners) listener();
  }
}
