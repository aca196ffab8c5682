import { Fragment, type ReactNode, type RefObject, useMemo } from "react";
import type { Todo } from "../lib/api.ts";
import { rowOf } from "./rows.ts";
import { editedIds } from "./todo-row.tsx";
import { useWindow } from "./window.ts";

interface WindowedProps {
  list: RefObject<HTMLUListElement | null>;
  todos: readonly Todo[];
  row: (todo: Todo, index: number) => ReactNode;
}

/** The rows near the screen. A row that has the focus, is dragged or is edited stays, however far away it is.
 * `todos` must stay the same object while they are the same. */
export function Windowed({ list, todos, row }: WindowedProps): ReactNode {
  const ids = useMemo(() => todos.map((each) => each.id), [todos]);
  const parts = useWindow(list, ids, () => [
    document.activeElement ? rowOf(document.activeElement)?.dataset.id : undefined,
    list.current?.querySelector<HTMLElement>(".dragged")?.dataset.id,
    ...editedIds(),
  ]);
  return parts.map((part, at) => {
    if ("gap" in part) return <li key={`gap ${at}`} className="gap" aria-hidden="true" style={{ height: part.gap }} />;
    const todo = todos[part.row];
    return todo && <Fragment key={todo.id}>{row(todo, part.row)}</Fragment>;
  });
}
