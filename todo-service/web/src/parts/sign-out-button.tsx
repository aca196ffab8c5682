import { type ReactNode, useState, useSyncExternalStore } from "react";
import { signOut } from "../lib/auth.ts";
import { Failure } from "../lib/failure.ts";
import { counted, said } from "../lib/language.ts";
import { leave } from "../lib/leaving.ts";
import { store } from "../wiring.ts";

/** Shows a message if the sign-out failed, because a person who wrongly believes to be signed out is at risk. */
export function SignOutButton(): ReactNode {
  const [state, setState] = useState<"ready" | "asking" | "busy" | "failed">("ready");
  const { waiting, deferred, listEntries } = useSyncExternalStore(store.subscribe, store.get);
  const unsent = waiting.length + deferred.length + listEntries.length;
  async function go(): Promise<void> {
    if (unsent > 0 && state !== "asking") return setState("asking");
    setState("busy");
    try {
      await signOut();
      leave();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      setState("failed");
    }
  }
  const isAsking = state === "asking" && unsent > 0;
  return (
    <>
      <button type="button" className="plain quiet" disabled={state === "busy"} onClick={() => void go()}>
        {said(state === "failed" ? "Sign out again" : isAsking ? "Sign out and lose it" : "Sign out")}
      </button>
      {isAsking && (
        <span className="sign-out-failed" role="alert">
          {counted(
            unsent,
            "One change is not sent yet, and would be lost.",
            "{number} changes are not sent yet, and would be lost.",
          )}{" "}
          <button type="button" className="plain" onClick={() => setState("ready")}>
            {said("Stay")}
          </button>
        </span>
      )}
      {state === "failed" && (
        <span className="sign-out-failed" role="alert">
          {said("Signing out failed. You are still signed in.")}
        </span>
      )}
    </>
  );
}
