import { type FormEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { useDraft } from "../lib/drafts.ts";
import { expected, type Failure } from "../lib/failure.ts";
import { FailureMessage } from "../parts/message.tsx";

/** Keeps the text until the API has stored it, with one Idempotency-Key, so that trying again never makes two todos. */
export function Composer({ add }: { add: (title: string, key: string) => Promise<void> }): ReactNode {
  const [title, setTitle] = useDraft("new");
  const [failure, setFailure] = useState<Failure | null>(null);
  const [isBusy, setBusy] = useState(false);
  const key = useRef<{ title: string; key: string } | null>(null);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (window.matchMedia("(hover: hover)").matches) input.current?.focus(); // on a phone the keyboard would cover the list
  }, []);

  async function submit(event?: FormEvent): Promise<void> {
    event?.preventDefault();
    const asked = title.trim();
    if (asked === "" || isBusy) return;
    if (key.current?.title !== asked) key.current = { title: asked, key: crypto.randomUUID() };
    setBusy(true);
    try {
      await add(asked, key.current.key);
      key.current = null;
      setTitle("");
      setFailure(null);
    } catch (error) {
      setFailure(expected(error));
    } finally {
      setBusy(false);
      input.current?.focus();
    }
  }

  return (
    <form className="composer" onSubmit={(event) => void submit(event)}>
      <div className="control">
        <input
          ref={input}
          aria-label="New todo"
          placeholder="What needs doing?"
          autoComplete="off"
          enterKeyHint="done"
          dir="auto"
          readOnly={isBusy}
          value={title}
          onChange={(event) => setTitle(event.target.value)}
        />
        <button type="submit" className="primary" aria-busy={isBusy} disabled={title.trim() === ""}>
          Add
        </button>
      </div>
      {failure && <FailureMessage failure={failure} retry={() => void submit()} />}
    </form>
  );
}
