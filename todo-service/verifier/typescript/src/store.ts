// What was fetched last, kept for the next start: the issuer's metadata, its keys and its status lists.
//
// The verifier knows only the interface `Store`. For files see files.ts. What is read is checked as if it had just been
// fetched: another issuer's or address's copy, one that is too old or from the future, and one that is not whole are
// refused, and each status list's signature is verified again. Then the verifier starts as without a copy.

import { type Endpoints, parseMetadata } from "./discovery.ts";
import { isObject, type Members, parse } from "./strict-json.ts";
import { type Log } from "./surroundings.ts";

/** Keeps texts by name, such as "keys.json". */
export interface Store {
  /** undefined: nothing has been written under this name. */
  read(name: string): Promise<string | undefined>;
  /** Replaces the text as a whole or not at all. */
  write(name: string, text: string): Promise<void>;
}

export interface SavedKeys {
  readonly document: Uint8Array;
  readonly etag: string | undefined;
  readonly fetchedAt: number;
}

/** `documents`: the signed lists, by their URIs. `epoch`: the newest that was verified. `prefix`: of all URIs. */
export interface SavedLists {
  readonly prefix: string;
  readonly epoch: number;
  readonly documents: ReadonlyMap<string, string>;
}

const [METADATA, KEYS, LISTS] = ["metadata.json", "keys.json", "status_lists.json"];
const MAX_LENGTH = 32 * 1024 * 1024; // 64 lists of 256 KiB, and as much again
const MAX_DEPTH = 2;
const MAX_CLOCK_DIFFERENCE = 60; // seconds
const MOST_EPOCHS = 1e15;

/** The copies in a store. Nothing here throws: a copy that cannot be used or written is counted and logged. */
export class SavedCopies {
  readonly #store: Store | undefined;
  readonly #log: Log;
  /** Since the start. `used` and `refused` count reads, `written` and `failed` writes; a status list counts for itself. */
  readonly counts = { used: 0, refused: 0, written: 0, failed: 0 };

  constructor(store: Store | undefined, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  /** The endpoints that the issuer's metadata named, checked as when they were fetched. */
  async metadata(issuer: string, alsoAt: readonly string[]): Promise<Endpoints | undefined> {
    const found = await this.#read(METADATA);
    try {
      const endpoints = found && parseMetadata(encode(JSON.stringify(found)), issuer, alsoAt);
      if (endpoints !== undefined) this.counts.used += 1;
      return endpoints;
    } catch (error) {
      return this.refuse(METADATA, error);
    }
  }

  async keepMetadata(issuer: string, { jwksUri, statusLists }: Endpoints): Promise<void> {
    const lists = statusLists === undefined ? {} : { status_list_aggregation_endpoint: statusLists };
    await this.#write(METADATA, { issuer, jwks_uri: jwksUri, ...lists });
  }

  /** The key set from this address, at most `maxAge` seconds old. */
  async keys(jwksUri: string, now: number, maxAge: number): Promise<SavedKeys | undefined> {
    const found = await this.#read(KEYS);
    if (found === undefined) return undefined;
    const { jwks_uri: uri, fetched_at: fetchedAt, etag, document } = found;
    if (uri !== jwksUri) return this.refuse(KEYS, "it is from another address");
    if (typeof fetchedAt !== "number" || typeof document !== "string") return this.refuse(KEYS, "it is damaged");
    const age = now - fetchedAt;
    if (age > maxAge || age < -MAX_CLOCK_DIFFERENCE) return this.refuse(KEYS, "it is too old, or from the future");
    return { document: encode(document), etag: typeof etag === "string" ? etag : undefined, fetchedAt };
  }

  /** False if it could not be written. */
  async keepKeys(jwksUri: string, { document, etag, fetchedAt }: SavedKeys): Promise<boolean> {
    const text = new TextDecoder().decode(document);
    return await this.#write(KEYS, { jwks_uri: jwksUri, fetched_at: fetchedAt, etag: etag ?? null, document: text });
  }

  /** The lists as they were written: their signatures have not been verified. */
  async lists(prefix: string): Promise<SavedLists | undefined> {
    const found = await this.#read(LISTS);
    if (found === undefined) return undefined;
    const { epoch, documents } = found;
    if (found.prefix !== prefix) return this.refuse(LISTS, "it is from another address");
    if (!isEpoch(epoch) || !isObject(documents)) return this.refuse(LISTS, "it is damaged");
    const texts = Object.entries(documents).filter((entry): entry is [string, string] => typeof entry[1] === "string");
    return { prefix, epoch, documents: new Map(texts) };
  }

  async keepLists({ prefix, epoch, documents }: SavedLists): Promise<void> {
    await this.#write(LISTS, { prefix, epoch, documents: Object.fromEntries(documents) });
  }

  /** Count and log that a copy, or a part of it, is not used. */
  refuse(name: string, why: unknown): undefined {
    this.counts.refused += 1;
    this.#log.warn(`the saved copy ${name} is not used: ${messageOf(why)}`);
  }

  async #read(name: string): Promise<Members | undefined> {
    if (this.#store === undefined) return undefined;
    try {
      const text = await this.#store.read(name);
      if (text === undefined) return undefined;
      if (text.length > MAX_LENGTH) return this.refuse(name, "it is too large");
      const members = parse(encode(text), MAX_DEPTH);
      return isObject(members) ? members : this.refuse(name, "it is damaged");
    } catch (error) {
      return this.refuse(name, error);
    }
  }

  /** Whether there is a store at all. */
  get isOn(): boolean {
    return this.#store !== undefined;
  }

  async #write(name: string, members: Readonly<Record<string, unknown>>): Promise<boolean> {
    if (this.#store === undefined) return false;
    try {
      await this.#store.write(name, JSON.stringify(members));
      this.counts.written += 1;
      return true;
    } catch (error) {
      this.counts.failed += 1;
      this.#log.warn(`the copy ${name} cannot be written: ${messageOf(error)}`);
      return false;
    }
  }
}

function isEpoch(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < MOST_EPOCHS;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
