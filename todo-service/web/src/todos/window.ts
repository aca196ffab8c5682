// Which rows of a long list are in the page: those near the screen, and those that somebody is busy with. The others are
// gaps as high as they are, so that the page's scroll bar is right. A row's height is estimated until it has been shown.

import { type RefObject, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { look } from "../lib/look.ts";

const ESTIMATE = { comfortable: 53, compact: 41 }; // pixels of a row with one line
const MARGIN = 800; // pixels above and below the screen: a flick of the wheel, and where Tab and arrow keys go
const COARSE = 200; // pixels of scrolling that make no difference

/** Where each row begins, in pixels from the first one's top; and where the last one ends. */
export function edgesOf(
  ids: readonly string[],
  heights: ReadonlyMap<string, number>,
  estimate = ESTIMATE.comfortable,
): number[] {
  const edges = [0];
  let top = 0;
  for (const id of ids) edges.push((top += heights.get(id) ?? estimate));
  return edges;
}

/** The rows between two heights, and those that are pinned with their neighbours, in order. */
export function rowsNear(edges: readonly number[], from: number, to: number, pinned: readonly number[]): number[] {
  const count = edges.length - 1;
  const found = new Set<number>();
  for (let at = firstBelow(edges, from); at < count && (edges[at] ?? 0) < to; at++) found.add(at);
  for (const each of pinned)
    for (const at of [each - 1, each, each + 1]) if (each >= 0 && at >= 0 && at < count) found.add(at);
  return [...found].sort((a, b) => a - b);
}

/** The first row that ends below the height. */
function firstBelow(edges: readonly number[], height: number): number {
  let [low, high] = [0, edges.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((edges[middle + 1] ?? Infinity) > height) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** What is shown of the list: a row's index, or the height of a gap. */
export type Part = { row: number } | { gap: number };

export function partsOf(edges: readonly number[], rows: readonly number[]): Part[] {
  const parts: Part[] = [];
  let next = 0;
  for (const row of [...rows, edges.length - 1]) {
    const gap = (edges[row] ?? 0) - (edges[next] ?? 0);
    if (row > next) parts.push({ gap });
    if (row < edges.length - 1) parts.push({ row });
    next = row + 1;
  }
  return parts;
}

/** `list` has the rows, each with its id in `data-id`. `pinned`: ids of rows that stay. `ids` must stay the same object. */
export function useWindow(
  list: RefObject<HTMLElement | null>,
  ids: readonly string[],
  pinned: () => ReadonlyArray<string | undefined>,
): Part[] {
  const heights = useRef(new Map<string, number>());
  const [seen, setSeen] = useState({ from: 0, to: 2 * MARGIN });
  const [measured, measure] = useState(0); // counts the changes of `heights`
  const estimate = ESTIMATE[look().density];
  const edges = useMemo(() => edgesOf(ids, heights.current, estimate), [ids, measured, estimate]);
  const kept = new Set(pinned());
  kept.delete(undefined);
  const indexes = [...kept].map((id) => ids.indexOf(id ?? ""));

  useEffect(() => {
    let width = window.innerWidth;
    function lookAgain(): void {
      if (window.innerWidth !== width) heights.current.clear(); // titles break at other places
      width = window.innerWidth;
      const first = list.current?.querySelector(":scope > :is(.gap, [data-id])"); // above it there may be rows that wait
      const top = first?.getBoundingClientRect().top ?? 0;
      const from = Math.floor((-top - MARGIN) / COARSE) * COARSE;
      const to = Math.ceil((window.innerHeight - top + MARGIN) / COARSE) * COARSE;
      setSeen((before) => (before.from === from && before.to === to ? before : { from, to }));
    }
    lookAgain();
    for (const event of ["scroll", "resize"]) window.addEventListener(event, lookAgain, { passive: true });
    return () => {
      for (const event of ["scroll", "resize"]) window.removeEventListener(event, lookAgain);
    };
  }, [list]);

  useLayoutEffect(() => {
    let isOther = false;
    for (const row of list.current?.querySelectorAll<HTMLElement>(":scope > [data-id]") ?? []) {
      const { height } = row.getBoundingClientRect();
      const id = row.dataset.id ?? "";
      if (Math.abs((heights.current.get(id) ?? estimate) - height) > 0.5) isOther = true;
      heights.current.set(id, height);
    }
    if (isOther) measure((before) => before + 1);
  });

  return partsOf(edges, rowsNear(edges, seen.from, seen.to, indexes));
}
