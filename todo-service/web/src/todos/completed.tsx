import { type ReactNode, useRef, useState } from "react";
import type { Todo } from "../lib/api.ts";
import { said } from "../lib/language.ts";
import { moveByArrows } from "./rows.ts";
import { Windowed } from "./windowed.tsx";

/** Folded, because what is done should not be in the way. */
export function Completed({
  todos,
  isOpen,
  row,
}: {
  todos: Todo[];
  isOpen: boolean;
  row: (todo: Todo, place: number, total: number) => ReactNode;
}): ReactNode {
  const [isUnfolded, setUnfolded] = useState(isOpen);
  const list = useRef<HTMLUListElement>(null);
  return (
    <details className="completed" open={isUnfolded} onToggle={(event) => setUnfolded(event.currentTarget.open)}>
      <summary>
        {said("Completed")} <span className="number">{todos.length}</span>
      </summary>
      {isUnfolded && (
        <ul
          className="todos"
          ref={list}
          aria-label={said("Completed")}
          onKeyDown={(event) => moveByArrows(event, list.current)}
        >
          <Windowed list={list} todos={todos} row={(todo, index) => row(todo, index + 1, todos.length)} />
        </ul>
      )}
    </details>
  );
}
