import { type KeyboardEvent, memo, type ReactNode, useEffect, useRef, useState } from "react";
import type { Todo, TodoChange, TodoList } from "../lib/api.ts";
import { isOfConnection } from "../lib/connection.ts";
import { draftNames, draftOf, useDraft } from "../lib/drafts.ts";
import { expected, type Failure } from "../lib/failure.ts";
import { said, saidWith, type Text } from "../lib/language.ts";
import { isComposing, oneLine } from "../lib/typing.ts";
import { FailureMessage } from "../parts/message.tsx";
import { startOfNotes } from "./start-of-notes.ts";

const PRIORITIES: readonly (Text | null)[] = [null, "Low priority", "Medium priority", "High priority"];

export interface RowActions {
  setDone: (todo: Todo, isDone: boolean) => Promise<void>;
  /** Fails with `conflict` if the title is no longer that of `seen`. */
  rename: (seen: Todo, title: string) => Promise<void>;
  /** Bring back a todo that was deleted somewhere else, with this title. */
  revive: (todo: Todo, title: string) => Promise<void>;
  letGo: (todo: Todo) => void;
  remove: (todo: Todo) => Promise<void>;
  open: (todo: Todo) => void;
  edit: (seen: Todo, change: TodoChange) => Promise<void>;
}

/** Whether something was typed in the todo's row and not saved. */
export function isEdited(todo: Todo): boolean {
  return draftOf(draftName(todo)) !== undefined;
}

/** The todos in whose rows something was typed and not saved. */
export function editedIds(): string[] {
  return draftNames().flatMap((name) => (name.startsWith(TITLE_OF) ? [name.slice(TITLE_OF.length)] : []));
}

interface TodoRowProps extends ContentProps {
  /** Its place among all rows of the list, from 1; many of them are not in the page. */
  place: number;
  total: number;
}

interface ContentProps {
  todo: Todo;
  /** It was deleted somewhere else while it was edited here. */
  isGone?: boolean;
  /** When it is due, in words; the row renders again when they change. */
  due: string | null;
  isLate: boolean;
  /** The list that it is in, if the view does not say so. */
  list: TodoList | undefined;
  isOpened: boolean;
  /** Whether the person may put the rows in another order here. */
  isMovable: boolean;
  /** It is in a list that the person may only look at. */
  isReadOnly: boolean;
  /** A change of it waits for the network. */
  isUnsent: boolean;
  actions: RowActions;
}

export function TodoRow({ place, total, ...content }: TodoRowProps): ReactNode {
  const { todo } = content;
  return (
    <li
      className={`${todo.status} priority-${todo.priority}`}
      data-id={todo.id}
      data-place={place}
      aria-posinset={place}
      aria-setsize={total}
    >
      <Content {...content} />
    </li>
  );
}

/** A new todo changes the places of all rows, so what is in a row renders again only when its todo changes. `actions` must
 * stay the same object. */
const Content = memo(function Content({
  todo,
  isGone = false,
  due,
  isLate,
  list,
  isOpened,
  isMovable,
  isReadOnly,
  isUnsent,
  actions,
}: ContentProps): ReactNode {
  const [isEditing, setEditing] = useState(isEdited(todo)); // the session ended, or the page was reloaded, meanwhile
  const [failure, setFailure] = useState<Failure | null>(null);
  const title = useRef<HTMLButtonElement>(null);
  const returnFocus = useRef(false);
  useEffect(() => {
    if (!isEditing && returnFocus.current) title.current?.focus();
    returnFocus.current = false;
  }, [isEditing]);

  const priority = PRIORITIES[todo.priority];
  const start = startOfNotes(todo.notes);

  async function attempt(action: () => Promise<void>): Promise<void> {
    setFailure(null);
    try {
      await action();
    } catch (error) {
      const failed = expected(error);
      if (!isOfConnection(failed)) setFailure(failed); // the banner says it for all
    }
  }

  return (
    <>
      {isMovable && (
        <span className="grip" aria-hidden="true" title={said("Drag to move")}>
          <svg viewBox="0 0 8 20">
            <path d="M2 6h.01M6 6h.01M2 10h.01M6 10h.01M2 14h.01M6 14h.01" />
          </svg>
        </span>
      )}
      <input
        type="checkbox"
        aria-label={said("Done: {title}", { title: todo.title })}
        disabled={isGone || isReadOnly}
        checked={todo.status === "done"}
        onChange={(event) => void attempt(() => actions.setDone(todo, event.target.checked))}
      />
      {isEditing ? (
        <Editor
          todo={todo}
          isGone={isGone}
          actions={actions}
          close={() => {
            returnFocus.current = true;
            setEditing(false);
            if (isGone) actions.letGo(todo);
          }}
        />
      ) : isReadOnly ? (
        <span className="title" dir="auto">
          <span className="clamped">{todo.title}</span>
        </span>
      ) : (
        <button
          ref={title}
          type="button"
          className="title"
          dir="auto"
          title={said("Edit")}
          onClick={() => setEditing(true)}
        >
          <span className="clamped">{todo.title}</span>
        </button>
      )}
      <button
        type="button"
        className="plain about"
        aria-label={said("Details: {title}", { title: todo.title })}
        aria-describedby={`about-${todo.id}`}
        aria-expanded={isOpened}
        onClick={() => actions.open(todo)}
      >
        <svg viewBox="0 0 20 20" aria-hidden="true">
          <path d="M4 6h12M4 10h12M4 14h7" />
        </svg>
      </button>
      {!isReadOnly && (
        <button
          type="button"
          className="plain delete"
          aria-label={said("Delete: {title}", { title: todo.title })}
          onClick={() => void attempt(() => actions.remove(todo))}
        >
          <svg viewBox="0 0 20 20" aria-hidden="true">
            <path d="M4 6h12M8.5 6V4h3v2M5.5 6l.7 10h7.6l.7-10" />
          </svg>
        </button>
      )}
      <p className="about-it" id={`about-${todo.id}`}>
        {isUnsent && <span className="unsent">{said("Not sent yet")}</span>}
        {due && (
          <span className={isLate ? "due late" : "due"}>{isLate ? said("Late: {when}", { when: due }) : due}</span>
        )}
        {priority && <span className="priority">{said(priority)}</span>}
        {list && (
          <span className="in-list">
            <span className={`dot ${list.color}`} />
            <span dir="auto">{list.name}</span>
          </span>
        )}
        {start && (
          <span className="start-of-notes" dir="auto">
            {start}
          </span>
        )}
      </p>
      {failure && <FailureMessage failure={failure} />}
    </>
  );
});

