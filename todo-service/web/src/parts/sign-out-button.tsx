import { type ReactNode, useState } from "react";
import { signOut } from "../lib/auth.ts";
import { Failure } from "../lib/failure.ts";
import { leave } from "../lib/leaving.ts";

/** Shows a message if the sign-out failed, because a person who wrongly believes to be signed out is at risk. */
export function SignOutButton(): ReactNode {
  const [state, setState] = useState<"ready" | "busy" | "failed">("ready");
  async function go(): Promise<void> {
    setState("busy");
    try {
      await signOut();
      leave();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      setState("failed");
    }
  }
  return (
    <>
      <button type="button" className="plain quiet" disabled={state === "busy"} onClick={() => void go()}>
        {state === "failed" ? "Sign out again" : "Sign out"}
      </button>
      {state === "failed" && (
        <span className="sign-out-failed" role="alert">
          Signing out failed. You are still signed in.
        </span>
      )}
    </>
  );
}
