import { type KeyboardEvent, type ReactNode, useEffect, useRef } from "react";
import { said, saidWith } from "../lib/language.ts";

interface PastedProps {
  titles: readonly string[];
  addAll: () => void;
  /** Paste all as one line. */
  paste: () => void;
  close: () => void;
}

/** Asks what to do with a pasted list. It takes the focus, so Enter adds the todos and Escape leaves all as it was. */
export function Pasted({ titles, addAll, paste, close }: PastedProps): ReactNode {
  const first = useRef<HTMLButtonElement>(null);
  useEffect(() => first.current?.focus(), []);

  function onKeyDown(event: KeyboardEvent): void {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  }

  return (
    <div className="message pasted" role="group" aria-labelledby="pasted" onKeyDown={onKeyDown}>
      <p id="pasted">
        {saidWith("{number} lines were pasted, from “{first}” to “{last}”.", {
          number: titles.length,
          first: <bdi>{titles[0]}</bdi>,
          last: <bdi>{titles.at(-1)}</bdi>,
        })}
      </p>
      <div className="actions">
        <button type="button" className="primary" ref={first} onClick={addAll}>
          {said("Add {number} todos", { number: titles.length })}
        </button>
        <button type="button" onClick={paste}>
          {said("Paste as one line")}
        </button>
        <button type="button" onClick={close}>
          {said("Cancel")}
        </button>
      </div>
    </div>
  );
}
