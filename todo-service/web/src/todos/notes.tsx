// The notes of a todo: shown as Markdown, written as plain text.

import { type FormEvent, type ReactNode, useEffect, useState } from "react";
import type { Todo } from "../lib/api.ts";
import { useDraft } from "../lib/drafts.ts";
import { said } from "../lib/language.ts";
import { loadMarkdown, Markdown, type Read } from "./markdown.tsx";

let loaded: Read | null = null;

/** As Markdown, or as they were typed while the library is not there. */
export function ShownNotes({ text }: { text: string }): ReactNode {
  const [read, setRead] = useState(() => loaded);
  useEffect(() => {
    if (read) return;
    void loadMarkdown().then(
      (found) => setRead(() => (loaded = found)),
      () => undefined,
    );
  }, [read]);
  return (
    <div dir="auto">
      <Markdown text={text} read={read} />
    </div>
  );
}

interface NotesProps {
  todo: Todo;
  /** False if it failed. */
  save: (notes: string, seen: Todo) => Promise<boolean>;
}

export function Notes({ todo, save }: NotesProps): ReactNode {
  const [text, setText] = useDraft(`notes of ${todo.id}`, todo.notes);
  const [seen, setSeen] = useState(todo); // the todo may change meanwhile: then the notes are a conflict
  const [hasFailed, setFailed] = useState(false);
  const [isWriting, setWriting] = useState(false);
  const [wasWriting, setWasWriting] = useState(false); // then the focus goes back to the button
  const isDirty = text !== seen.notes;
  useEffect(() => {
    if (!isDirty) {
      setSeen(todo);
      setText(todo.notes);
    }
  }, [todo, isDirty, setText]);

  async function submit(event?: FormEvent): Promise<void> {
    event?.preventDefault();
    if (isDirty) {
      const isSaved = await save(text, hasFailed ? todo : seen); // once more, after a conflict: the person has decided
      if (isSaved) setSeen({ ...todo, notes: text });
      setFailed(!isSaved);
      if (!isSaved) return;
    }
    setWriting(false);
    setWasWriting(true);
  }

  if (!isWriting && !isDirty && text !== "")
    return (
      <section className="notes" aria-label={said("Notes")}>
        <h3>{said("Notes")}</h3>
        <ShownNotes text={text} />
        <button type="button" autoFocus={wasWriting} onClick={() => setWriting(true)}>
          {said("Edit notes")}
        </button>
      </section>
    );
  return (
    <form className="notes" onSubmit={(event) => void submit(event)}>
      <label>
        {said("Notes")}
        <textarea
          dir="auto"
          rows={4}
          maxLength={10_000}
          value={text}
          autoFocus={isWriting}
          onFocus={() => setWriting(true)}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void submit();
          }}
        />
      </label>
      <button type="submit" className="primary" aria-disabled={!isDirty && seen.notes === ""}>
        {said("Save notes")}
      </button>
    </form>
  );
}
