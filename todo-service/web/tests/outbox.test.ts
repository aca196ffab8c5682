import { beforeEach, describe, expect, test, vi } from "vitest";
import type { Todo } from "../src/lib/api.ts";
import { Failure } from "../src/lib/failure.ts";
import type { Entry } from "../src/todos/entries.ts";
import {
  api,
  kept,
  shelf,
  store,
  tellOthers,
  UNREACHABLE,
  REFUSED,
  made,
  changes,
  newStore,
  setAway,
  pass,
  newShelf,
  setKept,
  reload,
  titles,
  unlock,
  waiting,
} from "./stored.ts";

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
    reload();
    expect(waiting()).toEqual(["One"]);
    setKept(undefined); // as drafts.ts does when another person signs in
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
  /** The next creation gets its answer when the function is called. */
  function answersLate(): () => void {
    let answer = (): void => undefined;
    api.create.mockImplementationOnce(async ({ title }, key) => {
      await new Promise<void>((resolve) => (answer = resolve));
      return made(key, { title });
    });
    return () => answer();
  }

  test("were not sent, are under way, or are there: all disappear at once, and none of them stays", async () => {
    await store.sync();
    const there = store.add({ title: "There" });
    await vi.waitFor(() => expect(titles()).toEqual(["There"]));
    const answer = answersLate();
    const added = [there, ...["Under way", "Not sent"].map((title) => store.add({ title }))];
    await vi.waitFor(() => expect(api.create).toHaveBeenCalledTimes(2));
    expect(waiting()).toEqual(["Under way", "Not sent"]);
    const shown: unknown[] = [];
    store.takeBack(added);
    store.subscribe(() => shown.push(...waiting(), ...titles()!));
    expect([waiting(), titles()]).toEqual([[], []]);
    expect(api.remove).not.toHaveBeenCalled();
    const removed: Array<() => void> = [];
    api.remove.mockImplementation(() => new Promise((resolve) => removed.push(resolve)));
    answer();
    await vi.waitFor(() => expect(removed).toHaveLength(1));
    api.changes.mockResolvedValueOnce(changes([made("key-2")])); // an event tells that it is there
    await store.sync();
    removed.pop()?.();
    await vi.waitFor(() => expect(removed).toHaveLength(1));
    removed.pop()?.();
    await vi.waitFor(() => expect(api.remove.mock.calls.flat().sort()).toEqual(["key-1", "key-2"]));
    await vi.waitFor(() => expect(kept).toBeUndefined());
    expect(api.create).toHaveBeenCalledTimes(2);
    expect([waiting(), titles(), shown]).toEqual([[], [], []]);
  });

  test("disappear only once if they are taken back twice", async () => {
    api.create.mockImplementation(async ({ title }, key) => made(key, { title }));
    setAway(true);
    const added = [store.add({ title: "Not sent" })];
    store.takeBack(added);
    store.takeBack(added);
    setAway(false);
    store.resume();
    await store.sync();
    expect(api.create).not.toHaveBeenCalled();
    expect(kept).toBeUndefined();
  });

  test("are deleted when they are there, even if the page is loaded anew before", async () => {
    newShelf();
    reload();
    await store.sync();
    answersLate();
    const added = [store.add({ title: "Under way" })];
    await vi.waitFor(() => expect(shelf?.entries).toMatchObject([{ triedAt: 1_000_000_000 }]));
    store.takeBack(added);
    await vi.waitFor(() => expect(shelf?.entries).toMatchObject([{ isTakenBack: true }]));
    unlock(); // as the browser does when a page is closed
    reload();
    store.resume();
    await vi.waitFor(() => expect(api.remove.mock.calls).toEqual([["key-1"]]));
    await vi.waitFor(() => expect(shelf?.entries).toEqual([]));
    expect([waiting(), titles()]).toEqual([[], []]);
  });

  test("are deleted when the network is back if one may have arrived, and only then", async () => {
    api.create.mockRejectedValue(UNREACHABLE);
    const added = ["Lost", "Not sent"].map((title) => store.add({ title }));
    await vi.waitFor(() => expect(api.create).toHaveBeenCalledOnce());
    store.takeBack(added);
    expect(waiting()).toEqual([]);
    await store.sync();
    api.create.mockImplementation(async ({ title }, key) => made(key, { title }));
    await vi.waitFor(() => (store.resume(), expect(api.remove.mock.calls).toEqual([["key-1"]])));
    expect(api.create.mock.calls.every(([{ title }]) => title === "Lost")).toBe(true);
    expect([waiting(), titles()]).toEqual([[], []]);
  });

  test("are forgotten if they are refused", async () => {
    await store.sync();
    let refuse = (): void => undefined;
    api.create.mockImplementation(() => new Promise((_, reject) => (refuse = () => reject(REFUSED))));
    const added = [store.add({ title: "with a \u0007" })];
    await vi.waitFor(() => expect(api.create).toHaveBeenCalledOnce());
    store.takeBack(added);
    refuse();
    await vi.waitFor(() => expect(kept).toBeUndefined());
    expect([waiting(), titles()]).toEqual([[], []]);
  });

  test("are deleted by the tab that sends them, whichever tab has taken them back", async () => {
    newShelf();
    reload();
    await store.sync();
    const answer = answersLate();
    store.add({ title: "Under way" });
    await vi.waitFor(() => expect(shelf?.entries).toMatchObject([{ triedAt: 1_000_000_000 }]));
    const other = newStore();
    await vi.waitFor(() => expect(other.get().waiting).toHaveLength(1));
    other.takeBack(other.get().waiting);
    await vi.waitFor(() => expect(shelf?.entries).toMatchObject([{ isTakenBack: true }]));
    answer();
    await vi.waitFor(() => expect(api.remove.mock.calls).toEqual([["key-1"]]));
    await vi.waitFor(() => expect(shelf?.entries).toEqual([]));
    expect(api.create).toHaveBeenCalledOnce();
    expect(titles()).toEqual([]);
  });

  test("are found if another tab has sent them", async () => {
    newShelf();
    setAway(true);
    reload();
    const added = [store.add({ title: "Typed" })];
    const other = newStore();
    await vi.waitFor(() => expect(other.get().waiting).toHaveLength(1));
    shelf!.entries = []; // as after the other tab has sent it
    setAway(false);
    await vi.waitFor(() => (store.resume(), expect(waiting()).toEqual([])));
    store.takeBack(added);
    await vi.waitFor(() => expect(api.remove.mock.calls).toEqual([["key-1"]]));
  });
});

