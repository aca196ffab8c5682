import { beforeEach, describe, expect, test, vi } from "vitest";
import type { Changes, Todo, TodoApi, TodoChange, TodoList } from "../src/lib/api.ts";
import { Failure } from "../src/lib/failure.ts";
import type { Copy } from "../src/lib/shelf.ts";
import type { Entry } from "../src/todos/entries.ts";
import { Keeper } from "../src/todos/keeper.ts";
import { TodoStore } from "../src/todos/store.ts";

const UNREACHABLE = new Failure("unreachable", "The service cannot be reached right now.");
const REFUSED = new Failure("invalid", "Title: must not contain control characters.");

let api: { [K in keyof TodoApi]: ReturnType<typeof vi.fn<TodoApi[K]>> };
let kept: string | undefined;
let keys: number;
let isAway: boolean;
let time: number;
let shelf: MemoryShelf | null; // null: the browser does not let anything be kept
let lock: Promise<unknown>;
const tellOthers = vi.fn<() => void>();
let store: TodoStore;

function made(id: string, more: Partial<Todo> = {}): Todo {
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

function madeList(id: string, more: Partial<TodoList> = {}): TodoList {
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

function changes(upserts: Todo[], more: Partial<Changes> = {}): Changes {
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

function newStore(): TodoStore {
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

const titles = (): string[] | undefined => store.get().todos?.map((each) => each.title);
const waiting = (): string[] => store.get().waiting.map((each) => each.todo.title);

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

describe("todos typed in a row", () => {
  test("are sent one after another in the order in which they were typed", async () => {
    await store.sync();
    const answers: Array<() => void> = [];
    api.create.mockImplementation(
      ({ title }, key) => new Promise((resolve) => answers.push(() => resolve(made(key, { title })))),
    );
    for (const title of ["One", "Two", "Three"]) store.add({ title });
    expect(waiting()).toEqual(["One", "Two", "Three"]);
    for (let sent = 1; sent <= 3; sent++) {
      await vi.waitFor(() => expect(answers).toHaveLength(1));
      expect(api.create).toHaveBeenCalledTimes(sent);
      answers.pop()?.();
    }
    await vi.waitFor(() => expect(waiting()).toEqual([]));
    expect(titles()).toEqual(["Three", "Two", "One"]);
    expect(tellOthers).toHaveBeenCalledTimes(3);
  });

  test("wait while the service is away, and are sent with the same keys", async () => {
    api.create.mockRejectedValueOnce(UNREACHABLE);
    store.add({ title: "One" });
    store.add({ title: "Two" });
    await vi.waitFor(() => expect(api.create).toHaveBeenCalledOnce());
    expect(waiting()).toEqual(["One", "Two"]);
    await vi.waitFor(() => {
      store.resume();
      expect(waiting()).toEqual([]);
    });
    expect(api.create.mock.calls.map(([, key]) => key)).toEqual(["key-1", "key-1", "key-2"]);
  });

  test("survive a reload, for the same person only", async () => {
    api.create.mockRejectedValue(UNREACHABLE);
    store.add({ title: "One" });
    await vi.waitFor(() => expect(api.create).toHaveBeenCalledOnce());
    store = newStore();
    expect(waiting()).toEqual(["One"]);
    kept = undefined; // as drafts.ts does when another person signs in
    store.belongsTo("ben");
    expect(waiting()).toEqual([]);
  });

  test("are not held up by one that is refused, which stays until it is withdrawn", async () => {
    api.create.mockRejectedValueOnce(REFUSED);
    store.add({ title: "with a \u0007" });
    store.add({ title: "Two" });
    await vi.waitFor(() => expect(waiting()).toEqual(["with a \u0007"]));
    expect(store.get().waiting[0]?.refusal).toBe(REFUSED);
    store.withdraw("key-1");
    expect(waiting()).toEqual([]);
  });
});

describe("todos that are taken back", () => {
  test("were not sent, are under way, or are there: none of them stays", async () => {
    await store.sync();
    let answer = (): void => undefined;
    api.create.mockImplementation(async ({ title }, key) => {
      if (title === "Under way") await new Promise<void>((resolve) => (answer = resolve));
      return made(key, { title });
    });
    const added = ["There", "Under way", "Not sent"].map((title) => store.add({ title }));
    await vi.waitFor(() => expect(titles()).toEqual(["There"]));
    await vi.waitFor(() => expect(api.create).toHaveBeenCalledTimes(2));
    const undone = store.takeBack(added);
    await vi.waitFor(() => expect(waiting()).toEqual(["Under way"]));
    answer();
    await undone;
    await vi.waitFor(() => expect(api.remove.mock.calls).toEqual([["key-1"], ["key-2"]]));
    expect(api.create).toHaveBeenCalledTimes(2);
    expect(titles()).toEqual([]);
  });

  test("wait for the network if one may have arrived, and only then", async () => {
    api.create.mockRejectedValue(UNREACHABLE);
    const added = ["Lost", "Not sent"].map((title) => store.add({ title }));
    await vi.waitFor(() => expect(api.create).toHaveBeenCalledOnce());
    await expect(store.takeBack(added)).rejects.toThrow("Try again");
    expect(waiting()).toEqual(["Lost"]);
    api.create.mockImplementation(async ({ title }, key) => made(key, { title }));
    await store.takeBack(added);
    await vi.waitFor(() => expect(api.remove.mock.calls).toEqual([["key-1"]]));
    expect(api.create.mock.calls.every(([{ title }]) => title === "Lost")).toBe(true);
  });

  test("are found if another tab has sent them", async () => {
    shelf = new MemoryShelf();
    isAway = true;
    api.create.mockRejectedValue(UNREACHABLE);
    store = newStore();
    const added = [store.add({ title: "Typed" })];
    const other = newStore();
    await vi.waitFor(() => expect(other.get().waiting).toHaveLength(1));
    shelf.entries = []; // as after the other tab has sent it
    isAway = false;
    api.create.mockImplementation(async ({ title }, key) => made(key, { title }));
    await vi.waitFor(() => (store.resume(), expect(waiting()).toEqual([])));
    await store.takeBack(added);
    await vi.waitFor(() => expect(api.remove.mock.calls).toEqual([["key-1"]]));
  });
});

describe("changes made elsewhere", () => {
  test("are asked for since the last answer, page by page", async () => {
    api.changes.mockResolvedValueOnce(changes([made("1")], { next: "t1", has_more: true }));
    api.changes.mockResolvedValueOnce(changes([made("2")], { next: "t2" }));
    await store.sync();
    expect(titles()).toEqual(["Todo 2", "Todo 1"]);
    const tombstones = [{ id: "1", deleted_at: "2026-11-29T13:00:00Z" }];
    api.changes.mockResolvedValueOnce(changes([made("3")], { next: "t3", tombstones }));
    await store.sync();
    expect(titles()).toEqual(["Todo 3", "Todo 2"]);
    expect(api.changes.mock.calls.map(([query]) => query.since)).toEqual([undefined, "t1", "t2"]);
    expect(store.get().gone.get("1")?.title).toBe("Todo 1");
  });

  test("begin anew when the token is too old", async () => {
    api.changes.mockResolvedValueOnce(changes([made("1")]));
    await store.sync();
    api.changes.mockRejectedValueOnce(new Failure("invalid", "Begin again."));
    api.changes.mockResolvedValueOnce(changes([made("2")]));
    await store.sync();
    expect(titles()).toEqual(["Todo 2"]);
  });

  test("that are older than what is known do no harm", async () => {
    api.changes.mockResolvedValueOnce(changes([made("1")]));
    await store.sync();
    await store.rename(made("1"), "Mine");
    api.changes.mockResolvedValueOnce(changes([made("1", { title: "Old" })]));
    await store.sync();
    expect(titles()).toEqual(["Mine"]);
  });

  test("leave what was shown while the service is away", async () => {
    api.changes.mockResolvedValueOnce(changes([made("1")]));
    await store.sync();
    api.changes.mockRejectedValueOnce(UNREACHABLE);
    await store.sync();
    expect(titles()).toEqual(["Todo 1"]);
    expect(store.get().failure).toBeNull(); // the connection says it
  });

  test("of an earlier person's are dropped, however late they come", async () => {
    let answer = (_: Changes): void => undefined;
    api.changes.mockImplementationOnce(() => new Promise((resolve) => (answer = resolve)));
    const reading = store.sync();
    store.belongsTo("ben");
    answer(changes([made("1")]));
    await reading;
    expect(titles()).toBeUndefined();
  });
});

/** What one person has begun, and what the store asks the API for then. */
const BEGUN: [string, keyof TodoApi, () => Promise<unknown>][] = [
  ["a new list", "createList", () => store.lists.create({ name: "Ann's" })],
  ["a new name of a list", "changeList", () => store.lists.change(madeList("a"), { name: "Ann's" })],
  ["a list that is deleted", "removeList", () => store.lists.remove(madeList("a"))],
  ["a list that comes back", "restoreList", () => store.lists.restore(madeList("b"))],
  ["a new title", "change", () => store.rename(made("1"), "Ann's")],
  ["a tick", "complete", () => store.setDone(made("1"), true)],
  ["a todo that is revived", "restore", () => store.revive(made("2"), "Ann's")],
  ["a deletion", "remove", () => store.remove(made("1"))],
  ["a deletion that is undone", "restore", () => store.restore(made("2"))],
  ["a change that waited", "change", async () => sendLater({ title: "Ann's" })],
  ["a new place that waited", "relocate", async () => sendLater({ list_id: "a", status: "done" })],
  ["a deletion that waited", "remove", async () => sendLater({}, true)],
];

/** Without a network, and then with one. */
async function sendLater(change: TodoChange, isRemoval = false): Promise<void> {
  isAway = true;
  await (isRemoval ? store.remove(made("1")) : store.edit(made("1"), change));
  isAway = false;
  store.resume();
}

describe.each(BEGUN)("%s of an earlier person", (_, method, begin) => {
  test.each(["arrives", "is missing", "is a conflict", "is lost"])(
    "does nothing to the next one's if it %s",
    async (how) => {
      api.changes.mockResolvedValueOnce(changes([made("1")], { lists: [madeList("a")] }));
      await store.sync();
      const call = api[method] as ReturnType<typeof vi.fn<() => Promise<unknown>>>;
      const usual = call.getMockImplementation()!;
      let answer = (): void => undefined;
      call.mockImplementationOnce(async (...asked) => {
        await new Promise<void>((resolve) => (answer = resolve));
        if (how === "arrives") return usual(...asked);
        throw how === "is lost" ? UNREACHABLE : new Failure(how === "is missing" ? "missing" : "conflict", "No.");
      });
      const ended = begin().catch((error: unknown) => expect(error).toBeInstanceOf(Failure));
      await vi.waitFor(() => expect(call).toHaveBeenCalledOnce());
      kept = undefined; // as drafts.ts does
      store.belongsTo("ben");
      const bens = [made("1", { title: "Ben's" }), madeList("a", { role: "editor", shared_by: "Ann" })] as const;
      api.changes.mockResolvedValue(changes([bens[0]], { lists: [bens[1]] }));
      await store.sync();
      const asked = (): number => Object.values(api).reduce((sum, each) => sum + each.mock.calls.length, 0);
      const before = asked();
      answer();
      await ended;
      await new Promise((resolve) => setTimeout(resolve, 5));
      const { todos, lists, waiting: unsent, deferred, listEntries, trash } = store.get();
      expect({ todos, lists }).toEqual({ todos: [bens[0]], lists: [bens[1]] });
      expect([...unsent, ...deferred, ...listEntries, ...trash.todos, ...trash.lists]).toEqual([]);
      expect(asked() - before).toBe(0);
    },
  );
});

describe("a change", () => {
  beforeEach(async () => {
    api.changes.mockResolvedValueOnce(changes([made("1")]));
    await store.sync();
  });

  test("is shown at once, and taken back if it fails", async () => {
    api.complete.mockRejectedValueOnce(REFUSED);
    const ticking = store.setDone(made("1"), true);
    expect(store.get().todos?.[0]?.status).toBe("done");
    await expect(ticking).rejects.toBe(REFUSED);
    expect(store.get().todos?.[0]?.status).toBe("open");
  });

  test("of a due date is shown at once, and a tick meanwhile is no conflict", async () => {
    await store.setDone(made("1"), true);
    const editing = store.edit(made("1"), { due: "2026-11-30" });
    expect(store.get().todos?.[0]).toMatchObject({ due: "2026-11-30", status: "done" });
    await editing;
    expect(api.change).toHaveBeenCalledWith(expect.objectContaining({ version: 2 }), { due: "2026-11-30" });
  });

  test("of a title that another was faster with is a conflict, and the new title is shown", async () => {
    api.change.mockRejectedValueOnce(new Failure("conflict", "Changed."));
    api.read.mockResolvedValueOnce(made("1", { title: "Theirs", version: 2 }));
    await expect(store.rename(made("1"), "Mine")).rejects.toMatchObject({ kind: "conflict" });
    expect(titles()).toEqual(["Theirs"]);
  });

  test("of a todo that was deleted elsewhere removes the row, and can bring the todo back", async () => {
    api.change.mockRejectedValueOnce(new Failure("missing", "This todo no longer exists."));
    await expect(store.rename(made("1"), "Mine")).rejects.toMatchObject({ kind: "missing" });
    expect(titles()).toEqual([]);
    expect([...store.get().gone.keys()]).toEqual(["1"]);
    await store.revive(made("1"), "Mine");
    expect(titles()).toEqual(["Mine"]);
    expect(store.get().gone.size).toBe(0);
  });

  test("that deletes is shown at once, undone by restoring, and taken back if it fails", async () => {
    const removing = store.remove(made("1"));
    expect(titles()).toEqual([]);
    await removing;
    await store.restore(made("1"));
    expect(titles()).toEqual(["Todo 1"]);
    api.remove.mockRejectedValueOnce(REFUSED);
    await expect(store.remove(made("1"))).rejects.toBe(REFUSED);
    expect(titles()).toEqual(["Todo 1"]);
  });
});

describe("without a network", () => {
  const CONFLICT = new Failure("conflict", "This todo has been changed somewhere else in the meantime.");

  beforeEach(async () => {
    shelf = new MemoryShelf();
    store = newStore();
    api.changes.mockResolvedValue(changes([made("1"), made("2")]));
    await store.sync();
    await vi.waitFor(() => expect(shelf?.copied?.todos).toHaveLength(2));
    isAway = true;
    for (const call of [api.changes, api.create, api.complete, api.change]) call.mockRejectedValue(UNREACHABLE);
  });

  function isBack(): void {
    isAway = false;
    api.changes.mockResolvedValue(changes([]));
    api.create.mockImplementation(async ({ title }, key) => made(key, { title }));
    api.complete.mockImplementation(async (id) => made(id, { status: "done", version: 2 }));
    api.change.mockImplementation(async (seen, change) => ({ ...seen, ...change, version: seen.version + 1 }) as Todo);
  }

  test("what was read and done is there in a new tab, and is sent once and in order by one of them", async () => {
    store.add({ title: "Typed" });
    await store.setDone(made("1"), true);
    await store.edit(made("2"), { due: "2026-12-01" });
    await store.edit(made("2"), { priority: 3 });
    await vi.waitFor(() => expect(shelf?.entries).toHaveLength(3));
    expect(kept).toBeUndefined(); // it is on the shelf, not in this tab
    const other = newStore();
    await vi.waitFor(() => expect(other.get().deferred).toHaveLength(2));
    expect(other.get().waiting.map((each) => each.todo.title)).toEqual(["Typed"]);
    expect(other.get().todos).toMatchObject([{ due: "2026-12-01", priority: 3 }, { status: "done" }]);
    const order: string[] = [];
    isBack();
    for (const call of [api.create, api.complete, api.change]) call.mockClear();
    api.create.mockImplementation(async ({ title }, key) => (order.push("create"), made(key, { title })));
    api.complete.mockImplementation(async (id) => (order.push("tick"), made(id, { status: "done", version: 2 })));
    api.change.mockImplementation(
      async (seen, change) => (order.push("edit"), { ...seen, ...change, version: 2 }) as Todo,
    );
    store.resume();
    other.resume();
    await vi.waitFor(() => expect([store.get(), other.get()].map((each) => each.deferred.length)).toEqual([0, 0]));
    await vi.waitFor(() => expect(shelf?.entries).toEqual([]));
    expect(order).toEqual(["create", "tick", "edit"]);
    expect(api.change).toHaveBeenCalledWith(expect.anything(), { due: "2026-12-01", priority: 3 });
  });

  test("a change of what another device has changed is a conflict, which the person decides", async () => {
    await store.rename(made("1"), "Mine");
    expect(titles()).toEqual(["Todo 2", "Mine"]);
    isBack();
    api.change.mockRejectedValueOnce(CONFLICT);
    api.read.mockResolvedValueOnce(made("1", { title: "Theirs", version: 2 }));
    store.resume();
    await vi.waitFor(() => expect(store.get().deferred[0]?.refusal).toBe(CONFLICT));
    expect(titles()).toEqual(["Todo 2", "Theirs"]);
    await store.insist(store.get().deferred[0]!);
    await vi.waitFor(() => expect(store.get().deferred).toEqual([]));
    expect(titles()).toEqual(["Todo 2", "Mine"]);
  });

  test.each([
    ["something else of it", { notes: "Theirs", version: 2 }, "Mine"],
    ["it to the same, by an answer that was lost", { title: "Mine", version: 2 }, "Mine"],
  ])("another device that has changed %s makes no conflict", async (_, theirs, title) => {
    await store.rename(made("1"), "Mine");
    isBack();
    api.change.mockRejectedValueOnce(CONFLICT);
    api.read.mockResolvedValueOnce(made("1", theirs));
    store.resume();
    await vi.waitFor(() => expect(store.get().deferred).toEqual([]));
    expect(titles()).toEqual(["Todo 2", title]);
  });

  test("a change that another tab joins to one that is just being sent is not lost", async () => {
    await store.rename(made("1"), "Mine");
    const other = newStore();
    await vi.waitFor(() => expect(other.get().deferred).toHaveLength(1));
    isBack();
    let answer = (): void => undefined;
    api.change.mockImplementationOnce(
      (seen, change) => new Promise((resolve) => (answer = () => resolve({ ...seen, ...change, version: 2 } as Todo))),
    );
    api.change.mockClear();
    store.resume();
    await vi.waitFor(() => expect(api.change).toHaveBeenCalledOnce());
    isAway = true;
    await other.edit(other.get().todos!.at(-1)!, { due: "2026-12-01" });
    await vi.waitFor(() => expect(shelf?.entries).toMatchObject([{ change: { title: "Mine", due: "2026-12-01" } }]));
    isAway = false;
    api.change.mockRejectedValueOnce(CONFLICT); // the title is no longer as it was seen: the first request has changed it
    api.read.mockResolvedValueOnce(made("1", { title: "Mine", version: 2 }));
    answer();
    await vi.waitFor(() => expect(shelf?.entries).toEqual([]));
    expect(api.change).toHaveBeenLastCalledWith(expect.objectContaining({ version: 2 }), { due: "2026-12-01" });
    expect(store.get().todos?.at(-1)).toMatchObject({ title: "Mine", due: "2026-12-01" });
  });

  test("what another build has kept in another form does no harm", async () => {
    kept = JSON.stringify([{ key: "1" }, { key: "2", todo: { title: "Typed" } }]);
    shelf!.entries = [{ key: "3", move: 1 } as unknown as Entry];
    const other = newStore();
    await vi.waitFor(() => expect(shelf?.entries).toHaveLength(2));
    expect([other.get().waiting.length, other.get().deferred.length]).toEqual([1, 0]);
  });

  test("a deletion is undone without a network, or sent when there is one", async () => {
    await store.remove(made("1"));
    expect(titles()).toEqual(["Todo 2"]);
    await store.restore(made("1"));
    expect(titles()).toEqual(["Todo 2", "Todo 1"]);
    await store.remove(made("1"));
    isBack();
    store.resume();
    await vi.waitFor(() => expect(store.get().deferred).toEqual([]));
    expect(titles()).toEqual(["Todo 2"]);
    expect(api.remove).toHaveBeenCalledOnce();
  });

  test("a todo that may have arrived a day ago is not sent again without the person", async () => {
    isAway = false; // the request leaves, and its answer is lost
    store.add({ title: "Typed" });
    await vi.waitFor(() => expect(api.create).toHaveBeenCalledOnce());
    time += 24 * 3_600_000;
    isBack();
    api.create.mockClear();
    store.resume();
    await vi.waitFor(() => expect(store.get().waiting[0]?.refusal?.message).toContain("Look whether it is there"));
    expect(api.create).not.toHaveBeenCalled();
  });
});

describe("lists", () => {
  const names = (): string[] => store.get().lists.map((each) => each.name);

  beforeEach(async () => {
    api.changes.mockResolvedValueOnce(
      changes([made("1", { list_id: "a" }), made("2", { list_id: "b" }), made("3", { list_id: "unknown" })], {
        lists: [madeList("b"), madeList("a")],
      }),
    );
    await store.sync();
  });

  test("are in the person's order; a todo whose list is not there is in the inbox", () => {
    expect(names()).toEqual(["List a", "List b"]);
    expect(store.get().todos?.map((each) => each.list_id)).toEqual([null, "b", "a"]);
  });

  test("are shown under their new name at once, and under the old one if that fails", async () => {
    const [list] = store.get().lists;
    api.changeList.mockRejectedValueOnce(REFUSED);
    const renaming = store.lists.change(list!, { name: "New" });
    expect(names()).toEqual(["New", "List b"]);
    await expect(renaming).rejects.toBe(REFUSED);
    expect(names()).toEqual(["List a", "List b"]);
    await store.lists.move(list!, 1);
    expect(names()).toEqual(["List b", "List a"]);
    expect(tellOthers).toHaveBeenCalledTimes(1);
  });

  test("disappear with their todos at once, and come back with them if that fails", async () => {
    const [list] = store.get().lists;
    api.removeList.mockRejectedValueOnce(REFUSED);
    const removing = store.lists.remove(list!);
    expect([names(), titles()]).toEqual([["List b"], ["Todo 3", "Todo 2"]]);
    await expect(removing).rejects.toBe(REFUSED);
    expect([names(), titles()]).toEqual([
      ["List a", "List b"],
      ["Todo 3", "Todo 2", "Todo 1"],
    ]);
  });

  test("are undone together with their todos", async () => {
    const [list] = store.get().lists;
    const gone = { id: "1", deleted_at: "2026-11-29T12:00:01Z" };
    api.changes.mockResolvedValueOnce(changes([], { tombstones: [gone], list_tombstones: [{ ...gone, id: "a" }] }));
    await store.lists.remove(list!);
    expect([names(), titles()]).toEqual([["List b"], ["Todo 3", "Todo 2"]]);
    api.changes.mockResolvedValueOnce(
      changes([made("1", { list_id: "a", version: 3 })], { lists: [madeList("a", { version: 3 })] }),
    );
    await store.lists.restore(list!);
    expect([names(), titles()]).toEqual([
      ["List a", "List b"],
      ["Todo 3", "Todo 2", "Todo 1"],
    ]);
  });

  test("of others stand last, and are forgotten with their todos when they are no longer shared", async () => {
    const theirs = madeList("0", { role: "viewer", shared_by: "Bob" });
    api.changes.mockResolvedValueOnce(
      changes([made("4", { list_id: "0" })], { lists: [theirs], last_event_id: "1-abc" }),
    );
    await store.sync();
    expect([names(), store.position]).toEqual([["List a", "List b", "List 0"], "1-abc"]);
    const gone = { id: "0", deleted_at: "2026-11-29T12:00:01Z" };
    api.changes.mockResolvedValueOnce(changes([], { list_tombstones: [gone] }));
    await store.sync();
    expect([names(), titles()]).toEqual([
      ["List a", "List b"],
      ["Todo 3", "Todo 2", "Todo 1"],
    ]);
  });

  test("a moved todo is at its new place at once", async () => {
    const moving = store.move(store.get().todos![0]!, "0V");
    expect(titles()).toEqual(["Todo 2", "Todo 1", "Todo 3"]);
    await moving;
    expect(titles()).toEqual(["Todo 2", "Todo 1", "Todo 3"]);
    expect(api.move).toHaveBeenCalledWith("3", "0V");
  });
});

describe("lists and the trash without a network", () => {
  const CONFLICT = new Failure("conflict", "Changed.");
  const MISSING = new Failure("missing", "This todo no longer exists.");
  const names = (of = store): string[] => of.get().lists.map((each) => each.name);
  const list = (name: string): TodoList => store.get().lists.find((each) => each.name === name)!;
  const inLists = (): Array<[string, string | null]> =>
    store.get().todos!.map(({ title, list_id }) => [title, list_id]);
  let sent: string[];

  beforeEach(async () => {
    shelf = new MemoryShelf();
    store = newStore();
    const all = [made("1", { list_id: "a" }), made("2")];
    api.changes.mockResolvedValue(changes(all, { lists: [madeList("a"), madeList("b")] }));
    await store.sync();
    await vi.waitFor(() => expect(shelf?.copied?.lists).toHaveLength(2));
    api.changes.mockResolvedValue(changes([]));
    isAway = true;
    sent = [];
    api.createList.mockImplementation(async (asked) => {
      sent.push(`make ${asked.name}`);
      return madeList("real", { name: asked.name, position: asked.position ?? "c" });
    });
    api.changeList.mockImplementation(async (id, change) => {
      sent.push(`change ${id}: ${Object.keys(change).join()}`);
      return { ...madeList(id, { version: 2 }), ...change } as TodoList;
    });
    api.removeList.mockImplementation(async (id) => void sent.push(`remove ${id}`));
    api.restoreList.mockImplementation(async (id) => (sent.push(`restore ${id}`), madeList(id, { version: 3 })));
    api.create.mockImplementation(async (todo, key) => {
      sent.push(`add ${todo.title} to ${todo.list_id}`);
      return made(key, { title: todo.title, list_id: todo.list_id ?? null });
    });
    api.relocate.mockImplementation(async (id, list_id) => {
      sent.push(`move ${id} to ${list_id}`);
      return made(id, { list_id, version: 2 });
    });
    api.remove.mockImplementation(async (id) => void sent.push(`delete ${id}`));
    api.restore.mockImplementation(async (id) => (sent.push(`bring back ${id}`), made(id, { version: 9 })));
  });

  async function back(): Promise<void> {
    isAway = false;
    store.resume();
    await vi.waitFor(() => {
      const { waiting, deferred, listEntries } = store.get();
      expect([...waiting, ...deferred, ...listEntries].filter((each) => !each.refusal)).toEqual([]);
    });
  }

  test("a list is made, filled, renamed and moved at once, and sent in order under the id that the API gives", async () => {
    await store.edit(made("2"), { priority: 3 });
    const journey = await store.lists.create({ name: "Journey", color: "blue" });
    store.add({ title: "Tickets", list_id: journey.id });
    await store.relocate("2", journey.id);
    await store.lists.change(list("Journey"), { name: "Long journey" });
    await store.lists.move(list("List b"), -1);
    expect(names().toSorted()).toEqual(["List a", "List b", "Long journey"]);
    expect(inLists()).toEqual([
      ["Todo 2", journey.id],
      ["Todo 1", "a"],
    ]);
    expect(sent).toEqual([]);
    await back();
    expect(sent.filter((each) => !each.startsWith("change b"))).toEqual([
      "make Journey",
      "add Tickets to real",
      "move 2 to real",
      "change real: name",
    ]);
    expect(api.changeList).toHaveBeenCalledWith("b", { position: expect.any(String) }, 1);
    expect(store.idOfList(journey.id)).toBe("real");
    expect(inLists().toSorted()).toEqual([
      ["Tickets", "real"],
      ["Todo 1", "a"],
      ["Todo 2", "real"],
    ]);
  });

  test("a list that one tab has sent is known to the others and after a reload by its first id", async () => {
    const journey = await store.lists.create({ name: "Journey" });
    await vi.waitFor(() => expect(shelf?.entries).toHaveLength(1));
    const other = newStore();
    await vi.waitFor(() => expect(names(other)).toContain("Journey"));
    await back();
    isAway = true;
    other.add({ title: "Tickets", list_id: journey.id }); // it does not know of the answer yet
    await vi.waitFor(() => expect(shelf?.entries).toHaveLength(2));
    isAway = false;
    other.resume();
    await vi.waitFor(() => expect(sent).toEqual(["make Journey", "add Tickets to real"]));
    const later = newStore();
    await vi.waitFor(() => expect(later.idOfList(journey.id)).toBe("real"));
    time += 25 * 3_600_000;
    later.add({ title: "Later" });
    await vi.waitFor(() => expect(shelf?.entries).toEqual([])); // a day is enough
  });

  test("a list whose answer was lost is sent again as it was", async () => {
    isAway = false;
    api.createList.mockRejectedValueOnce(UNREACHABLE);
    const journey = await store.lists.create({ name: "Journey", color: "blue" });
    await vi.waitFor(() => expect(store.idOfList(journey.id)).toBe("real"));
    expect(api.createList.mock.calls).toEqual([
      [{ name: "Journey", color: "blue" }, journey.id],
      [{ name: "Journey", color: "blue" }, journey.id],
    ]);
  });

  test("a new list that is deleted goes to the trash with its todos, and comes back by undoing", async () => {
    const journey = await store.lists.create({ name: "Journey" });
    store.add({ title: "Tickets", list_id: journey.id });
    await store.lists.remove(list("Journey"));
    expect(names()).toEqual(["List a", "List b"]);
    await store.lists.restore(journey);
    expect(names()).toContain("Journey");
    await store.lists.remove(list("Journey"));
    await back();
    expect(sent).toEqual(["make Journey", "add Tickets to real", "remove real"]);
    expect(names()).toEqual(["List a", "List b"]);
    await store.lists.restore(journey);
    expect(api.restoreList).toHaveBeenCalledWith("real");
  });

  test("a list that was changed elsewhere is a conflict if it is the same member, which the person decides", async () => {
    await store.lists.change(list("List a"), { name: "Mine" });
    await store.lists.change(list("List b"), { color: "red" });
    const theirs = [madeList("a", { name: "Theirs", version: 2 }), madeList("b", { name: "Theirs, too", version: 2 })];
    api.changes.mockResolvedValueOnce(changes([], { lists: theirs }));
    api.changeList.mockRejectedValueOnce(CONFLICT);
    await back();
    expect(sent).toEqual(["change b: color"]);
    expect(store.get().listEntries).toMatchObject([{ listChange: { name: "Mine" }, refusal: CONFLICT }]);
    expect(names()[0]).toBe("Theirs");
    store.insistOnList(store.get().listEntries[0]!);
    await vi.waitFor(() => expect(store.get().listEntries).toEqual([]));
    expect(api.changeList).toHaveBeenLastCalledWith("a", { name: "Mine" }, 2);
  });

  test("a list that is refused keeps its todos until the person puts them into the inbox", async () => {
    const journey = await store.lists.create({ name: "Journey" });
    store.add({ title: "Tickets", list_id: journey.id });
    store.add({ title: "Milk" });
    api.createList.mockRejectedValueOnce(REFUSED);
    isAway = false;
    store.resume();
    await vi.waitFor(() => expect(sent).toEqual(["add Milk to undefined"]));
    expect(names()).toContain("Journey");
    expect(waiting()).toEqual(["Tickets"]);
    const [refused] = store.get().listEntries;
    expect(refused).toMatchObject({ list: { name: "Journey" }, refusal: REFUSED });
    store.giveUp(refused as Parameters<typeof store.giveUp>[0]);
    await vi.waitFor(() => expect(sent).toEqual(["add Milk to undefined", "add Tickets to null"]));
    expect(names()).toEqual(["List a", "List b"]);
  });

  test("what was done in a list that is no longer shared is refused, and nothing of it is lost", async () => {
    isAway = false;
    const theirs = madeList("0", { role: "editor", shared_by: "Bob" });
    api.changes.mockResolvedValueOnce(changes([made("5", { list_id: "0" })], { lists: [theirs] }));
    await store.sync();
    isAway = true;
    await store.edit(
      store.get().todos!.find(({ id }) => id === "5")!,
      { title: "Mine", notes: "Much text" },
    );
    store.add({ title: "Typed", list_id: "0" });
    const gone = { id: "0", deleted_at: "2026-11-29T12:00:01Z" };
    api.changes.mockResolvedValue(changes([], { list_tombstones: [gone] }));
    api.change.mockRejectedValue(MISSING);
    api.create.mockRejectedValue(REFUSED);
    await back();
    await vi.waitFor(() => expect(names()).toEqual(["List a", "List b"]));
    expect(store.lists.findGone("0")).toMatchObject({ name: "List 0", role: "editor" });
    expect(store.get().deferred).toMatchObject([{ change: { title: "Mine", notes: "Much text" }, refusal: MISSING }]);
    expect(store.get().waiting).toMatchObject([{ todo: { title: "Typed" }, refusal: REFUSED }]);
    expect(store.get().trash.todos).toEqual([]); // it was never the person's own
    api.create.mockImplementation(async ({ title, list_id }, key) => made(key, { title, list_id: list_id ?? null }));
    store.addToInbox(store.get().waiting[0]!);
    await vi.waitFor(() => expect(inLists()).toContainEqual(["Typed", null]));
  });

  test("what is in the trash is brought back at once, from what this device has seen of it, also after a reload", async () => {
    isAway = false;
    const at = "2026-11-29T12:00:00Z";
    api.deleted.mockResolvedValue({
      items: [made("7", { deleted_at: at }), made("8", { list_id: "c", deleted_at: at })],
      next_cursor: null,
    });
    api.deletedLists.mockResolvedValue([madeList("c", { deleted_at: at })]);
    await store.readTrash(null);
    await store.remove(made("2"));
    isAway = true;
    await store.remove(made("1"));
    const ids = (of: TodoStore): string[] => of.get().trash.todos.map(({ id }) => id);
    expect(ids(store)).toEqual(["1", "7", "8", "2"]);
    await vi.waitFor(() => expect(shelf?.copied?.trash?.todos).toHaveLength(3));
    store = newStore();
    await vi.waitFor(() => expect(ids(store)).toEqual(["1", "7", "8", "2"]));
    for (const todo of store.get().trash.todos.filter(({ id }) => id !== "8")) await store.restore(todo);
    await store.lists.restore(store.get().trash.lists[0]!);
    expect(inLists().toSorted()).toEqual([
      ["Todo 1", "a"],
      ["Todo 2", null],
      ["Todo 7", null],
      ["Todo 8", "c"],
    ]);
    expect(store.get().trash).toEqual({ todos: [], lists: [] });
    sent = [];
    await store.edit(
      store.get().todos!.find(({ id }) => id === "7")!,
      { title: "Back" },
    );
    await back();
    expect(sent).toEqual(["bring back 7", "bring back 2", "restore c"]);
    expect(api.change).toHaveBeenCalledWith(expect.objectContaining({ id: "7", version: 9 }), { title: "Back" });
  });
});
