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

const MOST_LINES = 100;

/** The titles of a pasted list, without its bullets and boxes; nothing if it is one line, or too many to be a list. */
export function titlesOf(pasted: string): string[] {
  const titles = pasted
    .split(/[\r\n]+/)
    .map((line) =>
      oneLine(line)
        .trim()
        .replace(/^(?:[-*•]\s+)?(?:\[[ xX]?\]\s+)?/, ""),
    )
    .filter(isVisible);
  return titles.length > 1 && titles.length <= MOST_LINES ? titles : [];
}
