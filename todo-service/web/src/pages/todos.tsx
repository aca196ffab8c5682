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
import { dayOf, describeDue, isLate } from "../lib/due.ts";
import { useAddress } from "../lib/router.ts";
import { Frame, Link, Patience } from "../parts/frame.tsx";
import { FailureMessage } from "../parts/message.tsx";
import { Composer } from "../todos/composer.tsx";
import { Deleted } from "../todos/deleted.tsx";
import { Details } from "../todos/details.tsx";
import { Keys } from "../todos/keys.tsx";
import { isEdited, type RowActions, TodoRow } from "../todos/todo-row.tsx";
import { count, type Counts, newIn, select, type Selection, type View } from "../todos/views.ts";
import { connection, store } from "../wiring.ts";

const STEP = 200; // rows that are shown at once; more would make the page slow

const VIEWS: ReadonlyArray<[View, string]> = [
  ["all", "All"],
  ["today", "Today"],
  ["upcoming", "Upcoming"],
];

const EMPTY: Record<View | "search" | "finished", [heading: string, sentence: string]> = {
  all: ["A clear page", "Write down the first thing that is on your mind, and press Enter."],
  today: ["Nothing due today", "A todo with a date appears here on its day. What you add here is due today."],
  upcoming: ["Nothing ahead", "Give a todo a date in its details, and it waits here until its day."],
  finished: ["All done", "Nothing is waiting for you."],
  search: ["Nothing found", "Search looks at titles and notes, also of completed todos."],
};

export function Todos({ session }: { session: { person: Person } }): ReactNode {
  const view = parseView(useAddress().searchParams.get("show"));
  const [said, say] = useState("");
  return (
    <Frame title={VIEWS.find(([each]) => each === view)?.[1] ?? ""} person={session.person}>
      <p className="visually-hidden" role="status">
        {said}
      </p>
      <List key={view} view={view} say={say} />
    </Frame>
  );
}

function List({ view, say }: { view: View; say: (text: string) => void }): ReactNode {
  const { todos, gone, waiting, failure } = useSyncExternalStore(store.subscribe, store.get);
  const trouble = useSyncExternalStore(connection.subscribe, connection.get);
  const now = useMinute();
  const [words, setWords] = useState("");
  const [size, setSize] = useState(STEP);
  const [openedId, setOpened] = useState<string | null>(null);
  // What was just changed stays where it is until the next look: if the row disappeared, the next click would hit another.
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [deleted, setDeleted] = useState<readonly Todo[]>([]);
  const list = useRef<HTMLUListElement>(null);
  const toFocus = useRef<number | null>(null);
  useEffect(store.resume, []);
  useEffect(() => {
    // Move the focus to the first of the new rows, without scrolling.
    if (size > STEP) titleOf(list.current?.children[size - STEP])?.focus({ preventScroll: true });
  }, [size]);
  useLayoutEffect(() => {
    if (toFocus.current !== null) focusRow(list.current, toFocus.current); // the row is gone, and the focus with it
    toFocus.current = null;
  });

  const actions = useMemo<RowActions>(() => {
    const touch = ({ id }: Todo): void => setTouched((before) => new Set(before).add(id));
    return {
      setDone(todo, isDone) {
        touch(todo);
        return store.setDone(todo, isDone);
      },
      rename: (seen, title) => store.rename(seen, title),
      revive: (todo, title) => store.revive(todo, title),
      letGo: ({ id }) => store.letGo(id),
      open: ({ id }) => setOpened((before) => (before === id ? null : id)),
      edit(seen, change) {
        touch(seen);
        return store.edit(seen, change);
      },
      async remove(todo) {
        toFocus.current = [...(list.current?.children ?? [])].findIndex((row) => idOf(row) === todo.id);
        setOpened((before) => (before === todo.id ? null : before));
        setDeleted((before) => [...before, todo]);
        try {
          await store.remove(todo);
        } catch (error) {
          setDeleted((before) => before.filter((each) => each.id !== todo.id));
          throw error;
        }
      },
    };
  }, []);

  function add(title: string): void {
    store.add(newIn(view, title, Date.now()));
    say(`Added: ${title}`);
  }

  const lost = [...gone.values()].filter(isEdited);
  const found = todos && select(todos, { view, words, now, touched });
  const counts = todos && count(todos, now);
  const isEmpty = found?.open.length === 0 && waiting.length === 0 && lost.length === 0;
  const opened = todos?.find((each) => each.id === openedId);
  const row = (todo: Todo): ReactNode => (
    <TodoRow
      key={todo.id}
      todo={todo}
      isGone={gone.has(todo.id)}
      due={todo.due && describeDue(todo.due, now)}
      isLate={todo.due !== null && todo.status === "open" && isLate(todo.due, now)}
      isOpened={todo.id === openedId}
      actions={actions}
    />
  );
  return (
    <div className={opened ? "desk has-details" : "desk"}>
      <Side view={view} counts={counts} words={words} search={setWords} />
      <div className="sheet">
        <header className="day">
          <h1>{VIEWS.find(([each]) => each === view)?.[1]}</h1>
          <p>
            <time dateTime={dayOf(now)}>
              {new Intl.DateTimeFormat("en", { weekday: "long", day: "numeric", month: "long" }).format(now)}
            </time>
            {counts && (
              <span className="counts">
                {counts.open} open, {counts.doneToday} done today
              </span>
            )}
          </p>
        </header>
        <Composer add={add} refused={waiting.filter((each) => each.refusal)} withdraw={(key) => store.withdraw(key)} />
        {failure && <FailureMessage failure={failure} retry={store.resume} />}
        {found && !isEmpty && (
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
            {[...lost, ...found.open.slice(0, size)].map(row)}
          </ul>
        )}
        {found && isEmpty && <Empty of={emptiness(view, words, found)} />}
        {!found && !failure && !trouble && <Patience />}
        {found && found.open.length > size && (
          <button type="button" className="more" onClick={() => setSize(size + STEP)}>
            Show more
          </button>
        )}
        {found && found.done.length > 0 && (
          <Completed key={words === "" ? "all" : "found"} todos={found.done} isOpen={words !== ""} row={row} />
        )}
      </div>
      {opened && (
        <Details
          key={opened.id}
          todo={opened}
          now={now}
          edit={actions.edit}
          close={() => {
            setOpened(null);
            document.querySelector<HTMLElement>(`[data-id="${opened.id}"] .about`)?.focus();
          }}
        />
      )}
      <Deleted
        deleted={deleted}
        restore={async (todo) => {
          await store.restore(todo);
          setDeleted((before) => before.filter((each) => each.id !== todo.id));
        }}
        close={() => setDeleted([])}
      />
    </div>
  );
}

