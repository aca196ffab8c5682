// The epochs of the issuer's status lists. A restore of the issuer's database begins a new one.
//
// A restored database has forgotten the latest revocations, so the issuer ends everything of before it. The epoch is part
// of each list's URI: `EPOCH-NUMBER` after the prefix. The first verified list of a newer epoch ends all older ones: their
// lists are dropped, and their tokens are refused without a fetch. A list that is not verified never raises the epoch.
// Lists without an epoch in their URI are older than the epochs; they count as 0.

import { UnusableStatusList } from "./status-list.ts";

const NAME = /^([1-9][0-9]{0,14})-[0-9]{1,9}$/;

/** Knows the newest epoch of a verified list, also of one that an earlier process verified (store.ts). */
export class Epochs {
  readonly #prefix: string;
  #newest = 0;
  #announced = 0;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  get newest(): number {
    return this.#newest;
  }

  /** Begin with the newest epoch of an earlier process. */
  resume(epoch: number): void {
    this.#newest = Math.max(epoch, this.#newest);
  }

  of(uri: string): number {
    return Number(NAME.exec(uri.slice(this.#prefix.length))?.[1] ?? 0);
  }

  /** Whether the list, which is not in memory, is from before a restore.
   *
   * Without an epoch in its URI it is over once there is an epoch and the issuer no longer lists it.
   */
  isOver(uri: string, listed: readonly string[]): boolean {
    const epoch = this.of(uri);
    if (epoch > 0) return epoch < this.#newest;
    return this.#newest > 0 && listed.length > 0 && !listed.includes(uri);
  }

  /** Whether the issuer lists a newer epoch than ever before. It then has new keys, too. True once per epoch.
   *
   * The aggregation is not signed, so this is only a reason to fetch the keys.
   */
  isAnnounced(listed: readonly string[]): boolean {
    const known = Math.max(this.#newest, this.#announced);
    const announced = Math.max(0, ...listed.map((uri) => this.of(uri)));
    this.#announced = Math.max(announced, known);
    return this.#newest > 0 && known < announced;
  }

  /** Note the epoch of a verified list. True if it is newer, so that older lists have to be dropped.
   *
   * Throws UnusableStatusList if the list itself is of an older epoch.
   */
  follow(uri: string): boolean {
    const [epoch, newest] = [this.of(uri), this.#newest];
    if (epoch > 0 && epoch < newest) throw new UnusableStatusList("it is from before the issuer's last restore");
    this.#newest = Math.max(epoch, newest);
    return epoch > newest;
  }
}
