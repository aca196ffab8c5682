// An invitation to a list: what it is for, and the choice.

import { type ReactNode, useEffect, useState } from "react";
import type { ShownInvitation } from "../lib/api.ts";
import type { Person } from "../lib/auth.ts";
import { expected, Failure } from "../lib/failure.ts";
import { forgetInvitation, heldInvitation } from "../lib/invitations.ts";
import { said, saidWith, type Text } from "../lib/language.ts";
import { navigate } from "../lib/router.ts";
import { Field } from "../parts/field.tsx";
import { SubmitButton, useSubmission } from "../parts/form.tsx";
import { Frame, Link, Patience } from "../parts/frame.tsx";
import { FailureMessage } from "../parts/message.tsx";
import { addressOf } from "../todos/views.ts";
import { api, store } from "../wiring.ts";

const UNUSABLE: Text = "This invitation cannot be used any more: it was used or withdrawn, or it is older than a week.";

export function AnInvitation({ session }: { session: { person: Person } }): ReactNode {
  const [token] = useState(heldInvitation);
  const [shown, setShown] = useState<ShownInvitation | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [attempts, setAttempts] = useState(0);
  useEffect(() => {
    if (token === null) return setFailure(new Failure("missing", said(UNUSABLE)));
    setFailure(null);
    api.showInvitation(token).then(setShown, (error: unknown) => setFailure(inWords(expected(error))));
  }, [token, attempts]);
  const isFinal = failure?.kind === "missing" || failure?.kind === "conflict";
  return (
    <Frame title={said("Invitation")} person={session.person}>
      <div className="narrow invitation">
        {shown && token ? (
          <Choice shown={shown} token={token} person={session.person} />
        ) : failure ? (
          <>
            <h1>{said("Invitation")}</h1>
            {isFinal ? (
              <>
                <p>{failure.message}</p>
                <p>
                  <Link to="/">{said("To your todos")}</Link>
                </p>
              </>
            ) : (
              <FailureMessage failure={failure} retry={() => setAttempts(attempts + 1)} />
            )}
          </>
        ) : (
          <Patience />
        )}
      </div>
    </Frame>
  );
}

interface ChoiceProps {
  shown: ShownInvitation;
  token: string;
  person: Person;
}

function Choice({ shown, token, person }: ChoiceProps): ReactNode {
  const [name, setName] = useState(person.name || person.email);
  const submission = useSubmission(["name"], async () => {
    try {
      const list = await api.acceptInvitation(token, name.trim());
      forgetInvitation();
      await store.sync();
      navigate(addressOf(`list ${list.id}`), { replace: true });
    } catch (error) {
      throw error instanceof Failure ? inWords(error) : error;
    }
  });
  return (
    <>
      <h1 dir="auto">{shown.list_name}</h1>
      <p>
        {saidWith(
          shown.role === "editor"
            ? "{name} shares this list with you. You can see its todos, add some and change them."
            : "{name} shares this list with you. You can see its todos.",
          { name: <bdi>{shown.shared_by}</bdi> },
        )}
      </p>
      <form onSubmit={(event) => void submission.submit(event)}>
        <Field
          name="name"
          label={said("Your name")}
          hint={said("The others on this list see it.")}
          required
          maxLength={100}
          autoComplete="name"
          value={name}
          onChange={setName}
          error={submission.errorOf("name")}
        />
        <div className="actions">
          <SubmitButton submission={submission}>{said("Join the list")}</SubmitButton>
          <button
            type="button"
            onClick={() => {
              forgetInvitation();
              navigate("/");
            }}
          >
            {said("Not now")}
          </button>
        </div>
      </form>
    </>
  );
}

function inWords(failure: Failure): Failure {
  if (failure.kind === "missing") return new Failure("missing", said(UNUSABLE));
  if (failure.kind === "conflict")
    return new Failure("conflict", said("This invitation is yours: the list is your own."));
  return failure;
}
