import { beforeEach, describe, expect, test, vi } from "vitest";
import type { TodoList } from "../src/lib/api.ts";
import { Failure } from "../src/lib/failure.ts";
import type { TodoStore } from "../src/todos/store.ts";
import {
  api,
  shelf,
  store,
  UNREACHABLE,
  REFUSED,
  made,
  madeList,
  changes,
  newStore,
  setAway,
  pass,
  newShelf,
  reload,
  waiting,
} from "./stored.ts";

describe("lists and the trash without a network", () => {
  const CONFLICT = new Failure("conflict", "Changed.");
  const MISSING = new Failure("missing", "This todo no longer exists.");
  const names = (of = store): string[] => of.get().lists.map((each) => each.name);
  const list = (name: string): TodoList => store.get().lists.find((each) => each.name === name)!;
  const inLists = (): Array<[string, string | null]> =>
    store.get().todos!.map(({ title, list_id }) => [title, list_id]);
  let sent: string[];

  beforeEach(async () => {
    newShelf();
    reload();
    const all = [made("1", { list_id: "a" }), made("2")];
    api.changes.mockResolvedValue(changes(all, { lists: [madeList("a"), madeList("b")] }));
    await store.sync();
    await vi.waitFor(() => expect(shelf?.copied?.lists).toHaveLength(2));
    api.changes.mockResolvedValue(changes([]));
    setAway(true);
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
    setAway(false);
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
    setAway(true);
    other.add({ title: "Tickets", list_id: journey.id }); // it does not know of the answer yet
    await vi.waitFor(() => expect(shelf?.entries).toHaveLength(2));
    setAway(false);
    other.resume();
    await vi.waitFor(() => expect(sent).toEqual(["make Journey", "add Tickets to real"]));
    const later = newStore();
    await vi.waitFor(() => expect(later.idOfList(journey.id)).toBe("real"));
    pass(25 * 3_600_000);
    later.add({ title: "Later" });
    await vi.waitFor(() => expect(shelf?.entries).toEqual([])); // a day is enough
  });

  test("a list whose answer was lost is sent again as it was", async () => {
    setAway(false);
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
    setAway(false);
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
    setAway(false);
    const theirs = madeList("0", { role: "editor", shared_by: "Bob" });
    api.changes.mockResolvedValueOnce(changes([made("5", { list_id: "0" })], { lists: [theirs] }));
    await store.sync();
    setAway(true);
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
    setAway(false);
    const at = "2026-11-29T12:00:00Z";
    api.deleted.mockResolvedValue({
      items: [made("7", { deleted_at: at }), made("8", { list_id: "c", deleted_at: at })],
      next_cursor: null,
    });
    api.deletedLists.mockResolvedValue([madeList("c", { deleted_at: at })]);
    await store.readTrash(null);
    await store.remove(made("2"));
    setAway(true);
    await store.remove(made("1"));
    const ids = (of: TodoStore): string[] => of.get().trash.todos.map(({ id }) => id);
    expect(ids(store)).toEqual(["1", "7", "8", "2"]);
    await vi.waitFor(() => expect(shelf?.copied?.trash?.todos).toHaveLength(3));
    reload();
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
