// Making a list, and changing one: its name, colour and place; and deleting it.

import { type FormEvent, type ReactNode, useEffect, useRef, useState } from "react";
import type { TodoList } from "../lib/api.ts";
import { expected, type Failure } from "../lib/failure.ts";
import { counted, said, type Text } from "../lib/language.ts";
import { isComposing } from "../lib/typing.ts";
import { FailureMessage } from "../parts/message.tsx";
import { type Color, COLORS, type Lists } from "./lists.ts";

const NAMES: Record<Color, Text> = {
  gray: "gray",
  red: "red",
  orange: "orange",
  yellow: "yellow",
  green: "green",
  teal: "teal",
  blue: "blue",
  purple: "purple",
  pink: "pink",
};

interface ListFormProps {
  lists: Lists;
  /** null: make a new one. */
  list: TodoList | null;
  /** How many todos are in it. */
  size: number;
  made: (list: TodoList) => void;
  remove: (list: TodoList) => void;
  share: (list: TodoList) => void;
  close: () => void;
}

export function ListForm({ lists, list, size, made, remove, share, close }: ListFormProps): ReactNode {
  const dialog = useRef<HTMLDialogElement>(null);
  const [name, setName] = useState(list?.name ?? "");
  const [color, setColor] = useState<Color>(list?.color ?? "gray");
  const [failure, setFailure] = useState<Failure | null>(null);
  const [isBusy, setBusy] = useState(false);
  useEffect(() => dialog.current?.showModal(), []);

  async function attempt(action: () => Promise<void>): Promise<void> {
    setFailure(null);
    setBusy(true);
    try {
      await action();
    } catch (error) {
      setFailure(expected(error));
    } finally {
      setBusy(false);
    }
  }

  function submit(event: FormEvent): void {
    event.preventDefault();
    const asked = name.trim();
    if (asked === "" || isBusy) return;
    void attempt(async () => {
      if (list) await lists.change(list, { name: asked, color });
      else made(await lists.create({ name: asked, color }));
      close();
    });
  }

  const all = lists.own();
  const at = all.findIndex((each) => each.id === list?.id);
  return (
    <dialog
      ref={dialog}
      className="list-form"
      aria-label={list ? said("List: {name}", { name: list.name }) : said("New list")}
      onClose={close}
    >
      <form onSubmit={submit}>
        <h2>{said(list ? "Change the list" : "A new list")}</h2>
        <div className="field">
          <label htmlFor="list-name">{said("Name")}</label>
          <input
            id="list-name"
            dir="auto"
            maxLength={100}
            autoComplete="off"
            value={name}
            onChange={(event) => setName(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === "Enter" && isComposing(event)) event.preventDefault();
            }}
          />
        </div>
        <fieldset className="swatches">
          <legend>{said("Colour")}</legend>
          {COLORS.map((each) => (
            <label key={each} title={said(NAMES[each])}>
              <input type="radio" name="color" checked={color === each} onChange={() => setColor(each)} />
              <span className={`dot ${each}`} />
              <span className="visually-hidden">{said(NAMES[each])}</span>
            </label>
          ))}
        </fieldset>
        {list && (
          <button
            type="button"
            className="to-share"
            onClick={() => {
              close();
              share(list);
            }}
          >
            {list.members === 0 ? said("Share …") : said("Shared with {number} …", { number: list.members })}
          </button>
        )}
        {list && all.length > 1 && (
          <fieldset>
            <legend>{said("Place: {number} of {total}", { number: at + 1, total: all.length })}</legend>
            <div className="quick">
              <button type="button" aria-disabled={at === 0} onClick={() => void attempt(() => lists.move(list, -1))}>
                {said("Move up")}
              </button>
              <button
                type="button"
                aria-disabled={at === all.length - 1}
                onClick={() => void attempt(() => lists.move(list, 1))}
              >
                {said("Move down")}
              </button>
            </div>
          </fieldset>
        )}
        {failure && <FailureMessage failure={failure} />}
        <div className="actions">
          <button type="submit" className="primary" disabled={name.trim() === ""} aria-busy={isBusy}>
            {said(list ? "Save" : "Make the list")}
          </button>
          <button type="button" onClick={() => dialog.current?.close()}>
            {said("Cancel")}
          </button>
        </div>
        {list && (
          <div className="delete-list">
            <p className="hint">
              {size === 0
                ? said("The list is empty.")
                : counted(
                    size,
                    "Its todo is deleted with it. You can undo this.",
                    "Its {number} todos are deleted with it. You can undo this.",
                  )}
            </p>
            <button
              type="button"
              className="danger"
              onClick={() => {
                close();
                remove(list);
              }}
            >
              {said("Delete the list")}
            </button>
          </div>
        )}
      </form>
    </dialog>
  );
}
