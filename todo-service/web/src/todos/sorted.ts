// Todos in the person's order, in an array that stays sorted while single ones come, change and go.

import type { Todo } from "../lib/api.ts";
import { newestFirst } from "./versions.ts";

/** Puts the todo in its place. `before`: the version of it that is there. */
export function putIn(sorted: Todo[], todo: Todo, before?: Todo): void {
  if (before) takeOut(sorted, before);
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = sorted[middle];
    if (other && newestFirst(other, todo) < 0) low = middle + 1;
    else high = middle;
  }
  sorted.splice(low, 0, todo);
}

export function takeOut(sorted: Todo[], todo: Todo): void {
  const at = sorted.indexOf(todo);
  if (at >= 0) sorted.splice(at, 1);
}
