// What a person can do with the data: take it away, and delete it with the account.

import { type ReactNode } from "react";
import { dayOf } from "../lib/due.ts";
import { said } from "../lib/language.ts";
import { api } from "../wiring.ts";
import { useSubmission } from "./form.tsx";
import { FailureMessage } from "./message.tsx";

const LONG_ENOUGH = 60_000; // milliseconds in which the browser begins to save a file

export function OwnData(): ReactNode {
  const submission = useSubmission([], async () => {
    const content = JSON.stringify(await api.exported(), null, 2);
    save(new Blob([content], { type: "application/json" }), `todos-${dayOf(Date.now())}.json`);
  });
  return (
    <section aria-labelledby="data">
      <h2 id="data">{said("Your data")}</h2>
      <p>{said("All todos and lists that are yours, as a JSON file.")}</p>
      {submission.failure && <FailureMessage failure={submission.failure} />}
      <div className="actions">
        <button type="button" aria-busy={submission.isBusy} onClick={() => void submission.submit()}>
          {said("Download your todos")}
        </button>
        <a className="button" href="/account#data">
          {said("Data of your account")}
        </a>
      </div>
    </section>
  );
}

/** Gives the browser a file to save. */
function save(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), LONG_ENOUGH);
}

export function Deletion(): ReactNode {
  return (
    <section aria-labelledby="deletion">
      <h2 id="deletion">{said("Delete the account")}</h2>
      <p>{said("For good, with all todos and lists that are yours. The next page asks you to confirm it.")}</p>
      <div className="actions">
        <a className="button danger" href="/account?change=delete">
          {said("Delete the account …")}
        </a>
      </div>
    </section>
  );
}
