// What a key means while a person types.

interface Key {
  nativeEvent: { isComposing: boolean };
  keyCode: number;
}

/**
 * Whether the key belongs to an input method that composes a character, as for Japanese: Enter takes the proposed word
 * then, and Escape drops it. Safari ends the composition before the key's event, and marks it with the code 229 only.
 */
export function isComposing({ nativeEvent, keyCode }: Key): boolean {
  return nativeEvent.isComposing || keyCode === 229;
}

/** Whether the text has a character that can be seen. */
export function isVisible(text: string): boolean {
  return /[\p{L}\p{N}\p{P}\p{S}]/u.test(text);
}

/** A title is one line: line breaks become spaces. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\r\n\t]+/g, " ");
}

export const MOST_LINES = 100; // of a pasted list
const MOST_CHARACTERS = MOST_LINES * 1_000; // more are not looked at
const MARKER = /^(?:[-*•](?:\s+|$))?(?:\[[ xX]?\](?:\s+|$))?/; // a bullet, a box, or both

/** The titles of a pasted list, without its bullets and boxes; none if it is one line, null if it has more than MOST_LINES. */
export function titlesOf(pasted: string): string[] | null {
  const text = pasted.trim();
  if (!/[\r\n]/.test(text)) return [];
  if (text.length > MOST_CHARACTERS) return null;
  const titles = text
    .split(/[\r\n]+/)
    .map((line) => oneLine(line).trim().replace(MARKER, ""))
    .filter(isVisible);
  if (titles.length > MOST_LINES) return null;
  return titles.length > 1 ? titles : [];
}
