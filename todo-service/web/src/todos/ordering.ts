// Moving todos in a list by hand: dragging a row by its grip, or Alt with an arrow key. Both say where the row goes.

import { type PointerEvent, type RefObject, useRef } from "react";

const EDGE = 56; // pixels from the window's edge within which the page scrolls along

interface Drag {
  row: HTMLElement;
  from: number;
  to: number;
  /** Where the pointer was first, from the page's top. */
  begin: number;
  onto: HTMLElement | null;
}

interface Targets {
  /** The row goes to this index among all rows. */
  move: (id: string, index: number) => void;
  /** The row was dropped on a list beside; "": the inbox. */
  put: (id: string, list: string) => void;
}

interface Handlers {
  onPointerDown: (event: PointerEvent) => void;
  onPointerMove: (event: PointerEvent) => void;
  onPointerUp: (event: PointerEvent) => void;
  onPointerCancel: (event: PointerEvent) => void;
}

/** Handlers for the list's element. Rows have `data-id` and a `.grip`; lists beside have `data-list`. */
export function useDragging(list: RefObject<HTMLElement | null>, { move, put }: Targets): Handlers {
  const drag = useRef<Drag | null>(null);

  function end(isDropped: boolean): void {
    const { row, from, to, onto } = drag.current ?? {};
    drag.current = null;
    if (!row) return;
    row.classList.remove("dragged");
    row.style.translate = "";
    unmark(list.current);
    onto?.classList.remove("onto");
    const id = row.dataset.id;
    if (!isDropped || id === undefined) return;
    if (onto?.dataset.list !== undefined) put(id, onto.dataset.list);
    else if (to !== undefined && to !== from) move(id, to);
  }

  return {
    onPointerDown(event) {
      const grip = event.target instanceof Element ? event.target.closest(".grip") : null;
      const row = grip?.closest<HTMLElement>("li[data-id]");
      if (!row || event.button !== 0) return;
      event.preventDefault(); // no selection of text
      event.currentTarget.setPointerCapture(event.pointerId);
      const from = rowsOf(list.current).indexOf(row);
      drag.current = { row, from, to: from, begin: event.clientY + window.scrollY, onto: null };
      row.classList.add("dragged");
    },
    onPointerMove(event) {
      const now = drag.current;
      if (!now) return;
      if (event.clientY < EDGE) window.scrollBy(0, -12);
      else if (event.clientY > window.innerHeight - EDGE) window.scrollBy(0, 12);
      now.row.style.translate = `0 ${event.clientY + window.scrollY - now.begin}px`;
      const under = document.elementsFromPoint(event.clientX, event.clientY);
      const onto = under.map((each) => each.closest<HTMLElement>(".side [data-list]")).find(Boolean) ?? null;
      if (onto !== now.onto) {
        now.onto?.classList.remove("onto");
        onto?.classList.add("onto");
        now.onto = onto;
      }
      const rows = rowsOf(list.current).filter((each) => each !== now.row);
      now.to = rows.filter((each) => middleOf(each) < event.clientY).length;
      unmark(list.current);
      if (!onto && now.to !== now.from)
        rows[Math.min(now.to, rows.length - 1)]?.classList.add(now.to < rows.length ? "before" : "after");
    },
    onPointerUp: () => end(true),
    onPointerCancel: () => end(false),
  };
}

function rowsOf(list: HTMLElement | null): HTMLElement[] {
  return [...(list?.querySelectorAll<HTMLElement>("li[data-id]") ?? [])];
}

function middleOf(row: HTMLElement): number {
  const { top, height } = row.getBoundingClientRect();
  return top + height / 2;
}

function unmark(list: HTMLElement | null): void {
  for (const each of list?.querySelectorAll(".before, .after") ?? []) each.classList.remove("before", "after");
}
