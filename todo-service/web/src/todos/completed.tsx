import { type ReactNode, useRef, useState } from "react";
import type { Todo } from "../lib/api.ts";
import { moveByArrows, STEP } from "./rows.ts";

/** Folded, because what is done should not be in the way. */
export function Completed({
  todos,
  isOpen,
  row,
}: {
  todos: Todo[];
  isOpen: boolean;
  row: (todo: Todo) => ReactNode;
}): ReactNode {
  const [size, setSize] = useState(STEP);
  const [isUnfolded, setUnfolded] = useState(isOpen);
  const list = useRef<HTMLUListElement>(null);
  return (
    <details className="completed" open={isUnfolded} onToggle={(event) => setUnfolded(event.currentTarget.open)}>
      <summary>
        Completed <span className="number">{todos.length}</span>
      </summary>
      {isUnfolded && (
        <ul
          className="todos"
          ref={list}
          aria-label="Completed"
          onKeyDown={(event) => moveByArrows(event, list.current)}
        >
          {todos.slice(0, size).map(row)}
        </ul>
      )}
      {isUnfolded && todos.length > size && (
        <button type="button" className="more" onClick={() => setSize(size + STEP)}>
          Show more completed
        </button>
      )}
    </details>
  );
}
