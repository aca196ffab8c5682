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
import type { Todo, TodoList } from "../lib/api.ts";
import type { Person } from "../lib/auth.ts";
import { dayOf, describeDue, isLate } from "../lib/due.ts";
import { expected, type Failure } from "../lib/failure.ts";
import { placeAt } from "../lib/positions.ts";
import { navigate, useAddress } from "../lib/router.ts";
import { Frame, Patience } from "../parts/frame.tsx";
import { FailureMessage } from "../parts/message.tsx";
import { Completed } from "../todos/completed.tsx";
import { Composer } from "../todos/composer.tsx";
import { Deleted, type DeletedThing } from "../todos/deleted.tsx";
import { Details } from "../todos/details.tsx";
import { type Emptiness, Empty } from "../todos/empty.tsx";
import { ListForm } from "../todos/list-form.tsx";
import { useDragging } from "../todos/ordering.ts";
import { focusRow, moveByArrows, rowOf, STEP } from "../todos/rows.ts";
import { Side } from "../todos/side.tsx";
import { isEdited, type RowActions, TodoRow } from "../todos/todo-row.tsx";
import { Trash } from "../todos/trash.tsx";
import { addressOf, count, listOf, nameOf, newIn, select, type View, viewAt } from "../todos/views.ts";
import { connection, store } from "../wiring.ts";

export function Todos({ session }: { session: { person: Person } }): ReactNode {
  const view = viewAt(useAddress());
  const { todos, lists } = useSyncExternalStore(store.subscribe, store.get);
  const [said, say] = useState("");
  const [deleted, setDeleted] = useState<readonly DeletedThing[]>([]);
  const [form, setForm] = useState<{ list: TodoList | null } | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);

  /** Deletes, and offers to undo it. */
  async function remove(thing: DeletedThing, act: () => Promise<void>): Promise<void> {
    setDeleted((before) => [...before, thing]);
    try {
      await act();
    } catch (error) {
      setDeleted((before) => before.filter((each) => each.id !== thing.id));
      throw error;
    }
  }

  async function removeList(list: TodoList): Promise<void> {
    setFailure(null);
    const thing = { id: list.id, name: list.name, restore: () => store.lists.restore(list) };
    if (listOf(view) === list.id) navigate("/");
    try {
      await remove(thing, () => store.lists.remove(list));
    } catch (error) {
      setFailure(expected(error));
    }
  }

  return (
    <Frame title={nameOf(view, lists)} person={session.person}>
      <p className="visually-hidden" role="status">
        {said}
      </p>
      {failure && <FailureMessage failure={failure} />}
      <List key={view} view={view} say={say} remove={remove} form={(list) => setForm({ list })} />
      {form && (
        <ListForm
          lists={store.lists}
          list={form.list && (lists.find((each) => each.id === form.list?.id) ?? form.list)}
          size={todos?.filter((each) => each.list_id === form.list?.id).length ?? 0}
          made={(list) => navigate(addressOf(`list ${list.id}`))}
          remove={(list) => void removeList(list)}
          close={() => setForm(null)}
        />
      )}
      <Deleted
        deleted={deleted}
        forget={(thing) => setDeleted((before) => before.filter((each) => each.id !== thing.id))}
        close={() => setDeleted([])}
      />
    </Frame>
  );
}

interface ListProps {
  view: View;
  say: (text: string) => void;
  remove: (thing: DeletedThing, act: () => Promise<void>) => Promise<void>;
  form: (list: TodoList | null) => void;
}