interface SideProps {
  view: View;
  counts: Counts | null;
  words: string;
  search: (words: string) => void;
}

/** The views, with their numbers, and the search. */
function Side({ view, counts, words, search }: SideProps): ReactNode {
  const numbers = { all: counts?.open, today: counts?.today, upcoming: counts?.upcoming };
  return (
    <div className="side">
      <nav aria-label="Show">
        {VIEWS.map(([value, label]) => (
          <Link
            key={value}
            to={value === "all" ? "/" : `/?show=${value}`}
            aria-current={value === view ? "page" : undefined}
          >
            {label}
            {(numbers[value] ?? 0) > 0 && (
              <span className="number">
                {numbers[value]}
                <span className="visually-hidden"> open</span>
              </span>
            )}
          </Link>
        ))}
      </nav>
      <input
        type="search"
        aria-label="Search"
        placeholder="Search"
        dir="auto"
        value={words}
        onChange={(event) => search(event.target.value)}
      />
      <Keys />
    </div>
  );
}

/** Folded, because what is done should not be in the way. */
function Completed({
  todos,
  isOpen,
  row,
}: {
  todos: Todo[];
  isOpen: boolean;
  row: (todo: Todo) => ReactNode;
}): ReactNode {
  const [size, setSize] = useState(STEP);
  const [isUnfolded, setUnfolded] = useState(isOpen);
  const list = useRef<HTMLUListElement>(null);
  return (
    <details className="completed" open={isUnfolded} onToggle={(event) => setUnfolded(event.currentTarget.open)}>
      <summary>
        Completed <span className="number">{todos.length}</span>
      </summary>
      {isUnfolded && (
        <ul
          className="todos"
          ref={list}
          aria-label="Completed"
          onKeyDown={(event) => moveByArrows(event, list.current)}
        >
          {todos.slice(0, size).map(row)}
        </ul>
      )}
      {isUnfolded && todos.length > size && (
        <button type="button" className="more" onClick={() => setSize(size + STEP)}>
          Show more completed
        </button>
      )}
    </details>
  );
}

function emptiness(view: View, words: string, { done }: Selection): keyof typeof EMPTY {
  if (words !== "") return "search";
  return done.length > 0 ? "finished" : view;
}

/** The time, renewed every minute: what was due becomes late, and a new day begins. */
function useMinute(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 30_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

function idOf(row: Element): string | undefined {
  return row instanceof HTMLElement ? row.dataset.id : undefined;
}

function titleOf(row: Element | undefined): HTMLElement | null {
  return row?.querySelector<HTMLElement>(".title") ?? null;
}

function parseView(value: string | null): View {
  return value === "today" || value === "upcoming" ? value : "all";
}

function Empty({ of }: { of: keyof typeof EMPTY }): ReactNode {
  const [heading, sentence] = EMPTY[of];
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
  const columns = ["input", ".about", ".delete"];
  const column = columns.find((each) => event.target instanceof Element && event.target.matches(each)) ?? ".title";
  const next = list.children[[...list.children].indexOf(row) + step];
  next?.querySelector<HTMLElement>(column)?.focus();
  event.preventDefault();
}

/** After a deletion, focus the row that took its place, or the one before; in an empty list, the field for a new todo. */
function focusRow(list: HTMLUListElement | null, at: number): void {
  const row = list?.children[at] ?? list?.children[at - 1];
  (row ?? document).querySelector<HTMLElement>(row ? ".delete" : ".composer input")?.focus();
}
