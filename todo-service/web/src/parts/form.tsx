// What all forms share: one submission at a time, and a failure that goes to the field that it is about.

import { type FormEvent, type ReactNode, useRef, useState } from "react";
import { Failure } from "../lib/failure.ts";
import { FailureMessage, useSecondsUntil } from "./message.tsx";

interface Submission {
  isBusy: boolean;
  failure: Failure | null;
  /** What is wrong with a field, if it is this one. */
  errorOf: (field: string) => string | undefined;
  submit: (event?: FormEvent) => Promise<void>;
}

/** `fields` are those that the form shows: a failure about any other is the form's own. */
export function useSubmission(fields: readonly string[], send: () => Promise<void>): Submission {
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const underWay = useRef(false);
  const isOfField = failure?.field !== undefined && fields.includes(failure.field);

  async function submit(event?: FormEvent): Promise<void> {
    event?.preventDefault();
    if (underWay.current) return; // a second Enter before the first is answered
    underWay.current = true;
    setBusy(true);
    setFailure(null);
    const form = event?.currentTarget instanceof HTMLFormElement ? event.currentTarget : null;
    try {
      checkFields(form);
      await send();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      setFailure(error);
      const wrong = form?.elements.namedItem(error.field ?? "");
      if (wrong instanceof HTMLInputElement) wrong.focus();
    } finally {
      underWay.current = false;
      setBusy(false);
    }
  }

  return {
    isBusy,
    failure: isOfField ? null : failure,
    errorOf: (field) => (failure?.field === field ? failure.message : undefined),
    submit,
  };
}

/** What the browser itself finds wrong, in its words, but beside the field. */
function checkFields(form: HTMLFormElement | null): void {
  const wrong = form?.querySelector<HTMLInputElement>("input:invalid");
  if (wrong) throw new Failure("invalid", wrong.validationMessage, { field: wrong.name });
}

export function SubmitButton({ submission, children }: { submission: Submission; children: ReactNode }): ReactNode {
  const seconds = useSecondsUntil(submission.failure?.retryAt);
  return (
    <>
      {submission.failure && <FailureMessage failure={submission.failure} />}
      <button type="submit" className="primary" disabled={seconds > 0} aria-busy={submission.isBusy}>
        {children}
        {seconds > 0 && <span aria-hidden="true"> ({seconds})</span>}
      </button>
    </>
  );
}
