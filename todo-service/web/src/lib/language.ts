// The language of the page. English stands where it is shown, and is the key of the other languages' words (words/).
// What they lack is shown in English.

type Words = Readonly<Record<string, string>>;

const LANGUAGES: Record<string, { name: string; words: () => Promise<Words> }> = {
  en: { name: "English", words: async () => ({}) },
  de: { name: "Deutsch", words: async () => (await import("../words/de.ts")).words },
};
const A_YEAR = 365 * 24 * 60 * 60; // seconds

let words: Words = {};

/** The choice, which the hosted pages keep in a cookie, too; else the first of our languages that the browser prefers. */
export function findLanguage(cookies: string, preferred: readonly string[]): string {
  const chosen = /(?:^|; )language=(\w+)/.exec(cookies)?.[1] ?? "";
  const codes = [chosen, ...preferred].map((tag) => tag.toLowerCase().split("-")[0] ?? "");
  return codes.find((code) => Object.hasOwn(LANGUAGES, code)) ?? "en";
}

/** Loads the words of a language. If they cannot be loaded, the page is English. */
export async function speak(language: string): Promise<void> {
  words = await (LANGUAGES[language]?.words() ?? Promise.resolve({})).catch(() => ({}));
  document.documentElement.lang = Object.keys(words).length > 0 ? language : "en";
}

/** A text in the language of the page. Words in braces are replaced by values. */
export function said(text: string, values: Record<string, string | number> = {}): string {
  return (words[text] ?? text).replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** All languages, by their own names. */
export function languages(): { code: string; name: string }[] {
  return Object.entries(LANGUAGES).map(([code, { name }]) => ({ code, name }));
}

/** Keeps the choice for this page and the hosted ones, and loads the page again. */
export function choose(language: string): void {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `language=${language}; Path=/; SameSite=Lax; Max-Age=${A_YEAR}${secure}`;
  location.reload();
}
