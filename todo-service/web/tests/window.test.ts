import { expect, test } from "vitest";
import { edgesOf, partsOf, rowsNear } from "../src/todos/window.ts";

const ids = Array.from({ length: 5_000 }, (_, at) => String(at));
const edges = edgesOf(ids, new Map([["1", 253]]));

test("only rows near the screen are in the page, and gaps are as high as the others", () => {
  expect(edges.at(-1)).toBe(5_000 * 53 + 200);
  const rows = rowsNear(edges, 306, 500, []);
  expect(rows).toEqual([2, 3, 4, 5]);
  expect(partsOf(edges, rows)).toEqual([
    { gap: 306 },
    { row: 2 },
    { row: 3 },
    { row: 4 },
    { row: 5 },
    { gap: 4_994 * 53 },
  ]);
});

test("a row that somebody is busy with stays with its neighbours, however far away", () => {
  const rows = rowsNear(edges, 0, 50, [4_999, 2_000]);
  expect(rows).toEqual([0, 1_999, 2_000, 2_001, 4_998, 4_999]);
  const heights = partsOf(edges, rows).map((each) => ("gap" in each ? each.gap : 0));
  expect(heights.reduce((sum, each) => sum + each)).toBe(edges.at(-1)! - (5 * 53 + 53));
});

test.each([
  ["empty", [], []],
  ["short", ["a", "b"], [{ row: 0 }, { row: 1 }]],
])("an %s list has no gap", (_, short, parts) => {
  const few = edgesOf(short, new Map());
  expect(partsOf(few, rowsNear(few, -800, 800, []))).toEqual(parts);
});
