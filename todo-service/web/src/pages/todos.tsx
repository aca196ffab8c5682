import { type KeyboardEvent, type ReactNode, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import type { Todo } from "../lib/api.ts";
import type { Person } from "../lib/auth.ts";
import { expected, type Failure } from "../lib/failure.ts";
import { useAddress } from "../lib/router.ts";
import { Frame, Link, Patience } from "../parts/frame.tsx";
import { FailureMessage } from "../parts/message.tsx";
import { useOnline } from "../parts/online.ts";
import { Composer } from "../todos/composer.tsx";
import { Deleted, type Deletion } from "../todos/deleted.tsx";
import { type RowActions, TodoRow } from "../todos/todo-row.tsx";
import { type Shown, useTodos } from "../todos/use-todos.ts";

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
  const todos = useTodos(shown);
  const [deleted, setDeleted] = useState<Deletion | null>(null);
  const list = useRef<HTMLUListElement>(null);
  const [firstOfMore, setFirstOfMore] = useState<Todo | undefined>();
  useEffect(() => {
    // Move the focus to the first of the new rows, without scrolling.
    if (firstOfMore)
      list.current?.querySelector<HTMLElement>(`[data-id="${firstOfMore.id}"] .title`)?.focus({ preventScroll: true });
  }, [firstOfMore]);
  useLayoutEffect(() => {
    if (deleted) focusRow(list.current, deleted.at); // after the row is removed, because the focus would be lost with it
  }, [deleted]);
  const latest = useRef(todos);
  useLayoutEffect(() => {
    latest.current = todos;
  });
  useReloadWhenBackOnline(todos.failure, todos.load);

  const actions = useMemo<RowActions>(
    () => ({
      setDone: (todo, isDone) => latest.current.setDone(todo, isDone),
      rename: (todo, title) => latest.current.rename(todo, title),
      async remove(todo) {
        const at = latest.current.items?.findIndex((each) => each.id === todo.id) ?? 0;
        await latest.current.remove(todo);
        setDeleted({ todo, at });
      },
    }),
    [],
  );

  const { items, failure } = todos;
  return (
    <Frame title={shown === "all" ? "Your list" : shown === "open" ? "Open" : "Done"} person={session.person}>
      <h1 className="visually-hidden">Your todos</h1>
      <Composer add={todos.add} />
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
      {failure && <FailureMessage failure={failure} retry={() => void todos.load()} />}
      {items && items.length > 0 && (
        <ul className="todos" ref={list} aria-label="Todos" onKeyDown={(event) => moveByArrows(event, list.current)}>
          {items.map((todo) => (
            <TodoRow key={todo.id} todo={todo} actions={actions} />
          ))}
        </ul>
      )}
      {items?.length === 0 && !failure && <Empty shown={shown} />}
      {items === null && !failure && <Patience />}
      {todos.hasMore && <More load={() => todos.loadMore().then(setFirstOfMore)} />}
      {deleted && (
        <Deleted key={deleted.todo.id} deletion={deleted} restore={todos.restore} close={() => setDeleted(null)} />
      )}
    </Frame>
  );
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

function More({ load }: { load: () => Promise<void> }): ReactNode {
  const [failure, setFailure] = useState<Failure | null>(null);
  async function go(): Promise<void> {
    setFailure(null);
    try {
      await load();
    } catch (error) {
      setFailure(expected(error));
    }
  }
  return failure ? (
    <FailureMessage failure={failure} retry={() => void go()} />
  ) : (
    <button type="button" className="more" onClick={() => void go()}>
      Show more
    </button>
  );
}

function useReloadWhenBackOnline(failure: Failure | null, load: () => Promise<void>): void {
  const isOnline = useOnline();
  const hasFailed = failure?.kind === "offline";
  useEffect(() => {
    if (isOnline && hasFailed) void load();
  }, [isOnline, hasFailed, load]);
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
