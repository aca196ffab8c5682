// Estimates how hard a password is to guess. The server decides what is refused (parts/strength.tsx asks it).

export type Strength = "short" | "weak" | "fair" | "strong";

export const LEAST = 8; // characters; the server's rule

export function rate(password: string, about: readonly string[] = []): Strength {
  if (password.length < LEAST) return "short";
  const lower = password.toLowerCase();
  const personal = about
    .flatMap((each) => each.toLowerCase().split(/[^\p{L}\p{N}]+/u))
    .filter((each) => each.length > 2)
    .reduce((rest, each) => rest.replaceAll(each, ""), lower);
  const varied = new Set(personal).size; // "aaaaaaaaaa" is one letter, however long
  const kinds = [/\p{Ll}/u, /\p{Lu}/u, /\p{N}/u, /[^\p{L}\p{N}]/u].filter((kind) => kind.test(password)).length;
  const score = Math.min(personal.length, varied * 2) + kinds * 1.5;
  if (score < 12) return "weak";
  return score < 18 ? "fair" : "strong";
}
