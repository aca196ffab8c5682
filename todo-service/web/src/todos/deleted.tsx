import { type ReactNode, useEffect, useState } from "react";
import type { Todo } from "../lib/api.ts";
import { expected, type Failure } from "../lib/failure.ts";
import { FailureMessage } from "../parts/message.tsx";

export interface Deletion {
  todo: Todo;
  at: number;
}

interface DeletedProps {
  deletion: Deletion;
  restore: (todo: Todo, at: number) => Promise<void>;
  close: () => void;
}

/** Offers to undo a deletion, without a time limit: until it is dismissed or another todo is deleted. */
export function Deleted({ deletion, restore, close }: DeletedProps): ReactNode {
  const [failure, setFailure] = useState<Failure | null>(null);
  async function undo(): Promise<void> {
    setFailure(null);
    try {
      await restore(deletion.todo, deletion.at);
      close();
    } catch (error) {
      setFailure(expected(error));
    }
  }
  useEffect(() => {
    function onKeyDown(event: globalThis.KeyboardEvent): void {
      const isWriting =
        event.target instanceof HTMLInputElement && event.target.type !== "checkbox" && event.target.value !== "";
      if (event.key === "z" && (event.ctrlKey || event.metaKey) && !isWriting) {
        event.preventDefault();
        void undo();
      }
    }
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  });
  return (
    <div className="toast">
      <output>
        Deleted “<bdi>{deletion.todo.title}</bdi>”
      </output>
      <button type="button" className="plain" onClick={() => void undo()}>
        Undo
      </button>
      <button type="button" className="plain dismiss" aria-label="Dismiss" onClick={close}>
        ×
      </button>
      {failure && <FailureMessage failure={failure} />}
    </div>
  );
}
