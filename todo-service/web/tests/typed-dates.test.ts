import { describe, expect, test, vi } from "vitest";
import { loadDates } from "../src/lib/typed-dates.ts";

vi.stubEnv("TZ", "America/New_York");
const NOW = new Date(2026, 10, 29, 22, 30).getTime(); // a Sunday evening; in UTC it is Monday already
const ZONE = "America/New_York";
const find = await loadDates();

describe("a date that is typed with a todo", () => {
  test.each([
    ["Call mother tomorrow 9am", "Call mother", "2026-11-30T09:00:00[America/New_York]"],
    ["Pay the rent by next friday", "Pay the rent", "2026-12-04"],
    ["in 3 days water the plants", "water the plants", "2026-12-02"],
    ["Report due 2026-12-24", "Report", "2026-12-24"],
    ["Meet Bob on 3 december at 14:30 with papers", "Meet Bob with papers", "2026-12-03T14:30:00[America/New_York]"],
    ["Film tonight", "Film", "2026-11-29"],
  ])("%s", (text, title, due) => expect(find(text, NOW, ZONE)).toMatchObject({ title, due }));

  test.each([
    "Buy sun cream",
    "the long march",
    "Read chapter 7",
    "Order 12/5",
    "Version 1.2.2027",
    "Friday",
    "",
    "5 km",
    "The 5th Wave",
    "The 9/11 Report",
    "x ".repeat(200) + "tomorrow",
  ])("is not in: %s", (text) => expect(find(text, NOW, ZONE)).toBeNull());
});
