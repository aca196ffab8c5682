import { describe, expect, test, vi } from "vitest";
import type { Todo } from "../src/lib/api.ts";
import { addDays, describeDue, isLate, nextMonday, parseDue, renderDue } from "../src/lib/due.ts";
import { addressOf, count, newIn, select, type View, viewAt } from "../src/todos/views.ts";

vi.stubEnv("TZ", "America/New_York"); // so that a day here is not the day in UTC
const NOW = new Date(2026, 10, 29, 22, 30).getTime(); // a Sunday evening; in UTC it is Monday already

describe("a due date", () => {
  test.each([
    ["2026-11-29", "Today", false],
    ["2026-11-30", "Tomorrow", false],
    ["2026-11-28", "Yesterday", true],
    ["2026-12-04", "Friday", false],
    ["2026-12-06", "Dec 6", false],
    ["2027-01-31", "Jan 31, 2027", false],
    ["2026-11-29T22:29:00-05:00[America/New_York]", "Today 22:29", true],
    ["2026-11-30T04:00:00Z", "Today 23:00", false],
    ["2026-11-30T15:00:00+01:00[Europe/Berlin]", "Tomorrow 09:00", false],
  ])("%s is %s", (due, words, late) => {
    expect(describeDue(due, NOW, "en-US")).toBe(words);
    expect(isLate(due, NOW)).toBe(late);
  });

  test.each([
    [{ date: "2027-01-31", time: "" }, "2027-01-31"],
    [{ date: "2027-01-31", time: "09:00" }, "2027-01-31T09:00:00[America/New_York]"],
    [{ date: "", time: "09:00" }, null],
  ])("%j is sent as %s", (typed, due) => expect(renderDue(typed, "America/New_York")).toBe(due));

  test("is shown in the person's own zone", () =>
    expect(parseDue("2027-02-01T02:30:00+01:00[Europe/Berlin]")).toEqual({ date: "2027-01-31", time: "20:30" }));

  test.each([
    ["2026-02-28", "2026-03-01", "2026-03-02"],
    ["2026-11-30", "2026-12-01", "2026-12-07"],
  ])("after %s come %s and Monday %s", (day, next, monday) => {
    expect([addDays(day, 1), nextMonday(day)]).toEqual([next, monday]);
  });
});

function todo(title: string, more: Partial<Todo> = {}): Todo {
  return {
    id: title,
    title,
    notes: "",
    status: "open",
    due: null,
    priority: 0,
    completed_at: null,
    list_id: null,
    ...more,
  } as Todo;
}

const TODOS = [
  todo("Plain", { list_id: "a" }),
  todo("Late", { due: "2026-11-01" }),
  todo("Tonight", { due: "2026-11-29T23:00:00-05:00" }),
  todo("Any time today", { due: "2026-11-29", notes: "with Straße" }),
  todo("Tomorrow", { due: "2026-11-30" }),
  todo("Next year", { due: "2027-01-31", list_id: "a" }),
  todo("Done today", { status: "done", completed_at: "2026-11-30T02:00:00Z", due: "2026-11-30" }),
  todo("Done before", { status: "done", completed_at: "2026-11-28T02:00:00Z" }),
];

function titles(view: View, words = "", touched: string[] = []): [string[], string[]] {
  const { open, done } = select(TODOS, { view, words, now: NOW, touched: new Set(touched) });
  return [open.map((each) => each.title), done.map((each) => each.title)];
}

describe("a view", () => {
  test("all keeps the order, and puts the last completed first", () =>
    expect(titles("all")).toEqual([
      ["Plain", "Late", "Tonight", "Any time today", "Tomorrow", "Next year"],
      ["Done today", "Done before"],
    ]));

  test("today has what is late, then the day's, and what was done today", () =>
    expect(titles("today")).toEqual([["Late", "Any time today", "Tonight"], ["Done today"]]));

  test("upcoming begins tomorrow", () => expect(titles("upcoming")).toEqual([["Tomorrow", "Next year"], []]));

  test("keeps what was just changed in its place", () =>
    expect(titles("upcoming", "", ["Done today"])[0]).toEqual(["Tomorrow", "Done today", "Next year"]));

  test("is left by a search, which looks at titles and notes in any case", () => {
    expect(titles("upcoming", " TODAY ")).toEqual([["Any time today"], ["Done today"]]);
    expect(titles("all", "strasse")[0]).toEqual([]);
    expect(titles("all", "straße")[0]).toEqual(["Any time today"]);
  });

  test("counts", () =>
    expect(count(TODOS, NOW)).toEqual({
      open: 6,
      doneToday: 1,
      today: 3,
      upcoming: 2,
      inList: new Map([
        [null, 4],
        ["a", 2],
      ]),
    }));

  test("of a list or the inbox shows what is in it, and new todos are put there", () => {
    expect(titles("list a")).toEqual([["Plain", "Next year"], []]);
    expect(titles("inbox")[0]).toEqual(["Late", "Tonight", "Any time today", "Tomorrow"]);
    expect(newIn("list a", "New", NOW)).toEqual({ title: "New", list_id: "a" });
    expect(newIn("inbox", "New", NOW)).toEqual({ title: "New" });
  });

  test.each<[string, View]>([
    ["/", "all"],
    ["/?show=today", "today"],
    ["/?show=inbox", "inbox"],
    ["/?list=a%2Fb", "list a/b"],
    ["/?show=nonsense", "all"],
  ])("%s is an address of %s", (address, view) => {
    expect(viewAt(new URL(address, "http://localhost"))).toBe(view);
    if (!address.includes("nonsense")) expect(addressOf(view)).toBe(address);
  });

  test.each<[View, string | undefined]>([
    ["all", undefined],
    ["today", "2026-11-29"],
    ["upcoming", "2026-11-30"],
  ])("%s shows what is added in it", (view, due) => expect(newIn(view, "New", NOW).due).toBe(due));
});
