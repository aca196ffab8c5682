import { beforeEach, describe, expect, test } from "vitest";
import type { Changes } from "../src/lib/api.ts";
import { Failure } from "../src/lib/failure.ts";
import { api, store, tellOthers, UNREACHABLE, REFUSED, made, madeList, changes, titles } from "./stored.ts";

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

  test("that were read before a deletion here, and come after it, do not bring the todo back", async () => {
    api.changes.mockResolvedValueOnce(changes([made("1"), made("2")]));
    await store.sync();
    let answer = (): void => undefined;
    api.changes.mockImplementationOnce(async () => {
      await new Promise<void>((resolve) => (answer = resolve));
      return changes([made("1"), made("2")]);
    });
    const read = store.sync();
    await store.remove(made("1"));
    answer();
    await read;
    expect(titles()).toEqual(["Todo 2"]);
    await store.restore(made("1"));
    expect(titles()).toEqual(["Todo 2", "Todo 1"]);
  });

  test("that are all read anew bring back neither a todo that was deleted here meanwhile nor an older title", async () => {
    api.changes.mockResolvedValueOnce(changes([made("1"), made("2")]));
    await store.sync();
    let answer = (): void => undefined;
    api.changes.mockRejectedValueOnce(new Failure("invalid", "Begin again."));
    api.changes.mockImplementationOnce(async () => {
      await new Promise<void>((resolve) => (answer = resolve));
      return changes([made("1"), made("2"), made("3")]);
    });
    const read = store.sync();
    await store.remove(made("1"));
    await store.rename(made("2"), "Mine");
    answer();
    await read;
    expect(titles()).toEqual(["Todo 3", "Mine"]);
    expect([...store.get().gone.keys()]).toEqual([]);
    await store.restore(made("1"));
    expect(titles()).toEqual(["Todo 3", "Mine", "Todo 1"]);
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
