// The list as the page has it: what the API said, and what this person has just done to it.
//
// What was just changed stays where it is, also when the filter would not show it any more: a row that jumps away under
// the cursor is one that gets the next click. The next load sorts it out.

import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Todo } from "../lib/api.ts";
import { expected, Failure } from "../lib/failure.ts";
import { api } from "../wiring.ts";

export type Shown = "all" | "open" | "done";

const PAGE = 200; // the most that the API gives at once

interface Loaded {
  items: Todo[];
  nextCursor: string | null;
}

export interface Todos {
  loaded: Loaded | null;
  failure: Failure | null;
  isLoading: boolean;
  load: () => Promise<void>;
  /** Resolves with the first of those that came. */
  loadMore: () => Promise<Todo | undefined>;
  add: (title: string, key: string) => Promise<void>;
  setDone: (todo: Todo, isDone: boolean) => Promise<void>;
  /** A conflict brings the todo as it is now into the list, and fails: the person decides. */
  rename: (todo: Todo, title: string) => Promise<void>;
  remove: (todo: Todo) => Promise<void>;
  restore: (todo: Todo, at: number) => Promise<void>;
}

export function useTodos(shown: Shown): Todos {
  const [loaded, setLoaded] = useState<Loaded | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [isLoading, setLoading] = useState(true);
  const current = useRef<AbortController | null>(null);
  const query = useMemo(() => ({ limit: PAGE, ...(shown === "all" ? {} : { status: shown }) }), [shown]);

  const load = useCallback(async () => {
    current.current?.abort();
    const mine = (current.current = new AbortController());
    setLoading(true);
    try {
      const page = await api.list(query, mine.signal);
      if (mine.signal.aborted) return;
      setLoaded({ items: page.items, nextCursor: page.next_cursor });
      setFailure(null);
    } catch (error) {
      if (mine.signal.aborted) return;
      setFailure(expected(error));
    } finally {
      if (!mine.signal.aborted) setLoading(false);
    }
  }, [query]);

  useEffect(() => {
    setLoaded(null);
    void load();
    return () => current.current?.abort();
  }, [load]);

  function replace(todo: Todo): void {
    setLoaded((before) => before && { ...before, items: before.items.map((each) => (each.id === todo.id ? todo : each)) });
  }

  return {
    loaded,
    failure,
    isLoading,
    load,

    async loadMore() {
      if (!loaded?.nextCursor) return undefined;
      const page = await api.list({ ...query, cursor: loaded.nextCursor });
      const known = new Set(loaded.items.map((each) => each.id));
      const further = page.items.filter((each) => !known.has(each.id));
      setLoaded((before) => before && { items: [...before.items, ...further], nextCursor: page.next_cursor });
      return further[0];
    },

    async add(title, key) {
      const todo = await api.create({ title }, key);
      setLoaded((before) => {
        const others = (before?.items ?? []).filter((each) => each.id !== todo.id);
        return { items: [todo, ...others], nextCursor: before?.nextCursor ?? null };
      });
    },

    async setDone(todo, isDone) {
      replace({ ...todo, status: isDone ? "done" : "open" }); // at once; taken back if it fails
      try {
        replace(await (isDone ? api.complete(todo.id) : api.reopen(todo.id)));
      } catch (error) {
        replace(todo);
        throw error;
      }
    },

    async rename(todo, title) {
      try {
        replace(await api.change(todo, { title }));
      } catch (error) {
        if (error instanceof Failure && error.kind === "conflict") replace(await api.read(todo.id));
        throw error;
      }
    },

    async remove(todo) {
      try {
        await api.remove(todo.id);
      } catch (error) {
        if (!(error instanceof Failure && error.kind === "missing")) throw error; // gone is gone
      }
      setLoaded((before) => before && { ...before, items: before.items.filter((each) => each.id !== todo.id) });
    },

    async restore(todo, at) {
      const restored = await api.restore(todo.id);
      setLoaded((before) => before && { ...before, items: before.items.toSpliced(at, 0, restored) });
    },
  };
}
