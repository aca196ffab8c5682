import { describe, expect, test, vi } from "vitest";
import { loadDates } from "../src/lib/typed-dates.ts";

vi.stubEnv("TZ", "America/New_York");
const NOW = new Date(2026, 10, 29, 22, 30).getTime(); // a Sunday evening; in UTC it is Monday already
const ZONE = "America/New_York";
const find = await loadDates("en");
const finde = await loadDates("de");

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

describe("a date that is typed in German", () => {
  test.each([
    ["Mutter anrufen morgen 9 Uhr", "Mutter anrufen", "2026-11-30T09:00:00[America/New_York]"],
    ["Morgen um 14:30 Zahnarzt", "Zahnarzt", "2026-11-30T14:30:00[America/New_York]"],
    ["Miete zahlen bis nächsten Freitag", "Miete zahlen", "2026-12-04"],
    ["übermorgen Müll rausbringen", "Müll rausbringen", "2026-12-01"],
    ["in 3 Tagen Blumen gießen", "Blumen gießen", "2026-12-02"],
    ["Geschenke kaufen am 24. Dezember", "Geschenke kaufen", "2026-12-24"],
    ["Geschenke kaufen bis zum 24.12.2026", "Geschenke kaufen", "2026-12-24"],
    ["Geschenke am 24.12. kaufen", "Geschenke kaufen", "2026-12-24"],
    ["Bericht 3.1. 10 Uhr", "Bericht", "2027-01-03T10:00:00[America/New_York]"],
    ["Heute Abend Film", "Film", "2026-11-29"],
  ])("%s", (text, title, due) => expect(finde(text, NOW, ZONE)).toMatchObject({ title, due }));

  test.each([
    "Guten Morgen sagen",
    "Kapitel 7 lesen",
    "5 km laufen",
    "Version 1.2 ausliefern",
    "Version 1.45. ausliefern",
    "10.0.0.1. prüfen",
    "So ist es",
    "im März",
    "Freitag",
  ])("is not in: %s", (text) => expect(finde(text, NOW, ZONE)).toBeNull());
});
