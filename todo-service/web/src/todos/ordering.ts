// Moving todos in a list by hand: dragging a row by its grip, with a finger after holding it, or Alt with an arrow key.
// All say where the row goes.

import { type MouseEvent, type PointerEvent, type RefObject, useEffect, useRef } from "react";
import { placeOf } from "./rows.ts";

const EDGE = 56; // pixels from the window's edge within which the page scrolls along
const PACE = 12; // pixels that it scrolls per frame
const HOLD = 350; // milliseconds that a finger rests on a row until it can be dragged
const SLACK = 10; // pixels that a finger may tremble meanwhile

interface Drag {
  row: HTMLElement;
  from: number;
  to: number;
  /** Where the pointer was first, from the page's top. */
  begin: number;
  /** Where it is, in the window. */
  x: number;
  y: number;
  onto: HTMLElement | null;
}

interface Targets {
  /** The row goes to this place among all rows, from 1. */
  move: (id: string, place: number) => void;
  /** The row was dropped on a list beside; "": the inbox. */
  put: (id: string, list: string) => void;
}

interface Handlers {
  onPointerDown: (event: PointerEvent) => void;
  onPointerMove: (event: PointerEvent) => void;
  onPointerUp: (event: PointerEvent) => void;
  onPointerCancel: (event: PointerEvent) => void;
  onContextMenu: (event: MouseEvent) => void;
  onClickCapture: (event: MouseEvent) => void;
}

/** Handlers for the list's element. Rows have `data-id`, `data-place` and a `.grip`; lists beside have `data-list`. */
export function useDragging(list: RefObject<HTMLElement | null>, { move, put }: Targets): Handlers {
  const drag = useRef<Drag | null>(null);
  const hold = useRef<{ timer: number; x: number; y: number } | null>(null);
  const hasDragged = useRef(false); // the click that ends a drag by finger is none

  // The browser scrolls by a finger, unless the first move is prevented; a listener of React could not do that.
  useEffect(() => {
    const element = list.current;
    const stay = (event: TouchEvent): void => (drag.current && event.cancelable ? event.preventDefault() : undefined);
    element?.addEventListener("touchmove", stay, { passive: false });
    return () => element?.removeEventListener("touchmove", stay);
  });

  function begin(row: HTMLElement, { clientX, clientY }: { clientX: number; clientY: number }): void {
    const from = placeOf(row);
    drag.current = { row, from, to: from, begin: clientY + window.scrollY, x: clientX, y: clientY, onto: null };
    hasDragged.current = true;
    row.classList.add("dragged");
    requestAnimationFrame(scrollAlong);
  }

  function letGo(): void {
    if (hold.current) clearTimeout(hold.current.timer);
    hold.current = null;
  }

  function end(isDropped: boolean): void {
    letGo();
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

  function scrollAlong(): void {
    const now = drag.current;
    if (!now) return;
    const pace = now.y < EDGE ? -PACE : now.y > window.innerHeight - EDGE ? PACE : 0;
    if (pace !== 0) {
      window.scrollBy(0, pace);
      follow(now);
    }
    requestAnimationFrame(scrollAlong);
  }

  function follow(now: Drag): void {
    now.row.style.translate = `0 ${now.y + window.scrollY - now.begin}px`;
    const under = document.elementsFromPoint(now.x, now.y);
    const onto = under.map((each) => each.closest<HTMLElement>(".side [data-list]")).find(Boolean) ?? null;
    if (onto !== now.onto) {
      now.onto?.classList.remove("onto");
      onto?.classList.add("onto");
      now.onto = onto;
    }
    const others = rowsOf(list.current).filter((each) => each !== now.row);
    const above = others.findLast((each) => middleOf(each) < now.y);
    const below = others.find((each) => middleOf(each) >= now.y);
    now.to = above ? placeWithout(above, now.from) + 1 : below ? placeWithout(below, now.from) : now.from;
    unmark(list.current);
    if (onto || now.to === now.from) return;
    (below ?? above)?.classList.add(below ? "before" : "after");
  }

  return {
    onPointerDown(event) {
      hasDragged.current = false;
      const { target } = event;
      if (!(target instanceof Element) || event.button !== 0) return;
      const row = target.closest<HTMLElement>("li[data-id]");
      if (!row?.querySelector(".grip") || target.closest("textarea")) return;
      if (target.closest(".grip")) {
        event.preventDefault(); // no selection of text
        event.currentTarget.setPointerCapture(event.pointerId);
        begin(row, event);
      } else if (event.pointerType === "touch") {
        const { clientX, clientY } = event;
        const timer = window.setTimeout(() => begin(row, { clientX, clientY }), HOLD);
        hold.current = { timer, x: clientX, y: clientY };
      }
    },
    onPointerMove({ clientX, clientY }) {
      const { x, y } = hold.current ?? { x: clientX, y: clientY };
      if (Math.hypot(clientX - x, clientY - y) > SLACK && !drag.current) letGo();
      if (!drag.current) return;
      drag.current.x = clientX;
      drag.current.y = clientY;
      follow(drag.current);
    },
    onPointerUp: () => end(true),
    onPointerCancel: () => end(false),
    onContextMenu(event) {
      if (drag.current) event.preventDefault(); // the menu of a finger that rests
    },
    onClickCapture(event) {
      if (hasDragged.current) {
        event.preventDefault();
        event.stopPropagation();
      }
      hasDragged.current = false;
    },
  };
}

/** Its place if the row at `from` were not there. */
function placeWithout(row: HTMLElement, from: number): number {
  const place = placeOf(row);
  return place > from ? place - 1 : place;
}

function rowsOf(list: HTMLElement | null): HTMLElement[] {
  return [...(list?.querySelectorAll<HTMLElement>(":scope > [data-id]") ?? [])];
}

function middleOf(row: HTMLElement): number {
  const { top, height } = row.getBoundingClientRect();
  return top + height / 2;
}

function unmark(list: HTMLElement | null): void {
  for (const each of list?.querySelectorAll(".before, .after") ?? []) each.classList.remove("before", "after");
}
