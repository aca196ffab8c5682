import { describe, expect, test, vi } from "vitest";
import type { TodoApi, TodoChange } from "../src/lib/api.ts";
import { Failure } from "../src/lib/failure.ts";
import { api, changes, made, madeList, setAway, setKept, store, UNREACHABLE } from "./stored.ts";

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
  setAway(true);
  await (isRemoval ? store.remove(made("1")) : store.edit(made("1"), change));
  setAway(false);
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
      setKept(undefined); // as drafts.ts does
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
