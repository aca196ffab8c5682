import { type KeyboardEvent, memo, type ReactNode, useEffect, useRef, useState } from "react";
import type { Todo } from "../lib/api.ts";
import { draftOf, useDraft } from "../lib/drafts.ts";
import { expected, type Failure } from "../lib/failure.ts";
import { FailureMessage } from "../parts/message.tsx";

export interface RowActions {
  setDone: (todo: Todo, isDone: boolean) => Promise<void>;
  rename: (todo: Todo, title: string) => Promise<void>;
  remove: (todo: Todo) => Promise<void>;
}

/** There are many rows, so a row renders again only when its todo changes. `actions` must stay the same object. */
export const TodoRow = memo(function TodoRow({ todo, actions }: { todo: Todo; actions: RowActions }): ReactNode {
  const [isEditing, setEditing] = useState(draftOf(draftName(todo)) !== undefined); // the session ended while it was edited
  const [failure, setFailure] = useState<Failure | null>(null);
  const title = useRef<HTMLButtonElement>(null);
  const returnFocus = useRef(false);
  useEffect(() => {
    if (!isEditing && returnFocus.current) title.current?.focus();
    returnFocus.current = false;
  }, [isEditing]);

  async function attempt(action: () => Promise<void>): Promise<void> {
    setFailure(null);
    try {
      await action();
    } catch (error) {
      setFailure(expected(error));
    }
  }

  return (
    <li className={todo.status} data-id={todo.id}>
      <input
        type="checkbox"
        aria-label={`Done: ${todo.title}`}
        checked={todo.status === "done"}
        onChange={(event) => void attempt(() => actions.setDone(todo, event.target.checked))}
      />
      {isEditing ? (
        <Editor
          todo={todo}
          save={(text) => actions.rename(todo, text)}
          close={() => {
            returnFocus.current = true;
            setEditing(false);
          }}
        />
      ) : (
        <button ref={title} type="button" className="title" dir="auto" title="Edit" onClick={() => setEditing(true)}>
          {todo.title}
        </button>
      )}
      <button
        type="button"
        className="plain delete"
        aria-label={`Delete: ${todo.title}`}
        onClick={() => void attempt(() => actions.remove(todo))}
      >
        <svg viewBox="0 0 20 20" aria-hidden="true">
          <path d="M4 6h12M8.5 6V4h3v2M5.5 6l.7 10h7.6l.7-10" />
        </svg>
      </button>
      {failure && <FailureMessage failure={failure} />}
    </li>
  );
});

function draftName(todo: Todo): string {
  return `title of ${todo.id}`;
}

/** Enter saves, Escape discards, leaving the field saves. A refused text stays in the field. */
function Editor({
  todo,
  save,
  close,
}: {
  todo: Todo;
  save: (title: string) => Promise<void>;
  close: () => void;
}): ReactNode {
  const [text, setText] = useDraft(draftName(todo), todo.title);
  const [failure, setFailure] = useState<Failure | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const isBusy = useRef(false);
  useEffect(() => {
    input.current?.focus();
    input.current?.select();
  }, []);

  async function finish(): Promise<void> {
    if (isBusy.current) return;
    const asked = text.trim();
    if (asked === "" || asked === todo.title) return giveUp();
    isBusy.current = true;
    try {
      await save(asked);
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

  function onKeyDown(event: KeyboardEvent): void {
    if (event.key === "Enter" && !event.nativeEvent.isComposing) void finish();
    if (event.key === "Escape") giveUp();
    event.stopPropagation(); // while typing, arrow keys must not move between rows
  }

  return (
    <>
      <input
        ref={input}
        className="editor"
        aria-label={`Title of ${todo.title}`}
        dir="auto"
        enterKeyHint="done"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
        onBlur={() => (failure === null ? void finish() : undefined)}
      />
      {failure && (
        <div className="message problem" role="alert">
          <span>
            {failure.message}
            {failure.kind === "conflict" && (
              <>
                {" "}
                It is now “<bdi>{todo.title}</bdi>”.
              </>
            )}
          </span>
          <span className="choices">
            <button type="button" className="plain" onClick={() => void finish()}>
              Save mine
            </button>
            <button type="button" className="plain" onClick={giveUp}>
              Discard
            </button>
          </span>
        </div>
      )}
    </>
  );
}
