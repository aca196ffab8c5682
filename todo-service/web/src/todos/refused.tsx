// What was done without a network and refused when it was sent: it waits here for the person's decision. Nothing of it is lost
// before: what was typed can be copied.

import { type ReactNode, useState } from "react";
import type { Todo, TodoChange, TodoList, TodoListChange } from "../lib/api.ts";
import { expected, type Failure } from "../lib/failure.ts";
import { said, saidWith, type Text } from "../lib/language.ts";
import { FailureMessage } from "../parts/message.tsx";
import { store } from "../wiring.ts";
import { isNewList } from "./entries.ts";
import type { Deferred, ListChange, NewList, Waiting } from "./store.ts";

const NAMES: Record<keyof TodoChange, Text> = {
  title: "its new name",
  notes: "its notes",
  status: "that it is done, or open",
  priority: "its priority",
  due: "its date",
  position: "its place",
  list_id: "its list",
};
const OF_LIST: Record<keyof TodoListChange, Text> = {
  name: "its new name",
  color: "its colour",
  position: "its place",
};

interface RefusedProps {
  deferred: readonly Deferred[];
  listEntries: readonly (NewList | ListChange)[];
  waiting: readonly Waiting[];
  todos: readonly Todo[];
  lists: readonly TodoList[];
}

export function Refused({ deferred, listEntries, waiting, todos, lists }: RefusedProps): ReactNode {
  return (
    <>
      {listEntries.map(
        (each) => each.refusal && <OfList key={each.key} entry={each} lists={lists} refusal={each.refusal} />,
      )}
      {deferred.map((each) => {
        if (!each.refusal) return null;
        const now = todos.find(({ id }) => id === each.seen.id);
        return <One key={each.key} change={each} now={now} lists={lists} refusal={each.refusal} />;
      })}
      {waiting.map((each) => (
        <OfNoList key={each.key} waiting={each} />
      ))}
    </>
  );
}

/** Whether the list that a new todo is for is not there any more. The others are the composer's to show. */
export function isOfNoList({ todo, refusal }: Waiting, lists: readonly TodoList[]): boolean {
  const id = store.idOfList(todo.list_id);
  return refusal !== undefined && id != null && !lists.some((each) => each.id === id);
}

interface OneProps {
  change: Deferred;
  now: Todo | undefined;
  lists: readonly TodoList[];
  refusal: Failure;
}

function One({ change, now, lists, refusal }: OneProps): ReactNode {
  const [failure, setFailure] = useState<Failure | null>(null);
  const members = Object.keys(change.change) as Array<keyof TodoChange>;
  const what = [
    ...(change.isRestored ? [said("that it is back")] : []),
    ...members.map((each) => said(NAMES[each])),
    ...(change.isRemoval ? [said("that it is deleted")] : []),
  ];
  const gone = refusal.kind === "missing" ? store.lists.findGone(change.seen.list_id) : undefined;
  const isShared = gone !== undefined && gone.role !== "owner";
  const to = store.idOfList(change.change.list_id);
  const isNowhere = refusal.kind === "invalid" && to != null && !lists.some((each) => each.id === to);
  const canInsist = !isShared && !change.isRestored && (refusal.kind === "conflict" || refusal.kind === "missing");

  async function insist(): Promise<void> {
    try {
      await store.insist(change);
    } catch (error) {
      setFailure(expected(error));
    }
  }

  return (
    <div className="message problem" role="alert">
      <span>
        {saidWith("“{title}”: what you changed without a network ({what}) is not saved.", {
          title: <bdi>{change.change.title ?? change.seen.title}</bdi>,
          what: what.join(", "),
        })}{" "}
        {isShared
          ? said("The list “{name}” is no longer shared with you.", { name: gone.name })
          : isNowhere
            ? said("The list that it is for is not there any more.")
            : refusal.message}
        {now && change.change.title !== undefined && (
          <> {saidWith("It is now “{title}”.", { title: <bdi>{now.title}</bdi> })}</>
        )}
      </span>
      {!canInsist && <Typed texts={[change.change.title, change.change.notes]} />}
      <span className="choices">
        {canInsist && (
          <button type="button" className="plain" onClick={() => void insist()}>
            {said(refusal.kind === "missing" ? "Bring it back with mine" : "Save mine")}
          </button>
        )}
        <button type="button" className="plain" onClick={() => store.withdraw(change.key)}>
          {said("Discard")}
        </button>
      </span>
      {failure && <FailureMessage failure={failure} />}
    </div>
  );
}

