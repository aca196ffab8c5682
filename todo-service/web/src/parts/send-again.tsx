// Offers another mail to a person whose address is not confirmed yet.

import { type ReactNode, useState } from "react";
import { sendVerification } from "../lib/auth.ts";
import { expected, type Failure } from "../lib/failure.ts";
import { said } from "../lib/language.ts";
import { FailureMessage, Message } from "./message.tsx";

export function SendAgain({ email }: { email: string }): ReactNode {
  const [state, setState] = useState<"idle" | "busy" | "sent">("idle");
  const [failure, setFailure] = useState<Failure | null>(null);

  async function send(): Promise<void> {
    setState("busy");
    setFailure(null);
    try {
      await sendVerification(email);
      setState("sent");
    } catch (error) {
      setState("idle");
      setFailure(expected(error));
    }
  }

  if (state === "sent")
    return <Message kind="notice">{said("Another mail is on its way to {email}.", { email })}</Message>;
  return (
    <>
      {failure && <FailureMessage failure={failure} />}
      <button type="button" aria-busy={state === "busy"} disabled={state === "busy"} onClick={() => void send()}>
        {said("Send the mail again")}
      </button>
    </>
  );
}
