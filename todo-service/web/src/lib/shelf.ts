// What this device keeps of the signed-in person, so that todos are read and written without a network: a copy of the
// todos and lists, and what was not sent yet. It is in IndexedDB, at this origin, and never has a token.
//
// Every write compares the owner first, in its own transaction. So a tab that is late cannot bring back what a sign-out has
// deleted. A browser may forbid to keep anything, or its disk is full: then nothing is kept, `state` says so, and the
// application works as long as there is a network. A database that hangs or fails is tried again; when `state` is "works", what
// was not kept can be.

import type { Todo, TodoList } from "./todo-api.ts";

const NAME = "todos";
const VERSION = 1;
const STORES = ["about", "todos", "outbox"] as const;
const AT_ONCE = 250; // rows that are written before the page gets its turn
const LATER = 20_000; // milliseconds until a database that has failed is tried again
const PATIENCE = 5_000; // milliseconds for everything except the copy: a database that hangs must not hold up the page

export interface Owner {
  id: string;
  name: string;
  email: string;
}

/** The answers of /api/v1/changes up to a position. */
export interface Copy {
  todos: Todo[];
  lists: TodoList[];
  since: string;
  position: string | null;
  /** Not in copies of earlier builds. */
  trash?: Trash;
}

/** What was deleted and can be brought back. */
export interface Trash {
  todos: Todo[];
  lists: TodoList[];
}

export interface CopyChange {
  /** Delete what was kept before. */
  isAnew: boolean;
  put: readonly Todo[];
  drop: readonly string[];
  rest: Omit<Copy, "todos">;
}

/** `none`: the browser does not allow it, has no IndexedDB, or it does not work now. `full`: there is no room. */
export type ShelfState = "works" | "none" | "full";

/** What was not sent: any object with a key of its own. */
interface Keyed {
  key: string;
}

export class Shelf {
  readonly #factory: () => IDBFactory | undefined;
  readonly #listeners = new Set<() => void>();
  #opened: Promise<IDBDatabase | null> | null = null;
  #state: ShelfState = "works";
  #owed: (() => Promise<boolean>) | null = null; // sets the owner; null: it is set, or there is none
  #isBroken = false; // it could not be opened
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Some browsers throw an error when a page that may keep nothing asks for the factory. */
  constructor(factory: () => IDBFactory | undefined) {
    this.#factory = factory;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly state = (): ShelfState => this.#state;

  /** Whose todos are kept. null: nobody's, or the session must have ended by `now` (in milliseconds since the epoch). */
  async owner(now: number): Promise<Owner | null> {
    const about = await this.#read(["about"], (transaction) =>
      answer<About>(transaction.objectStore("about").get("owner")),
    );
    return about && now < about.until ? about.owner : null;
  }

