// As much of IndexedDB as lib/shelf.ts uses, in memory: it can hang and fail, which no browser does when it is asked to.

interface Request {
  result?: unknown;
  error?: Error;
  onsuccess?: () => void;
  onerror?: () => void;
  onupgradeneeded?: () => void;
}

type Rows = Map<unknown, unknown>;

export class Disk {
  readonly #stores = new Map<string, Rows>();
  readonly #waiting: Array<() => void> = [];
  #places = 0;
  isHanging = false;
  /** Opening it fails. */
  isBroken = false;
  /** How often it was opened. */
  opened = 0;

  get factory(): IDBFactory {
    return { open: () => this.#open() } as unknown as IDBFactory;
  }

  goOn(): void {
    this.isHanging = false;
    for (const act of this.#waiting.splice(0)) act();
  }

  #soon(act: () => void): void {
    if (this.isHanging) this.#waiting.push(act);
    else setTimeout(() => (this.isHanging ? this.#waiting.push(act) : act()));
  }

  #open(): Request {
    this.opened += 1;
    const createObjectStore = (name: string): object => {
      this.#stores.set(name, new Map());
      return { createIndex: () => undefined };
    };
    const transaction = (): object => this.#transaction();
    const request: Request = { result: { createObjectStore, transaction, close: () => undefined } };
    this.#soon(() => {
      if (this.isBroken) return request.onerror?.();
      if (this.#stores.size === 0) request.onupgradeneeded?.();
      request.onsuccess?.();
    });
    return request;
  }

  #transaction(): object {
    let asked = 0;
    const transaction: { oncomplete?: () => void; error: null; objectStore: (name: string) => object } = {
      error: null,
      objectStore: (name) => store(this.#stores.get(name)!),
    };
    const ask = (act: () => unknown): Request => {
      asked += 1;
      const request: Request = {};
      this.#soon(() => {
        request.result = act();
        request.onsuccess?.();
        this.#soon(() => --asked === 0 && transaction.oncomplete?.());
      });
      return request;
    };
    const placed = (rows: Rows, key: unknown): unknown =>
      [...rows].find(([, row]) => (row as { key?: unknown }).key === key)?.[0];
    const store = (rows: Rows): object => ({
      get: (key: unknown) => ask(() => rows.get(key)),
      getAll: () => ask(() => [...rows.values()]),
      count: () => ask(() => rows.size),
      clear: () => ask(() => rows.clear()),
      delete: (key: unknown) => ask(() => rows.delete(key)),
      put: (row: { id?: string; place?: number }, key?: unknown) =>
        ask(() => {
          const place = key ?? row.id ?? row.place ?? ++this.#places;
          return rows.set(place, key === undefined && row.id === undefined ? { ...row, place } : row);
        }),
      index: () => ({ getKey: (key: unknown) => ask(() => placed(rows, key)) }),
    });
    return transaction;
  }
}
