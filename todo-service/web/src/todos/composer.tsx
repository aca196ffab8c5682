import {
  type ClipboardEvent,
  type FormEvent,
  type KeyboardEvent,
  type ReactNode,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { useDraft } from "../lib/drafts.ts";
import { describeDue, parseDue } from "../lib/due.ts";
import { Failure } from "../lib/failure.ts";
import { said, saidWith } from "../lib/language.ts";
import { type FindDate, loadDates } from "../lib/typed-dates.ts";
import { isComposing, MOST_LINES, oneLine, titlesOf } from "../lib/typing.ts";
import { FailureMessage } from "../parts/message.tsx";
import { Pasted } from "./pasted.tsx";
import type { Waiting } from "./store.ts";

const UNASKED = 5; // pasted lines that become todos without a question

interface ComposerProps {
  /** `due`: the date that was typed with the title. */
  add: (title: string, due?: string) => void;
  /** The lines of a pasted list. */
  addAll: (titles: readonly string[]) => void;
  /** Todos that the API has refused. */
  refused: readonly Waiting[];
  withdraw: (key: string) => void;
}

/** The field is empty at once when Enter is pressed, so the next todo can be typed while the last one is sent. */
export function Composer({ add, addAll, refused, withdraw }: ComposerProps): ReactNode {
  const [title, setTitle] = useDraft("new");
  const [failure, setFailure] = useState<Failure | null>(null);
  const [findDate, setFindDate] = useState<FindDate | null>(null);
  const [refusedWords, setRefusedWords] = useState(""); // a date that is meant as text
  const [pasted, setPasted] = useState<{ titles: readonly string[]; line: string } | null>(null);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (window.matchMedia("(hover: hover)").matches) input.current?.focus(); // on a phone the keyboard would cover the list
  }, []);

  const first = refused[0];
  useEffect(() => {
    if (first?.refusal && title === "") takeBack(first, first.refusal); // else the message below offers it
  });

  function takeBack({ key, todo }: Waiting, refusal: Failure): void {
    const { date, time } = todo.due ? parseDue(todo.due) : { date: "", time: "" };
    setTitle([todo.title, date, time].filter(Boolean).join(" "));
    setFailure(refusal);
    withdraw(key);
    input.current?.focus();
  }

  useEffect(() => {
    if (title === "" || findDate) return;
    void loadDates().then(
      (loaded) => setFindDate(() => loaded),
      () => undefined, // without it a date is set in the details
    );
  }, [title, findDate]);
  const found = useMemo(() => findDate?.(title, Date.now(), zoneOf()) ?? null, [findDate, title]); // it takes milliseconds
  const typed = found?.words === refusedWords ? null : found;

  function submit(event: FormEvent): void {
    event.preventDefault();
    const asked = title.trim();
    if (asked === "") return;
    setTitle("");
    setFailure(null);
    setRefusedWords("");
    if (typed) add(typed.title, typed.due);
    else add(asked);
    input.current?.focus();
  }

  /** A list becomes todos; the person is asked first if it is long, or if something was typed that it may belong to. */
  function paste(event: ClipboardEvent<HTMLInputElement>): void {
    const text = event.clipboardData.getData("text/plain");
    const titles = titlesOf(text);
    setFailure(null);
    setPasted(null);
    if (titles?.length === 0) return;
    event.preventDefault();
    if (titles === null)
      return setFailure(
        new Failure(
          "invalid",
          said("Nothing was pasted: at most {number} lines at once become todos.", { number: MOST_LINES }),
        ),
      );
    if (titles.length <= UNASKED && title === "") return addAll(titles);
    const { selectionStart, selectionEnd } = event.currentTarget;
    const line = title.slice(0, selectionStart ?? 0) + oneLine(text.trim()) + title.slice(selectionEnd ?? 0);
    setPasted({ titles, line });
  }

  function decide(act: () => void): void {
    act();
    setPasted(null);
    input.current?.focus();
  }

  return (
    <form className="composer" onSubmit={submit}>
      <div className="control">
        <input
          ref={input}
          aria-label={said("New todo")}
          placeholder={said("What needs doing?")}
          autoComplete="off"
          enterKeyHint="done"
          dir="auto"
          value={title}
          onChange={(event) => setTitle(event.target.value)}
          onPaste={paste}
          onKeyDown={(event: KeyboardEvent) => {
            if (event.key === "Enter" && isComposing(event)) event.preventDefault();
          }}
        />
        <button type="submit" className="primary" disabled={title.trim() === ""}>
          {said("Add")}
        </button>
      </div>
      {pasted && (
        <Pasted
          titles={pasted.titles}
          addAll={() => decide(() => addAll(pasted.titles))}
          paste={() => decide(() => setTitle(pasted.line))}
          close={() => decide(() => undefined)}
        />
      )}
      {typed && (
        <p className="typed-date">
          <output className="due">{said("Due: {when}", { when: describeDue(typed.due, Date.now()) })}</output>
          <button
            type="button"
            className="plain quiet"
            onClick={() => (setRefusedWords(typed.words), input.current?.focus())}
          >
            {saidWith("Keep “{words}” as text", { words: <bdi>{typed.words}</bdi> })}
          </button>
        </p>
      )}
      {failure && <FailureMessage failure={failure} />}
      {title !== "" && first?.refusal && (
        <div className="message problem" role="alert">
          <span>
            {saidWith("“{title}” was not added.", { title: <bdi>{first.todo.title}</bdi> })} {first.refusal.message}
          </span>
          <button type="button" className="plain" onClick={() => withdraw(first.key)}>
            {said("Discard it")}
          </button>
        </div>
      )}
    </form>
  );
}

function zoneOf(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
