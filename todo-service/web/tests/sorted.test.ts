import { expect, test } from "vitest";
import type { Todo } from "../src/lib/api.ts";
import { putIn, takeOut } from "../src/todos/sorted.ts";
import { newestFirst } from "../src/todos/versions.ts";

function todo(id: string, position: string): Todo {
  return { id, position } as Todo;
}

test("what is put in, moved and taken out one by one is sorted as all at once", () => {
  const sorted: Todo[] = [];
  const known = new Map<string, Todo>();
  for (let step = 0; step < 500; step++) {
    const id = String((step * 7) % 40);
    const before = known.get(id);
    if (before && step % 3 === 0) {
      takeOut(sorted, before);
      known.delete(id);
    } else {
      const made = todo(id, String((step * 31) % 23)); // some have the same position
      putIn(sorted, made, before);
      known.set(id, made);
    }
    expect(sorted).toEqual([...known.values()].sort(newestFirst));
  }
});

test("what is not there is not taken out", () => {
  const sorted = [todo("a", "1")];
  takeOut(sorted, todo("a", "1"));
  expect(sorted).toHaveLength(1);
});
