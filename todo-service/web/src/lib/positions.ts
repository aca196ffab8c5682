// Places in an order that people choose: texts that sort by their bytes. Between two there is always a third one, so a move
// changes one row. The API says what a position is: ASCII letters and digits, not ending in 0.

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** A position above `low` ("": the lowest) and below `high`. Without `high` it is just above, as new ones come later. */
export function between(low: string, high: string | null): string {
  return high === null ? justAbove(low) : middle(low, high);
}

function justAbove(low: string): string {
  const last = DIGITS.indexOf(low.slice(-1) || "z");
  return last < DIGITS.length - 1 ? low.slice(0, -1) + DIGITS[last + 1] : `${low}V`;
}

function middle(low: string, high: string): string {
  let made = "";
  let isBelow = false; // whether what is made so far is below `high`, whatever follows
  for (let at = 0; ; at++) {
    const least = Math.max(0, DIGITS.indexOf(low[at] ?? "0"));
    const most = isBelow ? DIGITS.length : Math.max(0, DIGITS.indexOf(high[at] ?? "0"));
    if (most - least > 1) return made + DIGITS[(least + most) >> 1];
    made += DIGITS[least];
    if (most > least) isBelow = true;
  }
}

/** The position that moves a thing to `index` among the others, which are in order. Ascending or descending is the same. */
export function placeAt(others: ReadonlyArray<{ position: string }>, index: number, isDescending: boolean): string {
  const ascending = isDescending ? [...others].reverse() : others;
  const at = isDescending ? others.length - index : index;
  const low = ascending[at - 1]?.position ?? "";
  const high = ascending.slice(at).find((each) => each.position > low); // two devices may have chosen the same place
  return between(low, high?.position ?? null);
}