test("what could not be kept is kept when the device can", async () => {
  await store.sync();
  setAway(true);
  store.add({ title: "Typed" });
  expect(kept).toContain("Typed"); // in this tab only
  newShelf();
  store.keepAgain();
  await vi.waitFor(() => expect(shelf?.entries).toMatchObject([{ todo: { title: "Typed" } }]));
  await vi.waitFor(() => expect(shelf?.copied?.since).toBe("t1"));
  expect(kept).toBeUndefined();
});

test("a todo that is sent again, and was deleted since, does not come back", async () => {
  newShelf();
  shelf!.entries = [{ key: "1", todo: { title: "Sent" }, triedAt: 1_000_000_000 }];
  api.read.mockRejectedValue(new Failure("missing", "This todo no longer exists."));
  reload();
  await store.sync();
  store.resume();
  await vi.waitFor(() => expect(api.create).toHaveBeenCalledOnce());
  await vi.waitFor(() => expect(shelf?.entries).toEqual([]));
  expect(titles()).toEqual([]);
});

describe("without a network", () => {
  const CONFLICT = new Failure("conflict", "This todo has been changed somewhere else in the meantime.");

  beforeEach(async () => {
    newShelf();
    reload();
    api.changes.mockResolvedValue(changes([made("1"), made("2")]));
    await store.sync();
    await vi.waitFor(() => expect(shelf?.copied?.todos).toHaveLength(2));
    setAway(true);
    for (const call of [api.changes, api.create, api.complete, api.change]) call.mockRejectedValue(UNREACHABLE);
  });

  function isBack(): void {
    setAway(false);
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
    setAway(true);
    await other.edit(other.get().todos!.at(-1)!, { due: "2026-12-01" });
    await vi.waitFor(() => expect(shelf?.entries).toMatchObject([{ change: { title: "Mine", due: "2026-12-01" } }]));
    setAway(false);
    api.change.mockRejectedValueOnce(CONFLICT); // the title is no longer as it was seen: the first request has changed it
    api.read.mockResolvedValueOnce(made("1", { title: "Mine", version: 2 }));
    answer();
    await vi.waitFor(() => expect(shelf?.entries).toEqual([]));
    expect(api.change).toHaveBeenLastCalledWith(expect.objectContaining({ version: 2 }), { due: "2026-12-01" });
    expect(store.get().todos?.at(-1)).toMatchObject({ title: "Mine", due: "2026-12-01" });
  });

  test("what another build has kept in another form does no harm", async () => {
    setKept(JSON.stringify([{ key: "1" }, { key: "2", todo: { title: "Typed" } }]));
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
    setAway(false); // the request leaves, and its answer is lost
    store.add({ title: "Typed" });
    await vi.waitFor(() => expect(api.create).toHaveBeenCalledOnce());
    pass(24 * 3_600_000);
    isBack();
    api.create.mockClear();
    store.resume();
    await vi.waitFor(() => expect(store.get().waiting[0]?.refusal?.message).toContain("Look whether it is there"));
    expect(api.create).not.toHaveBeenCalled();
  });
});
