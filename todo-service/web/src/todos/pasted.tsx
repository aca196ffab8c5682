import { type KeyboardEvent, type ReactNode, useEffect, useRef } from "react";

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
        {titles.length} lines were pasted, from “<bdi>{titles[0]}</bdi>” to “<bdi>{titles.at(-1)}</bdi>”.
      </p>
      <div className="actions">
        <button type="button" className="primary" ref={first} onClick={addAll}>
          Add {titles.length} todos
        </button>
        <button type="button" onClick={paste}>
          Paste as one line
        </button>
        <button type="button" onClick={close}>
          Cancel
        </button>
      </div>
    </div>
  );
}
