// The first words of notes, as text. A row shows them, and must not wait for the library that reads Markdown (markdown.tsx): what it
// would take as a mark is left out, by a look at the first characters only.

const READ = 240; // characters
const SHOWN = 120;
const DEEPEST = 3; // emphasis in one another; what is deeper is shown as it was typed

/** Lines that are no text: fences of code, rules, and the line below a table's head. */
const NO_TEXT = /^[ \t]*(?:`{3,}.*|~{3,}.*|(?:[-*_][ \t]*){3,}|=+|\|?(?:[ \t]*:?-+:?[ \t]*\|)+[ \t:-]*)$/gm;
/** Marks of headings, quotes and lists. */
const BEGINNING = /^[ \t]*(?:(?:#{1,6}|[-*+]|\d{1,9}[.)])[ \t]+(?:\[[ x]\][ \t]+)?|>[ \t]*)+/gim;
const MARKS = new RegExp(
  [
    "(`+)(.+?)\\1(?!`)", // code
    "\\\\([!-/:-@[-`{-~])", // a mark that is none
    "<((?:https?:|mailto:)[^<>\\s]+)>",
    '!?\\[([^[\\]]*)\\]\\([^()\\s]*(?:[ \\t]"[^"]*")?\\)', // a link or an image
    "(?<![*~])(\\*{1,3}|~~)(?![\\s*~])(.*?[^\\s\\\\])\\6(?![*~])", // strong, emphasized or struck out
    "(?<![\\p{L}\\p{N}_])(_{1,3})(?=\\S)(.*?[^\\s\\\\])\\8(?![\\p{L}\\p{N}_])",
  ].join("|"),
  "gu",
);

export function startOfNotes(notes: string): string {
  const lines = notes.slice(0, READ).replace(NO_TEXT, "").replace(BEGINNING, "");
  return withoutMarks(lines, 0).trim().slice(0, SHOWN);
}

function withoutMarks(text: string, depth: number): string {
  if (depth > DEEPEST) return text;
  return text.replace(
    MARKS,
    (...[, , code, escaped, address, link, , strong, , emphasis]: (string | undefined)[]) =>
      code ?? escaped ?? address ?? withoutMarks(link ?? strong ?? emphasis ?? "", depth + 1),
  );
}
