import { type ReactNode, useEffect, useState } from "react";
import { expected, type Failure } from "../lib/failure.ts";
import { said, saidWith } from "../lib/language.ts";
import { FailureMessage } from "../parts/message.tsx";
import { takesText } from "./keys.tsx";

/** What was done to a todo, to a list with its todos, or to several todos at once, and how to undo it. */
export interface Step {
  /** In words: `deleted(…)`, `moved(…)`. */
  what: ReactNode;
  undo: () => Promise<void>;
}

export function deleted(name: string): ReactNode {
  return saidWith("Deleted “{name}”", { name: <bdi>{name}</bdi> });
}

export function moved(name: string): ReactNode {
  return saidWith("Moved “{name}”", { name: <bdi>{name}</bdi> });
}

interface UndoProps {
  /** The last one is undone first. */
  steps: readonly Step[];
  /** Called when a step is undone. */
  forget: (step: Step) => void;
  close: () => void;
}

/** Offers to undo deletions, moves and pasted lists, one after another, without a time limit: until it is dismissed. */
export function Undo({ steps, forget, close }: UndoProps): ReactNode {
  const [failure, setFailure] = useState<Failure | null>(null);
  const last = steps.at(-1);
  async function undo(): Promise<void> {
    if (last === undefined) return;
    setFailure(null);
    try {
      await last.undo();
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
      <output>{last.what}</output>
      {steps.length > 1 && (
        <span className="more-deleted">{said("and {number} more", { number: steps.length - 1 })}</span>
      )}
      <button type="button" className="plain" onClick={() => void undo()}>
        {said("Undo")}
      </button>
      <button type="button" className="plain dismiss" aria-label={said("Dismiss")} onClick={close}>
        ×
      </button>
      {failure && <FailureMessage failure={failure} />}
    </div>
  );
}
