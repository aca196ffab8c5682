import { type FormEvent, type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { useDraft } from "../lib/drafts.ts";
import type { Failure } from "../lib/failure.ts";
import { isComposing, titlesOf } from "../lib/typing.ts";
import { FailureMessage } from "../parts/message.tsx";
import type { Waiting } from "./store.ts";

interface ComposerProps {
  add: (title: string) => void;
  /** Todos that the API has refused. */
  refused: readonly Waiting[];
  withdraw: (key: string) => void;
}

/** The field is empty at once when Enter is pressed, so the next todo can be typed while the last one is sent. */
export function Composer({ add, refused, withdraw }: ComposerProps): ReactNode {
  const [title, setTitle] = useDraft("new");
  const [failure, setFailure] = useState<Failure | null>(null);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (window.matchMedia("(hover: hover)").matches) input.current?.focus(); // on a phone the keyboard would cover the list
  }, []);

  const first = refused[0];
  useEffect(() => {
    if (first?.refusal && title === "") takeBack(first, first.refusal); // else the message below offers it
  });

  function takeBack({ key, todo }: Waiting, refusal: Failure): void {
    setTitle(todo.title);
    setFailure(refusal);
    withdraw(key);
    input.current?.focus();
  }

  function submit(event: FormEvent): void {
    event.preventDefault();
    const asked = title.trim();
    if (asked === "") return;
    setTitle("");
    setFailure(null);
    add(asked);
    input.current?.focus();
  }

  return (
    <form className="composer" onSubmit={submit}>
      <div className="control">
        <input
          ref={input}
          aria-label="New todo"
          placeholder="What needs doing?"
          autoComplete="off"
          enterKeyHint="done"
          dir="auto"
          value={title}
          onChange={(event) => setTitle(event.target.value)}
          onPaste={(event) => {
            const titles = title === "" ? titlesOf(event.clipboardData.getData("text/plain")) : [];
            if (titles.length > 0) event.preventDefault();
            for (const each of titles) add(each);
          }}
          onKeyDown={(event: KeyboardEvent) => {
            if (event.key === "Enter" && isComposing(event)) event.preventDefault();
          }}
        />
        <button type="submit" className="primary" disabled={title.trim() === ""}>
          Add
        </button>
      </div>
      {failure && <FailureMessage failure={failure} />}
      {title !== "" && first?.refusal && (
        <div className="message problem" role="alert">
          <span>
            “<bdi>{first.todo.title}</bdi>” was not added. {first.refusal.message}
          </span>
          <button type="button" className="plain" onClick={() => withdraw(first.key)}>
            Discard it
          </button>
        </div>
      )}
    </form>
  );
}
