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
import { describeDue, isLate } from "../lib/due.ts";
import { expected, type Failure } from "../lib/failure.ts";
import { said } from "../lib/language.ts";
import { placeAt } from "../lib/positions.ts";
import { navigate, useAddress } from "../lib/router.ts";
import { KeptNotice } from "../parts/connection-banner.tsx";
import { Frame, Patience } from "../parts/frame.tsx";
import { FailureMessage } from "../parts/message.tsx";
import { Completed } from "../todos/completed.tsx";
import { Composer } from "../todos/composer.tsx";
import { Day, useMinute } from "../todos/day.tsx";
import { Details } from "../todos/details.tsx";
import { type Emptiness, Empty } from "../todos/empty.tsx";
import { LateOnes, ofEarlierDays, toToday } from "../todos/late.tsx";
import { ListForm } from "../todos/list-form.tsx";
import { useDragging } from "../todos/ordering.ts";
import { isOfNoList, Refused } from "../todos/refused.tsx";
import { actOnRow, focusRow, moveByArrows, placeOf, rowOf } from "../todos/rows.ts";
import { Share } from "../todos/share.tsx";
import { Side } from "../todos/side.tsx";
import type { Waiting } from "../todos/store.ts";
import { isEdited, type RowActions, TodoRow } from "../todos/todo-row.tsx";
import { Trash } from "../todos/trash.tsx";
import { deleted, moved, type Step, Undo } from "../todos/undo.tsx";
import { addressOf, count, listOf, nameOf, newIn, openIn, select, type View, viewAt } from "../todos/views.ts";
import { Windowed } from "../todos/windowed.tsx";
import { api, connection, store } from "../wiring.ts";

const MOST_STEPS = 50; // that can be undone
const NONE: Todo[] = [];

export function Todos({ session }: { session: { person: Person } }): ReactNode {
  const { todos, lists } = useSyncExternalStore(store.subscribe, store.get);
  const address = viewAt(useAddress());
  const view = withIdOfList(address);
  useEffect(() => {
    if (view !== address) navigate(addressOf(view), { replace: true }); // the list was sent, and has its id now
  }, [view, address]);
  const [announced, say] = useState("");
  const [steps, setSteps] = useState<readonly Step[]>([]);
  const [form, setForm] = useState<{ list: TodoList | null } | null>(null);
  const [sharedId, setShared] = useState<string | null>(null);
  const shared = lists.find((each) => each.id === store.idOfList(sharedId));
  const [failure, setFailure] = useState<Failure | null>(null);

  /** Does it, and offers to undo it. */
  async function take(step: Step, act: () => Promise<void>): Promise<void> {
    setSteps((before) => [...before.slice(1 - MOST_STEPS), step]);
    try {
      await act();
    } catch (error) {
      setSteps((before) => before.filter((each) => each !== step));
      throw error;
    }
  }

  async function removeList(list: TodoList): Promise<void> {
    setFailure(null);
    const step: Step = { what: deleted(list.name), undo: () => store.lists.restore(list) };
    if (listOf(view) === list.id) navigate("/");
    try {
      await take(step, () => store.lists.remove(list));
    } catch (error) {
      setFailure(expected(error));
    }
  }

  return (
    <Frame title={nameOf(view, lists)} person={session.person}>
      <p className="visually-hidden" role="status">
        {announced}
      </p>
      {failure && <FailureMessage failure={failure} />}
      <List
        key={keyOf(view)}
        view={view}
        say={say}
        take={take}
        form={(list) => (list && list.role !== "owner" ? setShared(list.id) : setForm({ list }))}
        share={({ id }) => setShared(id)}
      />
      {shared && (
        <Share
          key={store.firstIdOfList(shared.id)}
          api={api}
          list={shared}
          name={session.person.name || session.person.email}
          isToCome={store.isListToCome(shared.id)}
          changed={() => void store.sync()}
          close={() => setShared(null)}
        />
      )}
      {form && (
        <ListForm
          lists={store.lists}
          list={form.list && (lists.find((each) => each.id === store.idOfList(form.list?.id)) ?? form.list)}
          size={todos?.filter((each) => each.list_id === store.idOfList(form.list?.id)).length ?? 0}
          made={(list) => navigate(addressOf(`list ${list.id}`))}
          remove={(list) => void removeList(list)}
          share={({ id }) => setShared(id)}
          close={() => setForm(null)}
        />
      )}
      <Undo
        steps={steps}
        forget={(step) => setSteps((before) => before.filter((each) => each !== step))}
        close={() => setSteps([])}
      />
    </Frame>
  );
}

interface ListProps {
  view: View;
  say: (text: string) => void;
  take: (step: Step, act: () => Promise<void>) => Promise<void>;
  form: (list: TodoList | null) => void;
  share: (list: TodoList) => void;
}

