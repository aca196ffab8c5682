// Where to go after signing in. The value is part of the address, so anybody may have written it. Only this application's
// own pages are accepted; any other value means the first page.

export const PAGES = ["/", "/sign-in", "/sign-up", "/settings", "/invitation"] as const;
export type Page = (typeof PAGES)[number];

const AFTER_SIGN_IN: readonly string[] = ["/", "/settings", "/invitation"];

export function parseReturnTo(value: string | null, origin: string): string {
  if (value === null || !/^\/(?![/\\])/.test(value)) return "/";
  const parsed = URL.parse(value, origin);
  if (parsed?.origin !== origin || !AFTER_SIGN_IN.includes(parsed.pathname)) return "/";
  return parsed.pathname + parsed.search;
}

export function signInPath(from: string): string {
  return from === "/" ? "/sign-in" : `/sign-in?${new URLSearchParams({ returnTo: from })}`;
}