function List({ view, say, remove, form }: ListProps): ReactNode {
  const { todos, lists, gone, waiting, failure } = useSyncExternalStore(store.subscribe, store.get);
  const trouble = useSyncExternalStore(connection.subscribe, connection.get);
  const now = useMinute();
  const [words, setWords] = useState("");
  const [size, setSize] = useState(STEP);
  const [openedId, setOpened] = useState<string | null>(null);
  // What was just changed stays where it is until the next look: if the row disappeared, the next click would hit another.
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const list = useRef<HTMLUListElement>(null);
  const toFocus = useRef<number | null>(null);
  useEffect(store.resume, []);
  useEffect(() => {
    // Move the focus to the first of the new rows, without scrolling.
    const row = size > STEP ? list.current?.children[size - STEP] : undefined;
    row?.querySelector<HTMLElement>(".title")?.focus({ preventScroll: true });
  }, [size]);
  useLayoutEffect(() => {
    if (toFocus.current !== null) focusRow(list.current, toFocus.current); // the row is gone, and the focus with it
    toFocus.current = null;
  });

  const removing = useRef(remove);
  removing.current = remove;
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
      remove(todo) {
        toFocus.current = [...(list.current?.children ?? [])].findIndex((row) => rowOf(row)?.dataset.id === todo.id);
        setOpened((before) => (before === todo.id ? null : before));
        const thing = { id: todo.id, name: todo.title, restore: () => store.restore(todo) };
        return removing.current(thing, () => store.remove(todo));
      },
    };
  }, []);

  function add(title: string, due?: string): void {
    store.add({ ...newIn(view, title, Date.now()), ...(due === undefined ? {} : { due }) });
    say(`Added: ${title}`);
  }

  const lost = [...gone.values()].filter(isEdited);
  const found = todos && select(todos, { view, words, now, touched });
  const isEmpty = found?.open.length === 0 && waiting.length === 0 && lost.length === 0;
  const opened = todos?.find((each) => each.id === openedId);
  const listId = listOf(view);
  const counts = todos && count(todos, now);
  const here =
    listId === undefined
      ? counts
      : todos &&
        count(
          todos.filter((each) => each.list_id === listId),
          now,
        );
  const shownList = lists.find((each) => each.id === listId);
  const isAway = todos !== null && listId != null && !shownList;
  const isMovable = words === "" && (view === "all" || listId !== undefined);

  function move(id: string, index: number): void {
    const rows = found?.open ?? [];
    const todo = rows.find((each) => each.id === id);
    const others = rows.filter((each) => each.id !== id);
    if (!isMovable || !todo || index < 0 || index > others.length) return;
    say(`Moved to place ${index + 1} of ${rows.length}: ${todo.title}`);
    void store.move(todo, placeAt(others, index, true)).catch(expected); // the store takes it back, the banner says why
  }

  function moveBy(id: string, step: number): void {
    move(id, (found?.open ?? []).findIndex((each) => each.id === id) + step);
  }

  const dragging = useDragging(list, {
    move: (id, index) => move(id, index - lost.length),
    put(id, to) {
      const todo = todos?.find((each) => each.id === id);
      if (!todo) return;
      say(`Moved to ${to === "" ? "the inbox" : nameOf(`list ${to}`, lists)}: ${todo.title}`);
      void store.edit(todo, { list_id: to === "" ? null : to }).catch(expected);
    },
  });

  function onKeyDown(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const id = event.target instanceof Element ? rowOf(event.target)?.dataset.id : undefined;
    if (!event.altKey || step === undefined || id === undefined) return moveByArrows(event, list.current);
    event.preventDefault();
    moveBy(id, step);
  }

  const row = (todo: Todo): ReactNode => (
    <TodoRow
      key={todo.id}
      todo={todo}
      isGone={gone.has(todo.id)}
      due={todo.due && describeDue(todo.due, now)}
      isLate={todo.due !== null && todo.status === "open" && isLate(todo.due, now)}
      list={todo.list_id === listId ? undefined : lists.find((each) => each.id === todo.list_id)}
      isOpened={todo.id === openedId}
      isMovable={isMovable && todo.status === "open"}
      actions={actions}
    />
  );
  return (
    <div className={opened ? "desk has-details" : "desk"}>
      <Side view={view} lists={lists} counts={counts} words={words} search={setWords} form={form} />
      <div className="sheet">
        <header className="day">
          <h1 dir="auto">
            {shownList && <span className={`dot ${shownList.color}`} />}
            {isAway ? "No such list" : nameOf(view, lists)}
          </h1>
          <p>
            <time dateTime={dayOf(now)}>
              {new Intl.DateTimeFormat("en", { weekday: "long", day: "numeric", month: "long" }).format(now)}
            </time>
            {here && view !== "trash" && (
              <span className="counts">
                {here.open} open, {here.doneToday} done today
              </span>
            )}
          </p>
        </header>
        {view === "trash" && <Trash now={now} say={say} />}
        {!isAway && view !== "trash" && (
          <Composer
            add={add}
            refused={waiting.filter((each) => each.refusal)}
            withdraw={(key) => store.withdraw(key)}
          />
        )}
        {failure && <FailureMessage failure={failure} retry={store.resume} />}
        {found && !isEmpty && (
          <ul className="todos" ref={list} aria-label="Todos" onKeyDown={onKeyDown} {...dragging}>
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
        {found && isEmpty && (view !== "trash" || words !== "") && (
          <Empty of={emptiness(view, words, found.done.length, isAway)} />
        )}
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
          lists={lists}
          move={isMovable && opened.status === "open" ? (step) => moveBy(opened.id, step) : null}
          now={now}
          edit={actions.edit}
          close={() => {
            setOpened(null);
            document.querySelector<HTMLElement>(`[data-id="${opened.id}"] .about`)?.focus();
          }}
        />
      )}
    </div>
  );
}

function emptiness(view: View, words: string, done: number, isAway: boolean): Emptiness {
  if (words !== "") return "search";
  if (isAway) return "away";
  if (done > 0) return "finished";
  return view === "all" || view === "today" || view === "upcoming" ? view : "list";
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
