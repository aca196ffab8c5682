// The rows of a list as elements: where the focus goes.

import type { KeyboardEvent } from "react";

export const STEP = 200; // rows that are shown at once; more would make the page slow

/** The row that the element is in. */
export function rowOf(element: Element): HTMLElement | null {
  return element.closest<HTMLElement>("li[data-id]");
}

/** Arrow up and down move the focus between rows, in the same column. */
export function moveByArrows(event: KeyboardEvent, list: HTMLUListElement | null): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const row = event.target instanceof Element ? rowOf(event.target) : null;
  if (step === undefined || row === null || list === null) return;
  const columns = ["input", ".about", ".delete"];
  const column = columns.find((each) => event.target instanceof Element && event.target.matches(each)) ?? ".title";
  const next = list.children[[...list.children].indexOf(row) + step];
  next?.querySelector<HTMLElement>(column)?.focus();
  event.preventDefault();
}

/** After a deletion, focus the row that took its place, or the one before; in an empty list, the field for a new todo. */
export function focusRow(list: HTMLUListElement | null, at: number): void {
  const row = list?.children[at] ?? list?.children[at - 1];
  (row ?? document).querySelector<HTMLElement>(row ? ".delete" : ".composer input")?.focus();
}
