// Single keys for what is done often, and the page that lists them. They work while no text is typed.

import { type ReactNode, useEffect, useRef } from "react";
import { said, type Text } from "../lib/language.ts";

const LABELLED: readonly Text[] = ["Space", "Enter", "Delete", "Escape", "Ctrl"]; // keys with a word on them
const KEYS: ReadonlyArray<[keys: string, what: Text]> = [
  ["N", "Write a new todo"],
  ["/", "Search"],
  ["↑ ↓", "Go through the list"],
  ["Alt ↑ ↓", "Move the todo up or down"],
  ["Space", "Tick off, on a checkbox"],
  ["Enter", "Edit a title, and save it"],
  ["D", "Details of the todo"],
  ["Delete", "Delete the todo"],
  ["Escape", "Discard the edit, close the details"],
  ["Ctrl Z", "Undo the last deletion or move"],
  ["Ctrl Enter", "Save notes"],
  ["?", "Show this page"],
];

/** Whether the element takes the letters that are typed. */
export function takesText(element: EventTarget | null): boolean {
  if (element instanceof HTMLInputElement) return element.type !== "checkbox" && element.type !== "radio";
  return element instanceof HTMLTextAreaElement;
}

function labelOf(key: string): string {
  const label = LABELLED.find((each) => each === key);
  return label ? said(label) : key;
}

export function Keys(): ReactNode {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    function onKeyDown(event: KeyboardEvent): void {
      if (event.ctrlKey || event.metaKey || event.altKey || takesText(event.target) || dialog.current?.open) return;
      const field = { n: ".composer input", "/": ".side input" }[event.key];
      if (event.key === "?") dialog.current?.showModal();
      else if (field) document.querySelector<HTMLElement>(field)?.focus();
      else return;
      event.preventDefault();
    }
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, []);
  return (
    <>
      <button type="button" className="plain quiet show-keys" onClick={() => dialog.current?.showModal()}>
        {said("Keyboard")} <kbd>?</kbd>
      </button>
      <dialog ref={dialog} aria-label={said("Keyboard")}>
        <h2>{said("Keyboard")}</h2>
        <dl>
          {KEYS.map(([keys, what]) => (
            <div key={keys}>
              <dt>
                {keys.split(" ").map((key) => (
                  <kbd key={key}>{labelOf(key)}</kbd>
                ))}
              </dt>
              <dd>{said(what)}</dd>
            </div>
          ))}
        </dl>
        <form method="dialog">
          <button type="submit">{said("Close")}</button>
        </form>
      </dialog>
    </>
  );
}
