// What the tests of the store share: an API that answers as they say, a shelf in memory, and tabs.

import { beforeEach, vi } from "vitest";
import type { Changes, Todo, TodoApi, TodoList } from "../src/lib/api.ts";
import { Failure } from "../src/lib/failure.ts";
import type { Copy } from "../src/lib/shelf.ts";
import type { Entry } from "../src/todos/entries.ts";
import { Keeper } from "../src/todos/keeper.ts";
import { TodoStore } from "../src/todos/store.ts";

export const UNREACHABLE = new Failure("unreachable", "The service cannot be reached right now.");
export const REFUSED = new Failure("invalid", "Title: must not contain control characters.");

export let api: { [K in keyof TodoApi]: ReturnType<typeof vi.fn<TodoApi[K]>> };
export let kept: string | undefined;
let keys: number;
export let isAway: boolean;
export let time: number;
export let shelf: MemoryShelf | null; // null: the browser does not let anything be kept
let lock: Promise<unknown>;
export const tellOthers = vi.fn<() => void>();
export let store: TodoStore;

export function made(id: string, more: Partial<Todo> = {}): Todo {
  const at = "2026-11-29T12:00:00Z";
  return {
    id,
    title: `Todo ${id}`,
    notes: "",
    status: "open",
    completed_at: null,
    priority: 0,
    due: null,
    position: id,
    list_id: null,
    version: 1,
    created_at: at,
    updated_at: at,
    deleted_at: null,
    ...more,
  };
}

export function madeList(id: string, more: Partial<TodoList> = {}): TodoList {
  const { version, position, created_at, updated_at } = made(id);
  return {
    id,
    name: `List ${id}`,
    color: "gray",
    position,
    role: "owner",
    shared_by: null,
    members: 0,
    version,
    created_at,
    updated_at,
    deleted_at: null,
    ...more,
  };
}

export function changes(upserts: Todo[], more: Partial<Changes> = {}): Changes {
  return {
    upserts,
    tombstones: [],
    lists: [],
    list_tombstones: [],
    next: "t1",
    last_event_id: "1",
    has_more: false,
    ...more,
  };
}

/** As lib/shelf.ts, which test_web_offline.py drives in a browser. */
class MemoryShelf {
  copied: Copy | null = null;
  entries: Entry[] = [];

  keep(entry: Entry): void {
    const at = this.entries.findIndex(({ key }) => key === entry.key);
    if (at < 0) this.entries.push(entry);
    else this.entries[at] = entry;
  }
}

/** One after another, as navigator.locks does. */
function request(_: string, ...rest: unknown[]): Promise<unknown> {
  const work = rest.at(-1) as (lock: object) => Promise<unknown>;
  if (rest.length > 1) return Promise.resolve(work({})); // ifAvailable
  return (lock = lock.then(() => work({})));
}

export function newStore(): TodoStore {
  const locks = { request } as unknown as Pick<LockManager, "request">;
  const fresh = new TodoStore({
    api,
    tellOthers,
    queue: { read: () => kept, write: (text) => (kept = text || undefined) },
    newKey: () => `key-${++keys}`,
    now: () => time,
    isAway: () => isAway,
    locks,
    shelf: {
      copy: async () => structuredClone(shelf?.copied ?? null),
      outbox: async () => structuredClone(shelf?.entries ?? null),
      keepEntry: async (_, entry) => (shelf?.keep(structuredClone(entry)), shelf !== null),
      dropEntry: async (key, isOther) => {
        const entry = shelf?.entries.find((each) => each.key === key);
        if (entry && isOther?.(entry)) return structuredClone(entry);
        if (shelf) shelf.entries = shelf.entries.filter((each) => each !== entry);
        return null;
      },
    },
    keeper: new Keeper({
      locks,
      whenIdle: (act) => void Promise.resolve().then(act),
      shelf: {
        write: async (_, { isAnew, put, drop, rest }) => {
          if (shelf === null) return false;
          const todos = new Map((isAnew ? [] : (shelf.copied?.todos ?? [])).map((each) => [each.id, each]));
          for (const id of drop) todos.delete(id);
          for (const todo of put) todos.set(todo.id, todo);
          shelf.copied = { ...rest, todos: [...todos.values()] };
          return true;
        },
      },
    }),
  });
  fresh.belongsTo("ann");
  return fresh;
}

export function setAway(is: boolean): void {
  isAway = is;
}

export function pass(milliseconds: number): void {
  time += milliseconds;
}

/** From now on, this device keeps something. */
export function newShelf(): void {
  shelf = new MemoryShelf();
}

/** What this tab keeps over a reload. */
export function setKept(text: string | undefined): void {
  kept = text;
}

/** The page is loaded anew. */
export function reload(): void {
  store = newStore();
}

/** The page that holds the lock is closed. */
export function unlock(): void {
  lock = Promise.resolve();
}

export const titles = (): string[] | undefined => store.get().todos?.map((each) => each.title);
export const waiting = (): string[] => store.get().waiting.map((each) => each.todo.title);

beforeEach(() => {
  kept = undefined;
  keys = 0;
  isAway = false;
  time = 1_000_000_000;
  shelf = null;
  lock = Promise.resolve();
  tellOthers.mockReset();
  api = {
    changes: vi.fn<TodoApi["changes"]>(async () => changes([])),
    read: vi.fn<TodoApi["read"]>(async (id) => made(id)),
    create: vi.fn<TodoApi["create"]>(async ({ title }, key) => made(key, { title })),
    change: vi.fn<TodoApi["change"]>(
      async (seen, change) => ({ ...seen, ...change, version: seen.version + 1 }) as Todo,
    ),
    relocate: vi.fn<TodoApi["relocate"]>(async (id, list_id) => made(id, { list_id, version: 2 })),
    complete: vi.fn<TodoApi["complete"]>(async (id) => made(id, { status: "done", version: 2 })),
    reopen: vi.fn<TodoApi["reopen"]>(async (id) => made(id, { version: 3 })),
    remove: vi.fn<TodoApi["remove"]>(async () => undefined),
    restore: vi.fn<TodoApi["restore"]>(async (id) => made(id, { version: 9 })),
    move: vi.fn<TodoApi["move"]>(async (id, position) => made(id, { position, version: 2 })),
    createList: vi.fn<TodoApi["createList"]>(async ({ name }, key) => madeList(key, { name })),
    changeList: vi.fn<TodoApi["changeList"]>(
      async (id, change) => ({ ...madeList(id, { version: 2 }), ...change }) as TodoList,
    ),
    removeList: vi.fn<TodoApi["removeList"]>(async () => undefined),
    deleted: vi.fn<TodoApi["deleted"]>(async () => ({ items: [], next_cursor: null })),
    deletedLists: vi.fn<TodoApi["deletedLists"]>(async () => []),
    restoreList: vi.fn<TodoApi["restoreList"]>(async (id) => madeList(id, { version: 3 })),
  };
  store = newStore();
});
