import {
  type KeyboardEvent,
  type ReactNode,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import type { Todo } from "../lib/api.ts";
import type { Person } from "../lib/auth.ts";
import { navigate, useAddress } from "../lib/router.ts";
import { Frame, Link, Patience } from "../parts/frame.tsx";
import { FailureMessage } from "../parts/message.tsx";
import { Composer } from "../todos/composer.tsx";
import { Deleted } from "../todos/deleted.tsx";
import { isEdited, type RowActions, TodoRow } from "../todos/todo-row.tsx";
import { connection, store } from "../wiring.ts";

type Shown = "all" | "open" | "done";

const STEP = 200; // rows that are shown at once; more would make the page slow

const FILTERS: ReadonlyArray<[Shown, string]> = [
  ["all", "All"],
  ["open", "Open"],
  ["done", "Done"],
];

const EMPTY: Record<Shown, [heading: string, sentence: string]> = {
  all: ["A clear page", "Write down the first thing that is on your mind, and press Enter."],
  open: ["All done", "Nothing is waiting for you."],
  done: ["Nothing finished yet", "What you tick off is kept here."],
};

export function Todos({ session }: { session: { person: Person } }): ReactNode {
  const shown = parseShown(useAddress().searchParams.get("show"));
  const [said, say] = useState("");
  return (
    <Frame title={shown === "all" ? "Your list" : shown === "open" ? "Open" : "Done"} person={session.person}>
      <h1 className="visually-hidden">Your todos</h1>
      <p className="visually-hidden" role="status">
        {said}
      </p>
      <List key={shown} shown={shown} say={say} />
    </Frame>
  );
}

function List({ shown, say }: { shown: Shown; say: (text: string) => void }): ReactNode {
  const { todos, gone, waiting, failure } = useSyncExternalStore(store.subscribe, store.get);
  const trouble = useSyncExternalStore(connection.subscribe, connection.get);
  const [count, setCount] = useState(STEP);
  // What was just ticked stays where it is until the next look: if the row disappeared, the next click would hit another.
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [deleted, setDeleted] = useState<readonly Todo[]>([]);
  const list = useRef<HTMLUListElement>(null);
  const toFocus = useRef<number | null>(null);
  useEffect(store.resume, []);
  useEffect(() => {
    // Move the focus to the first of the new rows, without scrolling.
    if (count > STEP) titleOf(list.current?.children[count - STEP])?.focus({ preventScroll: true });
  }, [count]);
  useLayoutEffect(() => {
    if (toFocus.current !== null) focusRow(list.current, toFocus.current); // the row is gone, and the focus with it
    toFocus.current = null;
  });

  const actions = useMemo<RowActions>(
    () => ({
      setDone(todo, isDone) {
        setTouched((before) => new Set(before).add(todo.id));
        return store.setDone(todo, isDone);
      },
      rename: (seen, title) => store.rename(seen, title),
      revive: (todo, title) => store.revive(todo, title),
      letGo: ({ id }) => store.letGo(id),
      async remove(todo) {
        toFocus.current = [...(list.current?.children ?? [])].findIndex((row) => idOf(row) === todo.id);
        setDeleted((before) => [...before, todo]);
        try {
          await store.remove(todo);
        } catch (error) {
          setDeleted((before) => before.filter((each) => each.id !== todo.id));
          throw error;
        }
      },
    }),
    [],
  );

  function add(title: string): void {
    store.add({ title });
    say(`Added: ${title}`);
    if (shown === "done") navigate("/"); // it is not done, so it would not be seen here
  }

  const lost = [...gone.values()].filter(isEdited);
  const matching = todos?.filter((each) => shown === "all" || each.status === shown || touched.has(each.id));
  const isEmpty = matching?.length === 0 && waiting.length === 0 && lost.length === 0;
  return (
    <>
      <Composer add={add} refused={waiting.filter((each) => each.refusal)} withdraw={(key) => store.withdraw(key)} />
      <nav className="filter" aria-label="Show">
        {FILTERS.map(([value, label]) => (
          <Link
            key={value}
            to={value === "all" ? "/" : `/?show=${value}`}
            aria-current={value === shown ? "page" : undefined}
          >
            {label}
          </Link>
        ))}
      </nav>
      {failure && <FailureMessage failure={failure} retry={store.resume} />}
      {matching && !isEmpty && (
        <ul className="todos" ref={list} aria-label="Todos" onKeyDown={(event) => moveByArrows(event, list.current)}>
          {waiting
            .filter((each) => each.refusal === undefined)
            .map((each) => (
              <li key={each.key} className="waiting">
                <span className="title" dir="auto">
                  {each.todo.title}
                </span>
                <small>{trouble ? "Not sent yet" : "Sending …"}</small>
              </li>
            ))
            .reverse()}
          {[...lost, ...matching.slice(0, count)].map((todo) => (
            <TodoRow key={todo.id} todo={todo} isGone={gone.has(todo.id)} actions={actions} />
          ))}
        </ul>
      )}
      {isEmpty && <Empty shown={shown} />}
      {!matching && !failure && !trouble && <Patience />}
      {matching && matching.length > count && (
        <button type="button" className="more" onClick={() => setCount(count + STEP)}>
          Show more
        </button>
      )}
      <Deleted
        deleted={deleted}
        restore={async (todo) => {
          await store.restore(todo);
          setDeleted((before) => before.filter((each) => each.id !== todo.id));
        }}
        close={() => setDeleted([])}
      />
    </>
  );
}

function idOf(row: Element): string | undefined {
  return row instanceof HTMLElement ? row.dataset.id : undefined;
}

function titleOf(row: Element | undefined): HTMLElement | null {
  return row?.querySelector<HTMLElement>(".title") ?? null;
}

function parseShown(value: string | null): Shown {
  return value === "open" || value === "done" ? value : "all";
}

function Empty({ shown }: { shown: Shown }): ReactNode {
  const [heading, sentence] = EMPTY[shown];
  return (
    <div className="empty">
      <svg viewBox="0 0 48 48" aria-hidden="true">
        <circle cx="24" cy="24" r="20" />
        <path d="m16 25 6 6 11-13" />
      </svg>
      <h2>{heading}</h2>
      <p>{sentence}</p>
    </div>
  );
}

/** Arrow up and down move the focus between rows, in the same column. */
function moveByArrows(event: KeyboardEvent, list: HTMLUListElement | null): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const row = event.target instanceof Element ? event.target.closest("li") : null;
  if (step === undefined || row === null || list === null) return;
  const column =
    event.target instanceof HTMLInputElement
      ? "input"
      : event.target instanceof Element && event.target.matches(".delete")
        ? ".delete"
        : ".title";
  const next = list.children[[...list.children].indexOf(row) + step];
  next?.querySelector<HTMLElement>(column)?.focus();
  event.preventDefault();
}

/** After a deletion, focus the row that took its place, or the one before; in an empty list, the field for a new todo. */
function focusRow(list: HTMLUListElement | null, at: number): void {
  const row = list?.children[at] ?? list?.children[at - 1];
  (row ?? document).querySelector<HTMLElement>(row ? ".delete" : ".composer input")?.focus();
}
