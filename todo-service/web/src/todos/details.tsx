// Everything of one todo that its row has no room for: when it is due, how much it matters, and notes.

import { type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from "react";
import type { Todo, TodoChange, TodoList } from "../lib/api.ts";
import { isOfConnection } from "../lib/connection.ts";
import { addDays, dayOf, describeDue, nextMonday, parseDue, renderDue } from "../lib/due.ts";
import { expected, type Failure } from "../lib/failure.ts";
import { said, type Text } from "../lib/language.ts";
import { isComposing } from "../lib/typing.ts";
import { FailureMessage } from "../parts/message.tsx";
import { Notes, ShownNotes } from "./notes.tsx";

const PRIORITIES = ["None", "Low", "Medium", "High"] as const satisfies readonly Text[];

interface DetailsProps {
  todo: Todo;
  lists: readonly TodoList[];
  /** It is in a list that the person may only look at. */
  isReadOnly: boolean;
  /** Move it up (-1) or down (1); null where the order is not the person's own. */
  move: ((step: number) => void) | null;
  now: number;
  /** Fails with `conflict` if it was changed somewhere else since `seen`. */
  edit: (seen: Todo, change: TodoChange) => Promise<void>;
  close: () => void;
}

/** `lists`: those that it may be moved to. */
export function Details({ todo, lists, isReadOnly, move, now, edit, close }: DetailsProps): ReactNode {
  const [failure, setFailure] = useState<Failure | null>(null);
  const pane = useRef<HTMLElement>(null);
  useEffect(() => pane.current?.focus(), []);

  async function save(change: TodoChange, seen = todo): Promise<boolean> {
    setFailure(null);
    try {
      await edit(seen, change);
      return true;
    } catch (error) {
      setFailure(expected(error));
      return false;
    }
  }

  function onKeyDown(event: KeyboardEvent): void {
    if (event.key !== "Escape" || isComposing(event)) return;
    event.stopPropagation();
    close();
  }

  return (
    <aside className="details" aria-label={said("Details")} ref={pane} tabIndex={-1} onKeyDown={onKeyDown}>
      <div className="heading">
        <h2 dir="auto">{todo.title}</h2>
        <button type="button" className="plain dismiss" aria-label={said("Close details")} onClick={close}>
          ×
        </button>
      </div>
      {isReadOnly ? (
        <ReadOnly todo={todo} now={now} />
      ) : (
        <>
          <When todo={todo} now={now} save={(due) => void save({ due })} />
          <fieldset className="segments">
            <legend>{said("Priority")}</legend>
            {PRIORITIES.map((name, priority) => (
              <label key={name}>
                <input
                  type="radio"
                  name="priority"
                  checked={todo.priority === priority}
                  onChange={() => void save({ priority })}
                />
                <span>{said(name)}</span>
              </label>
            ))}
          </fieldset>
          {lists.length > 0 && (todo.list_id === null || lists.some((each) => each.id === todo.list_id)) && (
            <div className="of-list">
              <label htmlFor="of-list">{said("List")}</label>
              <select
                id="of-list"
                value={todo.list_id ?? ""}
                onChange={(event) => void save({ list_id: event.target.value === "" ? null : event.target.value })}
              >
                <option value="">{said("Inbox")}</option>
                {lists.map((each) => (
                  <option key={each.id} value={each.id}>
                    {each.name}
                  </option>
                ))}
              </select>
            </div>
          )}
          {move && (
            <fieldset>
              <legend>{said("Place")}</legend>
              <div className="quick">
                <button type="button" onClick={() => move(-1)}>
                  {said("Move up")}
                </button>
                <button type="button" onClick={() => move(1)}>
                  {said("Move down")}
                </button>
              </div>
            </fieldset>
          )}
          <Notes todo={todo} save={(notes, seen) => save({ notes }, seen)} />
        </>
      )}
      {failure && !isOfConnection(failure) && <FailureMessage failure={failure} />}
    </aside>
  );
}

function ReadOnly({ todo, now }: { todo: Todo; now: number }): ReactNode {
  return (
    <>
      <p className="hint">{said("This list is shared with you to look at.")}</p>
      <dl>
        <div>
          <dt>{said("Due")}</dt>
          <dd>{todo.due === null ? said("No date") : describeDue(todo.due, now)}</dd>
        </div>
        <div>
          <dt>{said("Priority")}</dt>
          <dd>{said(PRIORITIES[todo.priority] ?? "None")}</dd>
        </div>
        <div>
          <dt>{said("Notes")}</dt>
          <dd>{todo.notes === "" ? said("No notes") : <ShownNotes text={todo.notes} />}</dd>
        </div>
      </dl>
    </>
  );
}

/** Buttons that can do nothing are not `disabled`: a disabled one loses the focus, and Escape would not be heard here. */
function When({ todo, now, save }: { todo: Todo; now: number; save: (due: string | null) => void }): ReactNode {
  const { date, time } = todo.due === null ? { date: "", time: "" } : parseDue(todo.due);
  const today = dayOf(now);
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const days: Array<[Text, string]> = [
    ["Today", today],
    ["Tomorrow", addDays(today, 1)],
    ["Next Monday", nextMonday(today)],
  ];
  const choices = days.filter(([, day], at) => days.findIndex((each) => each[1] === day) === at); // Monday may be tomorrow
  return (
    <fieldset className="when">
      <legend>{said("Due")}</legend>
      <div className="quick">
        {choices.map(([label, day]) => (
          <button
            key={label}
            type="button"
            aria-pressed={date === day}
            onClick={() => save(renderDue({ date: day, time }, zone))}
          >
            {said(label)}
          </button>
        ))}
        <button type="button" aria-disabled={date === ""} onClick={() => (date === "" ? undefined : save(null))}>
          {said("No date")}
        </button>
      </div>
      <div className="exact">
        <label>
          {said("Date")}
          <Changed type="date" value={date} save={(day) => save(renderDue({ date: day, time }, zone))} />
        </label>
        <label>
          {said("Time")}
          <Changed
            type="time"
            value={time}
            disabled={date === ""}
            save={(hour) => save(renderDue({ date, time: hour }, zone))}
          />
        </label>
      </div>
    </fieldset>
  );
}

/** Saved when the person leaves the field: while a date is typed, each of its parts makes another date. */
function Changed(props: {
  type: "date" | "time";
  value: string;
  disabled?: boolean;
  save: (value: string) => void;
}): ReactNode {
  const { value, save, ...rest } = props;
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  return (
    <input
      {...rest}
      max={rest.type === "date" ? "9999-12-31" : undefined}
      value={typed}
      onChange={(event) => setTyped(event.target.value)}
      onBlur={() => (typed === value ? undefined : save(typed))}
      onKeyDown={(event) => (event.key === "Enter" && typed !== value ? save(typed) : undefined)}
    />
  );
}
