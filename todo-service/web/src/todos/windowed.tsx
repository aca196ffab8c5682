import { Fragment, type ReactNode, type RefObject } from "react";
import type { Todo } from "../lib/api.ts";
import { rowOf } from "./rows.ts";
import { editedIds } from "./todo-row.tsx";
import { useWindow } from "./window.ts";

interface WindowedProps {
  list: RefObject<HTMLUListElement | null>;
  todos: readonly Todo[];
  row: (todo: Todo, index: number) => ReactNode;
}

/** The rows near the screen. A row that has the focus, is dragged or is edited stays, however far away it is. */
export function Windowed({ list, todos, row }: WindowedProps): ReactNode {
  const parts = useWindow(
    list,
    todos.map((each) => each.id),
    () => [
      document.activeElement ? rowOf(document.activeElement)?.dataset.id : undefined,
      list.current?.querySelector<HTMLElement>(".dragged")?.dataset.id,
      ...editedIds(),
    ],
  );
  return parts.map((part, at) => {
    if ("gap" in part) return <li key={`gap ${at}`} className="gap" aria-hidden="true" style={{ height: part.gap }} />;
    const todo = todos[part.row];
    return todo && <Fragment key={todo.id}>{row(todo, part.row)}</Fragment>;
  });
}
