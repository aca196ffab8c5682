// Messages to the person. Screen readers announce them at once (role alert or status).

import { type ReactNode, useEffect, useState } from "react";
import type { Failure } from "../lib/failure.ts";

interface Action {
  label: string;
  onClick: () => void;
}

export function Message(props: {
  kind: "problem" | "notice" | "banner";
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
        {failure.kind === "broken" && failure.reference && <small> Reference: {failure.reference}</small>}
      </span>
      {retry && (
        <button type="button" className="plain" disabled={seconds > 0} onClick={retry}>
          Try again{seconds > 0 && <span aria-hidden="true"> ({seconds})</span>}
        </button>
      )}
    </div>
  );
}

/** Whole seconds until a time; 0 when it has passed. */
export function useSecondsUntil(at: number | undefined): number {
  const [now, setNow] = useState(() => Date.now());
  const left = at === undefined ? 0 : Math.max(0, Math.ceil((at - now) / 1000));
  const hasPassed = left === 0;
  useEffect(() => {
    if (hasPassed) return undefined;
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, [hasPassed]);
  return left;
}
