import { describe, expect, test } from "vitest";
import { between, placeAt } from "../src/lib/positions.ts";

const FORM = /^[0-9A-Za-z]{0,127}[1-9A-Za-z]$/; // as in the OpenAPI document

describe("a position", () => {
  test.each([
    ["", "1"],
    ["a", "b"],
    ["a", "a1"],
    ["az", "b"],
    ["azzz", "b01"],
    ["019c3a5b7d1e7a2bV", "019c3a5b7d1e7a2bW"],
    ["0", "00001"],
  ])("is between %s and %s", (low, high) => {
    const made = between(low, high);
    expect(made).toMatch(FORM);
    expect(low < made && made < high).toBe(true);
  });

  test.each(["", "zz", "019c3a5b7d1e7a2bV"])("is just above %s, so that later todos are above it", (low) => {
    const made = between(low, null);
    expect(made).toMatch(FORM);
    expect(made > low).toBe(true);
    if (low.length > 16) expect(made < "019c3a5b7d1e7a2c").toBe(true);
  });

  test("stays short enough when things are put at the same place again and again", () => {
    let [low, high] = ["019c3a5b7d1e7a2bV", "019c3a5b7d1f7a2bV"];
    for (let n = 0; n < 300; n++) {
      const made = between(low, high);
      expect(made).toMatch(FORM);
      expect(low < made && made < high).toBe(true);
      if (n % 2) low = made;
      else high = made;
    }
  });

  test("moves a thing to every place among the others", () => {
    const others = ["9", "7", "7", "3"].map((position) => ({ position })); // two devices chose the same place
    expect(placeAt(others, 0, true) > "9").toBe(true);
    expect(placeAt(others, 1, true)).toBe("8");
    expect(placeAt(others, 4, true) < "3").toBe(true);
    for (const index of [2, 3]) expect(placeAt(others, index, true)).toMatch(FORM);
    expect(placeAt([...others].reverse(), 1, false)).toBe("5");
  });
});
