// The rows of a list as elements: where the focus goes. Each has its place among all rows, also those that are not in the page.

import type { KeyboardEvent } from "react";
import { takesText } from "./keys.tsx";

/** The row that the element is in. */
export function rowOf(element: Element): HTMLElement | null {
  return element.closest<HTMLElement>("li[data-id]");
}

export function placeOf(row: HTMLElement): number {
  return Number(row.dataset.place);
}

function rowAt(list: HTMLElement | null, place: number): HTMLElement | null {
  return list?.querySelector<HTMLElement>(`:scope > [data-place="${place}"]`) ?? null;
}

/** Arrow up and down move the focus between rows, in the same column. */
export function moveByArrows(event: KeyboardEvent, list: HTMLUListElement | null): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const row = event.target instanceof Element ? rowOf(event.target) : null;
  if (step === undefined || row === null || list === null) return;
  const columns = ["input", ".about", ".delete"];
  const column = columns.find((each) => event.target instanceof Element && event.target.matches(each)) ?? ".title";
  rowAt(list, placeOf(row) + step)
    ?.querySelector<HTMLElement>(column)
    ?.focus();
  event.preventDefault();
}

/** After a deletion, focus the row that took its place, or the one before; in an empty list, the field for a new todo. */
export function focusRow(list: HTMLUListElement | null, place: number): void {
  const row = rowAt(list, place) ?? rowAt(list, place - 1);
  (row ?? document).querySelector<HTMLElement>(row ? ".delete" : ".composer input")?.focus();
}

/** Keys of the row that has the focus. Its own buttons do the work, so that nothing is done that the row does not offer. */
export function actOnRow(event: KeyboardEvent): boolean {
  const button = { Delete: ".delete", Backspace: ".delete", d: ".about" }[event.key];
  if (button === undefined || event.ctrlKey || event.metaKey || event.altKey || takesText(event.target)) return false;
  event.preventDefault();
  if (event.repeat) return true; // the focus is on the next row now: a key that is held would delete one after another
  rowOf(event.target as Element)
    ?.querySelector<HTMLElement>(button)
    ?.click();
  return true;
}
