// DPoP proofs that were used in the last seconds, so that none is accepted twice (RFC 9449 §11.1).
//
// The memory belongs to one process: with several processes or replicas a proof may be used once at each. It is bounded
// without ever forgetting a proof that would still be accepted: when it is full, the oldest second is forgotten, and
// proofs from before its end are refused. So in a flood proofs must be more recent, and none is accepted twice.

export const CAPACITY = 65_536; // 2,184 proofs a second for 30 seconds

export class SpentProofs {
  readonly #capacity: number;
  readonly #names = new Set<string>();
  readonly #bySecond = new Map<number, string[]>();
  #begin = 0; // proofs of earlier seconds are no longer remembered

  constructor(capacity = CAPACITY) {
    this.#capacity = capacity;
  }

  /** Remember a proof. False if it was used before, or is older than the memory goes back.
   *
   * A proof whose `iat` is more than `maxAge` seconds from `now` has been refused before.
   */
  spend(name: string, iat: number, now: number, maxAge: number): boolean {
    const second = Math.floor(iat);
    for (const each of this.#bySecond.keys()) if (each < Math.floor(now - maxAge)) this.#forget(each);
    if (this.#begin > now + maxAge + 1) this.#begin = 0; // the clock was set back
    if (second < this.#begin || this.#names.has(name)) return false;
    if (this.#names.size >= this.#capacity) {
      const oldest = Math.min(...this.#bySecond.keys());
      this.#forget(oldest);
      this.#begin = oldest + 1;
      if (second < this.#begin) return false;
    }
    this.#names.add(name);
    const ofSecond = this.#bySecond.get(second);
    if (ofSecond === undefined) this.#bySecond.set(second, [name]);
    else ofSecond.push(name);
    return true;
  }

  #forget(second: number): void {
    for (const name of this.#bySecond.get(second) ?? []) this.#names.delete(name);
    this.#bySecond.delete(second);
  }
}
