// The language of the page. English stands where it is shown, and is the key of the other languages' words (words/). The
// type `Text` is the set of these keys, so a text that has no German does not compile.

import { createElement, Fragment, type ReactNode } from "react";
import type { words as german } from "../words/de.ts";

/** A text of this application, in English. */
export type Text = keyof typeof german;
type Words = Readonly<Partial<Record<string, string>>>;

interface Language {
  words: Words;
  /** The address of its manifest; without one, the page's own stays. */
  manifest?: string;
}

const LANGUAGES: Record<string, { name: string; load: () => Promise<Language> }> = {
  en: { name: "English", load: async () => ({ words: {} }) },
  de: { name: "Deutsch", load: () => import("../words/de.ts") },
};
const A_YEAR = 365 * 24 * 60 * 60; // seconds
const NAMED = /\{(\w+)\}/;

let words: Words = {};
let spoken = "en";

/** The choice, which the hosted pages keep in a cookie, too; else the first of our languages that the browser prefers. */
export function findLanguage(cookies: string, preferred: readonly string[]): string {
  const chosen = /(?:^|; )language=(\w+)/.exec(cookies)?.[1] ?? "";
  const codes = [chosen, ...preferred].map((tag) => tag.toLowerCase().split("-")[0] ?? "");
  return codes.find((code) => Object.hasOwn(LANGUAGES, code)) ?? "en";
}

/** Loads a language. If that fails, the page is English. Returns the address of its manifest, if it has one. */
export async function speak(language: string): Promise<string | undefined> {
  const loaded = await LANGUAGES[language]?.load().catch(() => undefined);
  words = loaded?.words ?? {};
  spoken = loaded ? language : "en";
  return loaded?.manifest;
}

/** The code of the page's language: `en`. */
export function language(): string {
  return spoken;
}

/** For dates: the browser's own variant of the page's language (`en-GB`), if it has one. */
export function locale(preferred = globalThis.navigator?.languages ?? []): string {
  return preferred.find((tag) => tag.toLowerCase().split("-")[0] === spoken) ?? spoken;
}

/** A text in the language of the page. Names in braces are replaced by values. */
export function said(text: Text, values: Record<string, string | number> = {}): string {
  return inserted(words[text] ?? text, values, String).join("");
}

/** The same with elements as values, such as a name in `<bdi>`. */
export function saidWith(text: Text, values: Record<string, ReactNode>): ReactNode {
  return inserted(words[text] ?? text, values, (value, key) => createElement(Fragment, { key }, value));
}

/** The text for one thing or for several, in which `{number}` is their number. */
export function counted(
  number: number,
  one: Text,
  several: Text,
  values: Record<string, string | number> = {},
): string {
  return said(number === 1 ? one : several, { number, ...values });
}

function inserted<V, R>(text: string, values: Record<string, V>, render: (value: V, key: number) => R): (string | R)[] {
  return text.split(NAMED).map((part, at) => {
    const value = at % 2 === 1 ? values[part] : undefined;
    if (value !== undefined) return render(value, at);
    return at % 2 === 1 ? `{${part}}` : part;
  });
}

/** All languages by their own names, in the order of the hosted pages. */
export function languages(): { code: string; name: string }[] {
  const named = Object.entries(LANGUAGES).map(([code, { name }]) => ({ code, name }));
  return named.sort((one, other) => one.name.localeCompare(other.name));
}

/** Keeps the choice for this page and the hosted ones, and loads the page again. */
export function choose(language: string): void {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `language=${language}; Path=/; SameSite=Lax; Max-Age=${A_YEAR}${secure}`;
  location.reload();
}
