// Dates in a todo that is being typed: "Call mother tomorrow 9am", "Mutter anrufen morgen 9 Uhr". The library that finds
// them, chrono-node, is loaded for one language when the person begins to type, so that it delays no page.

import type { Chrono, ParsedResult, Parser } from "chrono-node";
import { dayOf, type DayAndTime, renderDue } from "./due.ts";
import { language } from "./language.ts";

export interface TypedDate {
  /** The text without the date. */
  title: string;
  /** As it was typed: "tomorrow 9am". */
  words: string;
  due: string;
}

export type FindDate = (text: string, now: number, zone: string) => TypedDate | null;

interface Rules {
  load: () => Promise<Chrono>;
  /** Words that lead to a date, and go with it. */
  leading: RegExp;
  /** What the library takes for a date, although people mean something else. */
  isNone: (words: string, before: string) => boolean;
}

/** "24.12.": the library knows it with a year only. */
const DAY_AND_MONTH: Parser = {
  pattern: () => /(?<![\d.])(\d{1,2})\.(\d{1,2})\.(?!\d)/,
  extract: (_, [, day, month]) => ({ day: Number(day), month: Number(month) }),
};

const RULES: Record<string, Rules> & { en: Rules } = {
  en: {
    load: async () => (await import("chrono-node/en")).casual,
    leading: /(?:^|\s)(?:due|by|on|at)\s*$/i,
    isNone: (words) => /^\d+[./]\d+/.test(words), // a date in two ways: "12/5"
  },
  de: {
    load: async () => {
      const casual = (await import("chrono-node/de")).casual.clone();
      casual.parsers.unshift(DAY_AND_MONTH);
      return casual;
    },
    leading: /(?:^|\s)(?:fällig|bis|bis zum|zum|am|um|ab)\s*$/i,
    // "12/5" is no German date; "Morgen" inside a sentence is the morning.
    isNone: (words, before) => /^\d+[./]\d+$/.test(words) || (before !== "" && words.startsWith("Morgen")),
  },
};

const LONGEST = 300; // characters in which a date is looked for

export async function loadDates(spoken = language()): Promise<FindDate> {
  const rules = RULES[spoken] ?? RULES.en;
  const casual = await rules.load();
  return (text, now, zone) => {
    if (text.length > LONGEST) return null;
    const parsed = casual.parse(text, { instant: new Date(now) }, { forwardDate: true });
    const last = parsed.filter((each) => isMeant(each) && !rules.isNone(each.text, text.slice(0, each.index))).at(-1);
    if (last === undefined) return null;
    const title = without(text, last, rules.leading);
    const due = renderDue(dateOf(last), zone);
    return title === "" || due === null ? null : { title, words: last.text, due };
  };
}

/** A month alone ("march") and a short word ("sun") are none. */
function isMeant({ text, start }: ParsedResult): boolean {
  const isDay = start.isCertain("day") || start.isCertain("weekday") || start.isCertain("hour");
  return isDay && (/\d/.test(text) || /\p{L}{5}/u.test(text));
}

function dateOf({ start }: ParsedResult): DayAndTime {
  const at = start.date();
  return { date: dayOf(at), time: start.isCertain("hour") ? at.toTimeString().slice(0, 5) : "" };
}

/** The text without the date, and without the word that led to it. */
function without(text: string, { index, text: words }: ParsedResult, leading: RegExp): string {
  const before = text.slice(0, index).replace(leading, " ");
  return `${before.trimEnd()} ${text.slice(index + words.length).trimStart()}`.trim();
}
