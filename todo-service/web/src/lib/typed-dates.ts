// Dates in a todo that is being typed: "Call mother tomorrow 9am". The library that finds them, chrono-node, is loaded when
// the person begins to type, so that it delays no page.

import type { ParsedResult } from "chrono-node";
import { dayOf, type DayAndTime, renderDue } from "./due.ts";

export interface TypedDate {
  /** The text without the date. */
  title: string;
  /** As it was typed: "tomorrow 9am". */
  words: string;
  due: string;
}

export type FindDate = (text: string, now: number, zone: string) => TypedDate | null;

const LONGEST = 300; // characters in which a date is looked for

export async function loadDates(): Promise<FindDate> {
  const { casual } = await import("chrono-node/en");
  return (text, now, zone) => {
    if (text.length > LONGEST) return null;
    const found = casual.parse(text, { instant: new Date(now) }, { forwardDate: true }).filter(isMeant);
    const last = found.at(-1);
    if (last === undefined) return null;
    const title = without(text, last);
    const due = renderDue(dateOf(last), zone);
    return title === "" || due === null ? null : { title, words: last.text, due };
  };
}

/** A month alone ("march"), a short word ("sun") and numbers that are a date in two ways ("12/5") are none. */
function isMeant({ text, start }: ParsedResult): boolean {
  const isDay = start.isCertain("day") || start.isCertain("weekday") || start.isCertain("hour");
  return isDay && (/\d/.test(text) || /\p{L}{5}/u.test(text)) && !/^\d+[./]\d+/.test(text);
}

function dateOf({ start }: ParsedResult): DayAndTime {
  const at = start.date();
  return { date: dayOf(at), time: start.isCertain("hour") ? at.toTimeString().slice(0, 5) : "" };
}

/** The text without the date, and without the word that led to it: "by", "due", "on". */
function without(text: string, { index, text: words }: ParsedResult): string {
  const before = text.slice(0, index).replace(/(?:^|\s)(?:due|by|on|at)\s*$/i, " ");
  return `${before.trimEnd()} ${text.slice(index + words.length).trimStart()}`.trim();
}