interface OfListProps {
  entry: NewList | ListChange;
  lists: readonly TodoList[];
  refusal: Failure;
}

function OfList({ entry, lists, refusal }: OfListProps): ReactNode {
  if (isNewList(entry))
    return (
      <div className="message problem" role="alert">
        <span>
          {said("The list “{name}” was not made.", { name: entry.list.name })} {refusal.message}
        </span>
        <span className="choices">
          <button type="button" className="plain" onClick={() => store.insistOnList(entry)}>
            {said("Try again")}
          </button>
          <button type="button" className="plain" onClick={() => store.giveUp(entry)}>
            {said("Put its todos into the inbox")}
          </button>
        </span>
      </div>
    );
  const { seenList, listChange, isRestored, isRemoval } = entry;
  const now = lists.find((each) => each.id === store.idOfList(seenList.id));
  const members = Object.keys(listChange) as Array<keyof TodoListChange>;
  const what = [
    ...(isRestored ? [said("that it is back")] : []),
    ...members.map((each) => said(OF_LIST[each])),
    ...(isRemoval ? [said("that it is deleted")] : []),
  ];
  return (
    <div className="message problem" role="alert">
      <span>
        {saidWith("“{title}”: what you changed without a network ({what}) is not saved.", {
          title: <bdi>{listChange.name ?? seenList.name}</bdi>,
          what: what.join(", "),
        })}{" "}
        {refusal.kind === "conflict"
          ? said("This list has been changed somewhere else in the meantime.")
          : refusal.kind === "missing"
            ? said("This list no longer exists.")
            : refusal.message}
        {now && listChange.name !== undefined && (
          <> {saidWith("It is now “{title}”.", { title: <bdi>{now.name}</bdi> })}</>
        )}
      </span>
      <span className="choices">
        {refusal.kind === "conflict" && (
          <button type="button" className="plain" onClick={() => store.insistOnList(entry)}>
            {said("Save mine")}
          </button>
        )}
        <button type="button" className="plain" onClick={() => store.withdraw(entry.key)}>
          {said("Discard")}
        </button>
      </span>
    </div>
  );
}

function OfNoList({ waiting }: { waiting: Waiting }): ReactNode {
  const gone = store.lists.findGone(store.idOfList(waiting.todo.list_id ?? null));
  return (
    <div className="message problem" role="alert">
      <span>
        {saidWith("“{title}” was not added.", { title: <bdi>{waiting.todo.title}</bdi> })}{" "}
        {gone && gone.role !== "owner"
          ? said("The list “{name}” is no longer shared with you.", { name: gone.name })
          : said("The list that it is for is not there any more.")}
      </span>
      <Typed texts={[waiting.todo.title, waiting.todo.notes]} />
      <span className="choices">
        <button type="button" className="plain" onClick={() => store.addToInbox(waiting)}>
          {said("Put it into the inbox")}
        </button>
        <button type="button" className="plain" onClick={() => store.withdraw(waiting.key)}>
          {said("Discard")}
        </button>
      </span>
    </div>
  );
}

/** What was typed, to be copied, by the button or by hand. */
function Typed({ texts }: { texts: readonly (string | null | undefined)[] }): ReactNode {
  const [isCopied, setCopied] = useState(false);
  const typed = texts.filter(Boolean).join("\n");
  if (typed === "") return null;
  return (
    <>
      <pre className="typed" dir="auto">
        {typed}
      </pre>
      <button
        type="button"
        className="plain"
        onClick={() =>
          void navigator.clipboard.writeText(typed).then(
            () => setCopied(true),
            () => undefined, // forbidden: the text is there, and can be copied by hand
          )
        }
      >
        {said(isCopied ? "Copied" : "Copy the text")}
      </button>
    </>
  );
}