function List({ view, say, take, form, share }: ListProps): ReactNode {
  const { todos, lists, gone, waiting, deferred, listEntries, failure } = useSyncExternalStore(
    store.subscribe,
    store.get,
  );
  const trouble = useSyncExternalStore(connection.subscribe, connection.get);
  const now = useMinute();
  const [words, setWords] = useState("");
  const [openedId, setOpened] = useState<string | null>(null);
  // What was just changed stays where it is until the next look: if the row disappeared, the next click would hit another.
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const list = useRef<HTMLUListElement>(null);
  const toFocus = useRef<number | null>(null);
  useEffect(store.resume, []);
  useLayoutEffect(() => {
    if (toFocus.current !== null) focusRow(list.current, toFocus.current); // the row is gone, and the focus with it
    toFocus.current = null;
  });

  const taking = useRef(take);
  taking.current = take;
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
        const row = list.current?.querySelector<HTMLElement>(`[data-id="${todo.id}"]`);
        toFocus.current = row ? placeOf(row) : null;
        setOpened((before) => (before === todo.id ? null : before));
        const step: Step = { what: deleted(todo.title), undo: () => store.restore(todo) };
        return taking.current(step, () => store.remove(todo));
      },
    };
  }, []);

  function add(title: string, due?: string): void {
    store.add({ ...newIn(view, title, Date.now()), ...(due === undefined ? {} : { due }) });
    say(said("Added: {title}", { title }));
  }

  /** In the order of the screen, where the newest is first: the last one is added first. */
  function addAll(titles: readonly string[]): void {
    const what = said("Added {number} todos", { number: titles.length });
    const added = titles.toReversed().map((title) => store.add(newIn(view, title, Date.now())));
    void take({ what, undo: async () => store.takeBack(added) }, () => Promise.resolve());
    say(what);
  }

  const lost = [...gone.values()].filter(isEdited);
  const found = useMemo(
    () => todos && select(todos, { view, words, now, touched }),
    [todos, view, words, now, touched],
  );
  const sending = waiting.filter((each) => each.refusal === undefined && isShownIn(view, each));
  const isEmpty = found?.open.length === 0 && sending.length === 0 && lost.length === 0;
  const opened = todos?.find((each) => each.id === openedId);
  const listId = listOf(view);
  const counts = useMemo(() => todos && count(todos, now), [todos, now]);
  const here = useMemo(() => {
    if (listId === undefined || todos === null) return counts;
    return count(
      todos.filter((each) => each.list_id === listId),
      now,
    );
  }, [todos, counts, listId, now]);
  const unsent = useMemo(
    () => new Set(deferred.filter((each) => !each.refusal).map(({ seen }) => seen.id)),
    [deferred],
  );
  const shownList = lists.find((each) => each.id === listId);
  const isAway = todos !== null && listId != null && !shownList;
  const isReadOnly = shownList?.role === "viewer";
  const own = lists.filter((each) => each.role === "owner");
  const readOnly = useMemo(() => new Set(lists.filter((each) => each.role === "viewer").map(({ id }) => id)), [lists]);
  const isMovable = !isReadOnly && words === "" && (view === "all" || listId !== undefined);

  const late = useMemo(() => {
    if (view !== "today" || words !== "") return [];
    return ofEarlierDays(found?.open ?? [], now).filter((each) => !readOnly.has(each.list_id ?? ""));
  }, [view, words, found, now, readOnly]);

  function moveLate(): void {
    const { what, step, act } = toToday(late, Date.now());
    say(what);
    list.current?.querySelector<HTMLElement>(".title")?.focus(); // the button goes, and the focus with it
    void take(step, act).catch(expected);
  }

  function move(id: string, index: number): void {
    const rows = found?.open ?? [];
    const todo = rows.find((each) => each.id === id);
    const others = rows.filter((each) => each.id !== id);
    if (!isMovable || !todo || index < 0 || index > others.length) return;
    say(
      said("Moved to place {number} of {total}: {title}", { number: index + 1, total: rows.length, title: todo.title }),
    );
    const step: Step = { what: moved(todo.title), undo: () => store.move(todo, todo.position) };
    // If it fails, the store takes it back, and the banner says why.
    void take(step, () => store.move(todo, placeAt(others, index, true))).catch(expected);
  }

  function moveBy(id: string, step: number): void {
    move(id, (found?.open ?? []).findIndex((each) => each.id === id) + step);
  }

  const dragging = useDragging(list, {
    move: (id, place) => move(id, place - 1 - sending.length - lost.length),
    put(id, to) {
      const todo = todos?.find((each) => each.id === id);
      const isOwn = (id: string | null): boolean => id === null || own.some((each) => each.id === id);
      if (!todo || !isOwn(todo.list_id) || !isOwn(to || null)) return; // it is the todo of whoever owns its list
      const { title } = todo;
      if (to === "") say(said("Moved to the inbox: {title}", { title }));
      else say(said("Moved to {list}: {title}", { list: nameOf(`list ${to}`, lists), title }));
      const back = (): Promise<void> => store.relocate(todo.id, todo.list_id);
      const step: Step = { what: moved(title), undo: back };
      void take(step, () => store.relocate(id, to === "" ? null : to)).catch(expected);
    },
  });

  function onKeyDown(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const id = event.target instanceof Element ? rowOf(event.target)?.dataset.id : undefined;
    if (id !== undefined && actOnRow(event)) return;
    if (!event.altKey || step === undefined || id === undefined) return moveByArrows(event, list.current);
    event.preventDefault();
    moveBy(id, step);
  }

  const row = (todo: Todo, place: number, total: number): ReactNode => (
    <TodoRow
      key={todo.id}
      todo={todo}
      place={place}
      total={total}
      isGone={gone.has(todo.id)}
      due={todo.due && describeDue(todo.due, now)}
      isLate={todo.due !== null && todo.status === "open" && isLate(todo.due, now)}
      list={todo.list_id === listId ? undefined : lists.find((each) => each.id === todo.list_id)}
      isOpened={todo.id === openedId}
      isMovable={isMovable && todo.status === "open" && !readOnly.has(todo.list_id ?? "")}
      isReadOnly={readOnly.has(todo.list_id ?? "")}
      isUnsent={unsent.has(todo.id)}
      actions={actions}
    />
  );
  const open = found?.open ?? NONE;
  const shown = lost.length === 0 ? open : [...lost, ...open];
  const total = sending.length + shown.length;
  return (
    <div className={opened ? "desk has-details" : "desk"}>
      <Side view={view} lists={lists} counts={counts} words={words} search={setWords} form={form} />
      <div className="sheet">
        <Day
          name={isAway ? said("No such list") : nameOf(view, lists)}
          list={shownList}
          now={now}
          counts={here && view !== "trash" ? { open: openIn(view, here), done: here.doneToday } : null}
          share={share}
        />
        {view === "trash" && <Trash now={now} say={say} />}
        {!isAway && !isReadOnly && view !== "trash" && (
          <Composer
            add={add}
            addAll={addAll}
            refused={waiting.filter((each) => each.refusal && !isOfNoList(each, lists))}
            withdraw={(key) => store.withdraw(key)}
          />
        )}
        <LateOnes number={late.length} move={moveLate} />
        {failure && <FailureMessage failure={failure} retry={store.resume} />}
        {todos && (
          <Refused
            deferred={deferred}
            listEntries={listEntries}
            waiting={waiting.filter((each) => isOfNoList(each, lists))}
            todos={todos}
            lists={lists}
          />
        )}
        {found && !isEmpty && (
          <ul className="todos" ref={list} aria-label={said("Todos")} onKeyDown={onKeyDown} {...dragging}>
            {sending.toReversed().map((each, at) => (
              <li key={each.key} className="waiting" aria-posinset={at + 1} aria-setsize={total}>
                <span className="title" dir="auto">
                  <span className="clamped">{each.todo.title}</span>
                </span>
                <small>{said(trouble ? "Not sent yet" : "Sending …")}</small>
              </li>
            ))}
            <Windowed list={list} todos={shown} row={(todo, index) => row(todo, sending.length + index + 1, total)} />
          </ul>
        )}
        {found && isEmpty && (view !== "trash" || words !== "") && (
          <Empty of={emptiness(view, words, found.done.length, isAway)} />
        )}
        {!found && !failure && !trouble && <Patience />}
        {found && found.done.length > 0 && (
          <Completed key={words === "" ? "all" : "found"} todos={found.done} isOpen={words !== ""} row={row} />
        )}
        <KeptNotice />
      </div>
      {opened && (
        <Details
          key={opened.id}
          todo={opened}
          lists={own}
          isReadOnly={readOnly.has(opened.list_id ?? "")}
          move={
            isMovable && opened.status === "open" && !readOnly.has(opened.list_id ?? "")
              ? (step) => moveBy(opened.id, step)
              : null
          }
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

/** In a list, only what is for it. */
function isShownIn(view: View, { todo }: Waiting): boolean {
  const list = listOf(view);
  return view !== "trash" && (list === undefined || store.idOfList(todo.list_id ?? null) === list);
}

/** The view of a list that was made without a network, and has its id now. */
function withIdOfList(view: View): View {
  const id = listOf(view);
  return id ? `list ${store.idOfList(id)}` : view;
}

/** The same before and after the list has its id, so that nobody who types there loses the focus. */
function keyOf(view: View): string {
  const id = listOf(view);
  return id ? `list ${store.firstIdOfList(id)}` : view;
}

function emptiness(view: View, words: string, done: number, isAway: boolean): Emptiness {
  if (words !== "") return "search";
  if (isAway) return "away";
  if (done > 0) return "finished";
  return view === "all" || view === "today" || view === "upcoming" ? view : "list";
}
