// Changes that were made without a network and refused when they were sent: they wait here for the person's decision.

import { type ReactNode, useState } from "react";
import type { TodoChange } from "../lib/api.ts";
import { expected, type Failure } from "../lib/failure.ts";
import { FailureMessage } from "../parts/message.tsx";
import { store } from "../wiring.ts";
import type { Deferred } from "./store.ts";

const NAMES: Record<keyof TodoChange, string> = {
  title: "its new name",
  notes: "its notes",
  status: "that it is done, or open",
  priority: "its priority",
  due: "its date",
  position: "its place",
  list_id: "its list",
};

export function Refused({ deferred }: { deferred: readonly Deferred[] }): ReactNode {
  return deferred.map((each) => each.refusal && <One key={each.key} change={each} refusal={each.refusal} />);
}

function One({ change, refusal }: { change: Deferred; refusal: Failure }): ReactNode {
  const [failure, setFailure] = useState<Failure | null>(null);
  const members = Object.keys(change.change) as Array<keyof TodoChange>;
  const what = [...members.map((each) => NAMES[each]), ...(change.isRemoval ? ["that it is deleted"] : [])];
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
        “<bdi>{change.change.title ?? change.seen.title}</bdi>”: what you changed without a network ({what.join(", ")})
        is not saved. {refusal.message}
      </span>
      <span className="choices">
        {!isHopeless && (
          <button type="button" className="plain" onClick={() => void insist()}>
            {refusal.kind === "missing" ? "Bring it back with mine" : "Save mine"}
          </button>
        )}
        <button type="button" className="plain" onClick={() => store.withdraw(change.key)}>
          Discard
        </button>
      </span>
      {failure && <FailureMessage failure={failure} />}
    </div>
  );
}