const TITLE_OF = "title of ";

function draftName(todo: Todo): string {
  return TITLE_OF + todo.id;
}

/** Enter saves, Escape discards, leaving the field saves. A refused text stays in the field. */
function Editor({
  todo,
  isGone,
  actions,
  close,
}: {
  todo: Todo;
  isGone: boolean;
  actions: RowActions;
  close: () => void;
}): ReactNode {
  const [text, setText] = useDraft(draftName(todo), todo.title);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [seen, setSeen] = useState(todo); // the todo may change meanwhile: then the title is a conflict
  const input = useRef<HTMLTextAreaElement>(null);
  const isBusy = useRef(false);
  useEffect(() => {
    input.current?.focus();
    input.current?.select();
  }, []);

  async function finish(how: (todo: Todo, title: string) => Promise<void>): Promise<void> {
    if (isBusy.current) return;
    const asked = text.trim();
    if (asked === "" || (asked === todo.title && !isGone)) return giveUp();
    isBusy.current = true;
    try {
      await how(seen, asked);
      setText("");
      close();
    } catch (error) {
      setFailure(expected(error));
      input.current?.focus();
    } finally {
      isBusy.current = false;
    }
  }

  function giveUp(): void {
    setText("");
    close();
  }

  function saveMine(): void {
    setSeen(todo);
    void finish((_, title) => (isGone ? actions.revive(todo, title) : actions.rename(todo, title)));
  }

  function onKeyDown(event: KeyboardEvent): void {
    event.stopPropagation(); // while typing, arrow keys must not move between rows
    if (isComposing(event)) return;
    if (event.key === "Escape") giveUp();
    if (event.key !== "Enter") return;
    event.preventDefault(); // a title is one line, which may be shown in several
    if (!isGone) void finish(actions.rename);
  }

  return (
    <>
      <textarea
        ref={input}
        className="editor"
        aria-label={said("Title of {title}", { title: seen.title })}
        dir="auto"
        rows={1}
        enterKeyHint="done"
        value={text}
        onChange={(event) => setText(oneLine(event.target.value))}
        onKeyDown={onKeyDown}
        onBlur={() => (failure === null && !isGone ? void finish(actions.rename) : undefined)}
      />
      {(failure || isGone) && (
        <div className={`message ${failure && isOfConnection(failure) ? "notice" : "problem"}`} role="alert">
          <span>
            {isGone ? said("This was deleted somewhere else.") : failure && <Why failure={failure} todo={todo} />}
          </span>
          <span className="choices">
            <button type="button" className="plain" onClick={saveMine}>
              {said(isGone ? "Bring it back with mine" : "Save mine")}
            </button>
            <button type="button" className="plain" onClick={giveUp}>
              {said("Discard")}
            </button>
          </span>
        </div>
      )}
    </>
  );
}

function Why({ failure, todo }: { failure: Failure; todo: Todo }): ReactNode {
  if (isOfConnection(failure)) return said("Not saved yet.");
  return (
    <>
      {failure.message}
      {failure.kind === "conflict" && <> {saidWith("It is now “{title}”.", { title: <bdi>{todo.title}</bdi> })}</>}
    </>
  );
}