  /** Set the owner. What was kept of somebody else is deleted. */
  async belongsTo(owner: Owner, until: number): Promise<void> {
    const set = (): Promise<boolean> =>
      this.#write(STORES, async (transaction) => {
        const about = transaction.objectStore("about");
        const before = await answer<About>(about.get("owner"));
        if (before && before.owner.id !== owner.id) clear(transaction);
        about.put({ owner, until } satisfies About, "owner");
        return true;
      });
    this.#owed = set;
    if ((await set()) && this.#owed === set) this.#owed = null;
  }

  /** The copy of this person's todos; null: there is none. */
  copy(ownerId: string): Promise<Copy | null> {
    return this.#read(["about", "todos"], async (transaction) => {
      if (!(await isOwner(transaction, ownerId))) return null;
      const rest = await answer<CopyChange["rest"]>(transaction.objectStore("about").get("rest"));
      return rest ? { ...rest, todos: (await answer<Todo[]>(transaction.objectStore("todos").getAll())) ?? [] } : null;
    });
  }

  /** False if it is not kept. */
  write(ownerId: string, { isAnew, put, drop, rest }: CopyChange): Promise<boolean> {
    return this.#write(
      ["about", "todos"],
      async (transaction) => {
        if (!(await isOwner(transaction, ownerId))) return false;
        const [about, todos] = [transaction.objectStore("about"), transaction.objectStore("todos")];
        if (isAnew) todos.clear();
        for (const id of drop) todos.delete(id);
        for (let begin = 0; begin < put.length; begin += AT_ONCE) {
          const requests = put.slice(begin, begin + AT_ONCE).map((each) => todos.put(each));
          await answer(requests.at(-1)!);
        }
        about.put(rest, "rest");
        return true;
      },
      true,
    );
  }

  /** What was not sent, in its order; null: nothing can be kept. */
  outbox<T extends Keyed>(ownerId: string): Promise<T[] | null> {
    return this.#read(["about", "outbox"], async (transaction) =>
      (await isOwner(transaction, ownerId))
        ? ((await answer<T[]>(transaction.objectStore("outbox").getAll())) ?? [])
        : [],
    );
  }

  /** False if it is not kept. An entry with the same key is replaced, and keeps its place. */
  keepEntry(ownerId: string, entry: Keyed): Promise<boolean> {
    return this.#write(["about", "outbox"], async (transaction) => {
      if (!(await isOwner(transaction, ownerId))) return false;
      const outbox = transaction.objectStore("outbox");
      const place = await answer<IDBValidKey>(outbox.index("key").getKey(entry.key));
      outbox.put(place === undefined ? entry : { ...entry, place });
      return true;
    });
  }

  /** If `isOther` says so of what is kept, that stays and is returned. */
  async dropEntry<T extends Keyed>(key: string, isOther: (kept: T) => boolean = () => false): Promise<T | null> {
    const stayed: T[] = [];
    await this.#write(["outbox"], async (transaction) => {
      const outbox = transaction.objectStore("outbox");
      const place = await answer<IDBValidKey>(outbox.index("key").getKey(key));
      if (place === undefined) return false;
      const kept = await answer<T>(outbox.get(place));
      if (kept && isOther(kept)) stayed.push(kept);
      else outbox.delete(place);
      return false;
    });
    return stayed[0] ?? null;
  }

  /** Delete everything. Returns whose it was and what was not sent; of several tabs one gets it. */
  async clear<T extends Keyed>(): Promise<Left<T> | null> {
    this.#owed = null;
    const left: Left<T>[] = [];
    await this.#write(STORES, async (transaction) => {
      const about = await answer<About>(transaction.objectStore("about").get("owner"));
      const outbox = (await answer<T[]>(transaction.objectStore("outbox").getAll())) ?? [];
      if (about) left.push({ owner: about.owner, outbox });
      clear(transaction);
      return false;
    });
    return left[0] ?? null;
  }

  #open(): Promise<IDBDatabase | null> {
    return (this.#opened ??= this.#ask().then((database) => {
      if (database === null) this.#set("none");
      return database;
    }));
  }

  /** null: it is forbidden, or there is no answer in time. An answer that comes later counts from then on. */
  #ask(): Promise<IDBDatabase | null> {
    return new Promise((resolve) => {
      try {
        const request = this.#factory()?.open(NAME, VERSION);
        if (request === undefined) return resolve(null);
        request.onupgradeneeded = () => {
          request.result.createObjectStore("about");
          request.result.createObjectStore("todos", { keyPath: "id" });
          const outbox = request.result.createObjectStore("outbox", { keyPath: "place", autoIncrement: true });
          outbox.createIndex("key", "key", { unique: true });
        };
        let isLate = false;
        const patience = setTimeout(() => {
          isLate = true;
          resolve(null);
        }, PATIENCE);
        request.onerror = () => {
          clearTimeout(patience);
          this.#isBroken = true;
          this.#failed();
          resolve(null);
        };
        request.onsuccess = () => {
          clearTimeout(patience);
          const database = request.result;
          database.onversionchange = () => database.close(); // another build's tab makes a newer form of it
          database.onclose = () => (this.#opened = null);
          resolve(database);
          if (!isLate) return;
          this.#opened = Promise.resolve(database);
          void this.#tryAgain();
        };
      } catch {
        resolve(null); // forbidden
      }
    });
  }

  /** The machine is busy, or the files are damaged: it may pass. */
  #failed(): void {
    this.#set("none");
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (this.#isBroken) this.#opened = null;
      this.#isBroken = false;
      void this.#tryAgain();
    }, LATER);
  }

  async #tryAgain(): Promise<void> {
    const owed = this.#owed;
    if (owed && (await owed()) && this.#owed === owed) this.#owed = null;
    const isThere = await this.#read(["about"], (transaction) => answer(transaction.objectStore("about").count()));
    if (isThere !== null && this.#state === "none") this.#set("works");
  }

  async #read<T>(stores: readonly string[], ask: (transaction: IDBTransaction) => Promise<T>): Promise<T | null> {
    const database = await this.#open();
    if (database === null) return null;
    try {
      return await soon(ask(database.transaction(stores, "readonly")));
    } catch {
      this.#failed();
      return null;
    }
  }

  /** `make` returns whether it has put something. */
  async #write(
    stores: readonly string[],
    make: (transaction: IDBTransaction) => Promise<boolean>,
    isLong = false,
  ): Promise<boolean> {
    const database = await this.#open();
    if (database === null) return false;
    let transaction: IDBTransaction | null = null;
    try {
      transaction = database.transaction(stores, "readwrite");
      const made = Promise.all([make(transaction), endOf(transaction)]);
      const [isMade] = await (isLong ? made : soon(made));
      if (isMade) this.#set("works"); // where nothing is put, a full disk is no hindrance
      return isMade;
    } catch {
      if (transaction?.error?.name === "QuotaExceededError") this.#set("full");
      else this.#failed();
      return false;
    }
  }

  #set(state: ShelfState): void {
    if (state === this.#state) return;
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}

interface Left<T> {
  owner: Owner;
  outbox: T[];
}

interface About {
  owner: Owner;
  /** When the session ends if it is not used, by this device's clock. */
  until: number;
}

function soon<T>(promise: Promise<T>): Promise<T> {
  const late = new Promise<never>((_, reject) => setTimeout(() => reject(new Error("The database hangs.")), PATIENCE));
  return Promise.race([promise, late]);
}

function answer<T>(request: IDBRequest): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result as T | undefined);
    request.onerror = () => reject(request.error);
  });
}

function endOf(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
}

async function isOwner(transaction: IDBTransaction, ownerId: string): Promise<boolean> {
  return (await answer<About>(transaction.objectStore("about").get("owner")))?.owner.id === ownerId;
}

function clear(transaction: IDBTransaction): void {
  for (const name of STORES) transaction.objectStore(name).clear();
}
