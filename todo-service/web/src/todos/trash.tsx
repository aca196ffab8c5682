// What was deleted in the last 30 days, and can be brought back: lists with their todos, and single todos.

import { type ReactNode, useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { isOfConnection } from "../lib/connection.ts";
import { expected, type Failure } from "../lib/failure.ts";
import { locale, said, type Text } from "../lib/language.ts";
import { Patience } from "../parts/frame.tsx";
import { FailureMessage } from "../parts/message.tsx";
import { useOnline } from "../parts/online.ts";
import { Empty } from "./empty.tsx";
import { connection, store } from "../wiring.ts";

interface TrashProps {
  now: number;
  say: (text: string) => void;
}

export function Trash({ now, say }: TrashProps): ReactNode {
  const { trash } = useSyncExternalStore(store.subscribe, store.get);
  const { todos, lists } = trash;
  const [isRead, setRead] = useState(false);
  const [cursor, setCursor] = useState<string | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const section = useRef<HTMLElement>(null);

  const read = useCallback(async (after: string | null): Promise<void> => {
    setFailure(null);
    try {
      setCursor(await store.readTrash(after));
      setRead(true);
    } catch (error) {
      setFailure(expected(error));
    }
  }, []);
  const hasTrouble = useSyncExternalStore(connection.subscribe, connection.get) !== null;
  const isAway = !useOnline() || hasTrouble;
  useEffect(() => {
    if (!isAway) void read(null);
  }, [read, isAway]);

  async function restore(name: string, act: () => Promise<void>): Promise<void> {
    setFailure(null);
    try {
      await act();
      say(said("Restored: {name}", { name }));
      if (!isAway) await read(null); // with a list its todos are back, too
      section.current?.focus(); // the button is gone, and the focus with it
    } catch (error) {
      setFailure(expected(error));
    }
  }

  function about(text: Text, deletedAt: string | null): string {
    return deletedAt === null ? said("Not sent yet") : said(text, { when: ago(deletedAt, now) });
  }

  const isEmpty = todos.length === 0 && lists.length === 0;
  return (
    <section className="trash" aria-label={said("Trash")} ref={section} tabIndex={-1}>
      {failure && !isOfConnection(failure) && <FailureMessage failure={failure} retry={() => void read(null)} />}
      {isAway && <p className="hint">{said("Without the network this is what this device has seen of the trash.")}</p>}
      {isEmpty && !isRead && !failure && !isAway && <Patience />}
      {isEmpty && isRead && !isAway && <Empty of="trash" />}
      {!isEmpty && (
        <ul className="todos">
          {lists.map((list) => (
            <Row
              key={list.id}
              name={list.name}
              about={about("A list with its todos, deleted {when}", list.deleted_at)}
              dot={list.color}
              restore={() => restore(list.name, () => store.lists.restore(list))}
            />
          ))}
          {todos.map((todo) => (
            <Row
              key={todo.id}
              name={todo.title}
              about={about("Deleted {when}", todo.deleted_at)}
              restore={() => restore(todo.title, () => store.restore(todo))}
            />
          ))}
        </ul>
      )}
      {cursor !== null && (
        <button type="button" className="more" onClick={() => void read(cursor)}>
          {said("Show more")}
        </button>
      )}
    </section>
  );
}

function Row(props: { name: string; about: string; dot?: string; restore: () => Promise<void> }): ReactNode {
  const { name, about, dot, restore } = props;
  return (
    <li className="deleted">
      {dot && <span className={`dot ${dot}`} />}
      <span className="title" dir="auto">
        <span className="clamped">{name}</span>
      </span>
      <button type="button" aria-label={said("Restore: {name}", { name })} onClick={() => void restore()}>
        {said("Restore")}
      </button>
      <p className="about-it">{about}</p>
    </li>
  );
}

/** "today", "yesterday", "12 days ago". */
function ago(at: string | null, now: number): string {
  const days = Math.floor((now - Date.parse(at ?? "")) / 86_400_000);
  return new Intl.RelativeTimeFormat(locale(), { numeric: "auto" }).format(-Math.max(0, days), "day");
}
