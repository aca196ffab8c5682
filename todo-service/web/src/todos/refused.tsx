// Changes that were made without a network and refused when they were sent: they wait here for the person's decision.

import { type ReactNode, useState } from "react";
import type { Todo, TodoChange } from "../lib/api.ts";
import { expected, type Failure } from "../lib/failure.ts";
import { said, saidWith, type Text } from "../lib/language.ts";
import { FailureMessage } from "../parts/message.tsx";
import { store } from "../wiring.ts";
import type { Deferred } from "./store.ts";

const NAMES: Record<keyof TodoChange, Text> = {
  title: "its new name",
  notes: "its notes",
  status: "that it is done, or open",
  priority: "its priority",
  due: "its date",
  position: "its place",
  list_id: "its list",
};

interface RefusedProps {
  deferred: readonly Deferred[];
  todos: readonly Todo[];
}

export function Refused({ deferred, todos }: RefusedProps): ReactNode {
  return deferred.map((each) => {
    if (!each.refusal) return null;
    const now = todos.find(({ id }) => id === each.seen.id);
    return <One key={each.key} change={each} now={now} refusal={each.refusal} />;
  });
}

function One({ change, now, refusal }: { change: Deferred; now: Todo | undefined; refusal: Failure }): ReactNode {
  const [failure, setFailure] = useState<Failure | null>(null);
  const members = Object.keys(change.change) as Array<keyof TodoChange>;
  const what = [...members.map((each) => said(NAMES[each])), ...(change.isRemoval ? [said("that it is deleted")] : [])];
  const isHopeless = refusal.kind !== "conflict" && refusal.kind !== "missing";

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
        {refusal.message}
        {now && change.change.title !== undefined && (
          <> {saidWith("It is now “{title}”.", { title: <bdi>{now.title}</bdi> })}</>
        )}
      </span>
      <span className="choices">
        {!isHopeless && (
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
