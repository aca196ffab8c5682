// Messages to the person. Screen readers announce them at once (role alert or status).

import { type ReactNode, useEffect, useState } from "react";
import { type Failure, inSeconds } from "../lib/failure.ts";
import { said } from "../lib/language.ts";

interface Action {
  label: string;
  onClick: () => void;
}

export function Message(props: {
  kind: "problem" | "notice";
  action?: Action | undefined;
  children: ReactNode;
}): ReactNode {
  return (
    <div className={`message ${props.kind}`} role={props.kind === "problem" ? "alert" : "status"}>
      <span>{props.children}</span>
      {props.action && (
        <button type="button" className="plain" onClick={props.action.onClick}>
          {props.action.label}
        </button>
      )}
    </div>
  );
}

/** Shows a failure's sentence. The button "Try again" is enabled when Retry-After has passed. */
export function FailureMessage({ failure, retry }: { failure: Failure; retry?: () => void }): ReactNode {
  const seconds = useSecondsUntil(failure.retryAt);
  return (
    <div className="message problem" role="alert">
      <span>
        {failure.message}
        {failure.kind === "limited" && <Wait at={failure.retryAt} seconds={seconds} />}
        {failure.kind === "broken" && failure.reference && (
          <small> {said("Reference: {number}", { number: failure.reference })}</small>
        )}
      </span>
      {retry && (
        <button type="button" className="plain" disabled={seconds > 0} onClick={retry}>
          {said("Try again")}
          {seconds > 0 && <span aria-hidden="true"> ({seconds})</span>}
        </button>
      )}
    </div>
  );
}

/** When to try again. The time runs, and screen readers hear only the first: the alert is read when it appears. */
function Wait({ at, seconds }: { at: number | undefined; seconds: number }): ReactNode {
  const when = at === undefined ? said("in a moment") : seconds > 0 ? inSeconds(at, at - seconds * 1000) : said("now");
  return <span aria-live="off"> {said("Try again {when}.", { when })}</span>;
}

/** Whole seconds until a time; 0 when it has passed. */
export function useSecondsUntil(at: number | undefined): number {
  const [now, setNow] = useState(() => Date.now());
  const left = at === undefined ? 0 : Math.max(0, Math.ceil((at - now) / 1000));
  const hasPassed = left === 0;
  useEffect(() => setNow(Date.now()), [at]); // the time that was known before is old
  useEffect(() => {
    if (hasPassed) return undefined;
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, [hasPassed]);
  return left;
}
