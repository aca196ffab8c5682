// Due dates: what the API stores (a date, or a time in a zone, RFC 9557) in the words and the zone of the person.

import { locale, said, type Text } from "./language.ts";

export interface DayAndTime {
  date: string; // 2027-01-31
  time: string; // 09:00; empty: any time of that day
}

const DAY = 86_400_000; // milliseconds

/** The person's own day of an instant, as 2027-01-31. */
export function dayOf(at: number | Date): string {
  const local = new Date(at);
  const two = (number: number): string => String(number).padStart(2, "0");
  return `${String(local.getFullYear()).padStart(4, "0")}-${two(local.getMonth() + 1)}-${two(local.getDate())}`;
}

/** The day after so many days: counted in dates, because a day may have 23 or 25 hours. */
export function addDays(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * DAY).toISOString().slice(0, 10);
}

/** The day of the next Monday, never today. */
export function nextMonday(date: string): string {
  return addDays(date, 7 - ((new Date(`${date}T00:00:00Z`).getUTCDay() + 6) % 7));
}

/** A due date in the person's own zone. */
export function parseDue(due: string): DayAndTime {
  const at = instantOf(due);
  if (at === null) return { date: due, time: "" };
  const local = new Date(at);
  return { date: dayOf(local), time: local.toTimeString().slice(0, 5) };
}

/** The due date to send: the offset of a time follows from the zone. */
export function renderDue({ date, time }: DayAndTime, zone: string): string | null {
  if (date === "") return null;
  return time === "" ? date : `${date}T${time}:00[${zone}]`;
}

/** A date is late when its day is over, a time when it has passed. */
export function isLate(due: string, now: number): boolean {
  const at = instantOf(due);
  return at === null ? due < dayOf(now) : at < now;
}

/** For sorting: a date comes before the times of its day. */
export function sortKey(due: string): string {
  const { date, time } = parseDue(due);
  return `${date} ${time}`;
}

/** In few words: "Today", "Tomorrow 09:00", "Friday", "31 January 2027". */
export function describeDue(due: string, now: number, language = locale()): string {
  const { date, time } = parseDue(due);
  const today = dayOf(now);
  const days = (Date.parse(`${date}T00:00:00Z`) - Date.parse(`${today}T00:00:00Z`)) / DAY;
  return [describeDay(date, days, today, language), time].filter(Boolean).join(" ");
}

const NEAR: Record<string, Text> = { "-1": "Yesterday", "0": "Today", "1": "Tomorrow" };

function describeDay(date: string, days: number, today: string, language: string): string {
  const near = NEAR[String(days)];
  if (near !== undefined) return said(near);
  const options: Intl.DateTimeFormatOptions =
    days > 1 && days < 7
      ? { weekday: "long" }
      : { day: "numeric", month: "short", ...(date.slice(0, 4) === today.slice(0, 4) ? {} : { year: "numeric" }) };
  return formatter(language, options).format(new Date(`${date}T00:00:00Z`));
}

/** The instant of a due date with a time; null for a date. A zone without an offset cannot occur in an answer. */
function instantOf(due: string): number | null {
  return due.includes("T") ? Date.parse(due.replace(/\[.*$/, "")) : null;
}

const formatters = new Map<string, Intl.DateTimeFormat>(); // making one takes longer than a row of a list may

function formatter(language: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${language} ${Object.keys(options).join()}`;
  const known = formatters.get(key);
  if (known) return known;
  const made = new Intl.DateTimeFormat(language, { ...options, timeZone: "UTC" });
  formatters.set(key, made);
  return made;
}
