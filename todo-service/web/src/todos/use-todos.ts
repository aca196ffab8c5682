// The list on the page: the API's answer, with the changes that this person has just made.
//
// A todo that was just changed stays in its place until the next load, even if the filter no longer matches it: if the row
// disappeared under the cursor, the next click would hit another row.

import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Todo } from "../lib/api.ts";
import { expected, Failure } from "../lib/failure.ts";
import { api } from "../wiring.ts";
import { Turns } from "./turns.ts";

export type Shown = "all" | "open" | "done";

const PAGE = 200; // the API's maximum
const turns = new Turns();

interface Loaded {
  shown: Shown;
  items: Todo[];
  nextCursor: string | null;
}

export interface Todos {
  /** null until the API has answered. */
  items: Todo[] | null;
  hasMore: boolean;
  failure: Failure | null;
  load: () => Promise<void>;
  /** Resolves with the first of the new todos. */
  loadMore: () => Promise<Todo | undefined>;
  add: (title: string, key: string) => Promise<void>;
  setDone: (todo: Todo, isDone: boolean) => Promise<void>;
  /** On a conflict the list shows the todo as it is now, and the call fails: the person decides. */
  rename: (todo: Todo, title: string) => Promise<void>;
  remove: (todo: Todo) => Promise<void>;
  restore: (todo: Todo, at: number) => Promise<void>;
}

export function useTodos(shown: Shown): Todos {
  const [latest, setLoaded] = useState<Loaded | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const underWay = useRef<AbortController | null>(null);
  const loaded = latest?.shown === shown ? latest : null; // the todos of another filter are not shown
  const query = useMemo(() => ({ limit: PAGE, ...(shown === "all" ? {} : { status: shown }) }), [shown]);

  const load = useCallback(async () => {
    underWay.current?.abort();
    const mine = new AbortController();
    underWay.current = mine;
    try {
      const page = await api.list(query, mine.signal);
      if (mine.signal.aborted) return;
      setLoaded({ shown, items: page.items, nextCursor: page.next_cursor });
      setFailure(null);
    } catch (error) {
      if (!mine.signal.aborted) setFailure(expected(error));
    }
  }, [query, shown]);

  useEffect(() => {
    void load();
    return () => underWay.current?.abort();
  }, [load]);

  function change(how: (items: Todo[]) => Todo[]): void {
    setLoaded((before) => before && { ...before, items: how(before.items) });
  }

  function replace(todo: Todo): void {
    change((items) => items.map((each) => (each.id === todo.id ? todo : each)));
  }

  /** Shows the result of a change. If another change waits behind it, the status shown for that one stays. */
  function replaceAfter(todo: Todo, isLast: boolean): void {
    change((items) =>
      items.map((each) => (each.id === todo.id ? (isLast ? todo : { ...todo, status: each.status }) : each)),
    );
  }

  return {
    items: loaded?.items ?? null,
    hasMore: loaded?.nextCursor != null,
    failure,
    load,

    async loadMore() {
      const cursor = loaded?.nextCursor;
      if (!cursor) return undefined;
      const page = await api.list({ ...query, cursor });
      const known = new Set(loaded.items.map((each) => each.id));
      const further = page.items.filter((each) => !known.has(each.id));
      setLoaded((before) =>
        before?.nextCursor === cursor // no other load came first, and the filter is the same
          ? { ...before, items: [...before.items, ...further], nextCursor: page.next_cursor }
          : before,
      );
      return further[0];
    },

    async add(title, key) {
      const todo = await api.create({ title }, key);
      if (loaded) change((items) => [todo, ...items.filter((each) => each.id !== todo.id)]);
      else await load();
    },

    async setDone(todo, isDone) {
      replace({ ...todo, status: isDone ? "done" : "open" }); // shown at once; undone if it fails
      await turns.take(todo.id, async (before, isLast) => {
        try {
          const changed = await (isDone ? api.complete(todo.id) : api.reopen(todo.id));
          replaceAfter(changed, isLast());
          return changed;
        } catch (error) {
          replaceAfter(before ?? todo, isLast());
          throw error;
        }
      });
    },

    async rename(todo, title) {
      await turns.take(todo.id, async (before, isLast) => {
        const seen = before?.title === todo.title ? before : todo; // a title that the person has not seen is a conflict
        try {
          const changed = await api.change(seen, { title });
          replaceAfter(changed, isLast());
          return changed;
        } catch (error) {
          if (error instanceof Failure && error.kind === "conflict") replace(await api.read(todo.id));
          throw error;
        }
      });
    },

    async remove(todo) {
      await turns.take(todo.id, async () => {
        try {
          await api.remove(todo.id);
        } catch (error) {
          if (!(error instanceof Failure && error.kind === "missing")) throw error; // it is deleted already
        }
        change((items) => items.filter((each) => each.id !== todo.id));
        return undefined;
      });
    },

    async restore(todo, at) {
      const restored = await api.restore(todo.id);
      change((items) => items.toSpliced(at, 0, restored));
    },
  };
}
