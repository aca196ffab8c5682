// The views and the lists, with their numbers, and the search. In a narrow window the lists are in a drawer.

import { type ReactNode, useEffect, useRef, useState } from "react";
import type { TodoList } from "../lib/api.ts";
import { said } from "../lib/language.ts";
import { Link } from "../parts/frame.tsx";
import { Keys } from "./keys.tsx";
import { addressOf, type Counts, listOf, nameOf, type View } from "./views.ts";

interface SideProps {
  view: View;
  lists: readonly TodoList[];
  counts: Counts | null;
  words: string;
  search: (words: string) => void;
  /** Open the form of a list; null: of a new one. */
  form: (list: TodoList | null) => void;
}

export function Side({ view, lists, counts, words, search, form }: SideProps): ReactNode {
  const [isDrawn, setDrawn] = useState(false);
  const numbers: Partial<Record<View, number | undefined>> = {
    all: counts?.open,
    today: counts?.today,
    upcoming: counts?.upcoming,
  };
  return (
    <div className="side">
      <nav aria-label={said("Views")}>
        {(["all", "today", "upcoming"] as const).map((each) => (
          <Link key={each} to={addressOf(each)} aria-current={each === view ? "page" : undefined}>
            {nameOf(each, lists)}
            <OpenTodos number={numbers[each]} />
          </Link>
        ))}
        <button
          type="button"
          className="plain draw"
          aria-haspopup="dialog"
          aria-current={listOf(view) === undefined && view !== "trash" ? undefined : "true"}
          onClick={() => setDrawn(true)}
        >
          {said("Lists")}
        </button>
      </nav>
      <input
        type="search"
        aria-label={said("Search")}
        placeholder={said("Search")}
        dir="auto"
        value={words}
        onChange={(event) => search(event.target.value)}
      />
      <div className="beside">
        <OfLists view={view} lists={lists} counts={counts} form={form} />
      </div>
      {isDrawn && (
        <Drawer key={view} close={() => setDrawn(false)}>
          <OfLists
            view={view}
            lists={lists}
            counts={counts}
            form={(list) => {
              setDrawn(false);
              form(list);
            }}
          />
        </Drawer>
      )}
      <Keys />
    </div>
  );
}

function OfLists({ view, lists, counts, form }: Pick<SideProps, "view" | "lists" | "counts" | "form">): ReactNode {
  return (
    <section className="lists" aria-label={said("Lists")}>
      <div className="heading">
        <h2>{said("Lists")}</h2>
        <button
          type="button"
          className="plain"
          aria-label={said("New list")}
          title={said("New list")}
          onClick={() => form(null)}
        >
          <svg viewBox="0 0 20 20" aria-hidden="true">
            <path d="M10 4.5v11M4.5 10h11" />
          </svg>
        </button>
      </div>
      {lists.length === 0 ? (
        <p className="hint">{said("Keep what belongs together in one place: work, home, a journey.")}</p>
      ) : (
        <ul>
          <li data-list="">
            <Link to={addressOf("inbox")} aria-current={view === "inbox" ? "page" : undefined}>
              <span className="dot inbox" />
              <span className="name">{said("Inbox")}</span>
              <OpenTodos number={counts?.inList.get(null)} />
            </Link>
          </li>
          {lists.map((list) => (
            <li key={list.id} data-list={list.id}>
              <Link to={addressOf(`list ${list.id}`)} aria-current={listOf(view) === list.id ? "page" : undefined}>
                <span className={`dot ${list.color}`} />
                <span className="name" dir="auto">
                  {list.name}
                </span>
                {(list.role !== "owner" || list.members > 0) && <People list={list} />}
                <OpenTodos number={counts?.inList.get(list.id)} />
              </Link>
              <button
                type="button"
                className="plain"
                aria-label={said(list.role === "owner" ? "Change the list {name}" : "People of the list {name}", {
                  name: list.name,
                })}
                title={said(list.role === "owner" ? "Change" : "People")}
                onClick={() => form(list)}
              >
                <svg viewBox="0 0 20 20" aria-hidden="true">
                  <path d="M5 10h.01M10 10h.01M15 10h.01" />
                </svg>
              </button>
            </li>
          ))}
        </ul>
      )}
      <Link to={addressOf("trash")} className="to-trash" aria-current={view === "trash" ? "page" : undefined}>
        <svg viewBox="0 0 20 20" aria-hidden="true">
          <path d="M4 6h12M8.5 6V4h3v2M5.5 6l.7 10h7.6l.7-10" />
        </svg>
        {said("Trash")}
      </Link>
    </section>
  );
}

function People({ list }: { list: TodoList }): ReactNode {
  const what =
    list.role === "owner"
      ? said("Shared with {number}", { number: list.members })
      : said("Shared by {name}", { name: list.shared_by ?? "" });
  return (
    <svg className="people-mark" viewBox="0 0 20 20" role="img" aria-label={what}>
      <title>{what}</title>
      <path d="M7 9.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM2.5 16c0-2.5 2-4 4.5-4s4.5 1.5 4.5 4M13 9.5a2 2 0 1 0-1-3.7M13.5 12c2.2 0 4 1.3 4 3.5" />
    </svg>
  );
}

function OpenTodos({ number = 0 }: { number?: number | undefined }): ReactNode {
  if (number === 0) return null;
  return (
    <span className="number">
      {number}
      <span className="visually-hidden"> {said("open")}</span>
    </span>
  );
}

/** Closes by Escape, by a click beside it, and, as its key changes, when another view is chosen. */
function Drawer({ close, children }: { close: () => void; children: ReactNode }): ReactNode {
  const dialog = useRef<HTMLDialogElement>(null);
  const first = useRef(true);
  useEffect(() => {
    if (first.current) dialog.current?.showModal();
    first.current = false;
  }, []);
  return (
    <dialog
      ref={dialog}
      className="drawer"
      aria-label={said("Lists")}
      onClose={close}
      onClick={(event) => {
        if (event.target === dialog.current || (event.target as Element).closest("a")) close();
      }}
    >
      {children}
      <button
        type="button"
        className="plain dismiss"
        aria-label={said("Close")}
        onClick={() => dialog.current?.close()}
      >
        ×
      </button>
    </dialog>
  );
}
