import { type ReactNode, useEffect, useState } from "react";
import { expected, type Failure } from "../lib/failure.ts";
import { FailureMessage } from "../parts/message.tsx";
import { takesText } from "./keys.tsx";

/** A todo, or a list with its todos, that can be brought back. */
export interface DeletedThing {
  id: string;
  name: string;
  restore: () => Promise<void>;
}

interface DeletedProps {
  /** The last one is undone first. */
  deleted: readonly DeletedThing[];
  /** Called when a thing is back. */
  forget: (thing: DeletedThing) => void;
  close: () => void;
}

/** Offers to undo deletions, one after another, without a time limit: until it is dismissed. */
export function Deleted({ deleted, forget, close }: DeletedProps): ReactNode {
  const [failure, setFailure] = useState<Failure | null>(null);
  const last = deleted.at(-1);
  async function undo(): Promise<void> {
    if (last === undefined) return;
    setFailure(null);
    try {
      await last.restore();
      forget(last);
    } catch (error) {
      setFailure(expected(error));
    }
  }
  useEffect(() => {
    function onKeyDown(event: globalThis.KeyboardEvent): void {
      const { target } = event;
      const isWriting = takesText(target) && (target as HTMLInputElement | HTMLTextAreaElement).value !== "";
      if (event.key === "z" && (event.ctrlKey || event.metaKey) && !isWriting) {
        event.preventDefault();
        void undo();
      }
    }
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  });
  if (last === undefined) return null;
  return (
    <div className="toast">
      <output>
        Deleted “<bdi>{last.name}</bdi>”
      </output>
      {deleted.length > 1 && <span className="more-deleted">and {deleted.length - 1} more</span>}
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
