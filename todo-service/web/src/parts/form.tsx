// Shared by all forms: one submission at a time, and each failure is shown at the field that it concerns.

import { type FormEvent, type ReactNode, useRef, useState } from "react";
import { Failure } from "../lib/failure.ts";
import { said } from "../lib/language.ts";
import { FailureMessage, useSecondsUntil } from "./message.tsx";

interface Submission {
  isBusy: boolean;
  failure: Failure | null;
  /** The failure's sentence, if it concerns this field. */
  errorOf: (field: string) => string | undefined;
  submit: (event?: FormEvent) => Promise<void>;
}

/** `fields` are the fields that the form shows. A failure about any other field is shown for the whole form. */
export function useSubmission(fields: readonly string[], send: () => Promise<void>): Submission {
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const underWay = useRef(false);
  const isOfField = failure?.field !== undefined && fields.includes(failure.field);

  async function submit(event?: FormEvent): Promise<void> {
    event?.preventDefault();
    if (underWay.current) return; // Enter was pressed again before the answer
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

/** Throws what the browser finds as a Failure, so that it is shown at the field. Its own words have its own language. */
function checkFields(form: HTMLFormElement | null): void {
  const wrong = form?.querySelector<HTMLInputElement>("input:invalid");
  if (!wrong) return;
  const { valueMissing, typeMismatch } = wrong.validity;
  const sentence = valueMissing
    ? said("Fill in this field.")
    : typeMismatch
      ? said("This is not an email address.")
      : wrong.validationMessage;
  throw new Failure("invalid", sentence, { field: wrong.name });
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
