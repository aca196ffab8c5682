import { type ReactNode, useEffect, useState } from "react";
import { changeName, changePassword, FIRST_PASSWORD, hasPassword, type Person } from "../lib/auth.ts";
import { Failure } from "../lib/failure.ts";
import { said } from "../lib/language.ts";
import { isVisible } from "../lib/typing.ts";
import { Devices } from "../parts/devices.tsx";
import { Field, PasswordField } from "../parts/field.tsx";
import { SubmitButton, useSubmission } from "../parts/form.tsx";
import { Frame, Link } from "../parts/frame.tsx";
import { Message } from "../parts/message.tsx";
import { Strength } from "../parts/strength.tsx";

export function Settings({ session: { person, handle } }: { session: { person: Person; handle: string } }): ReactNode {
  const isWithout = useIsWithoutPassword(handle);
  return (
    <Frame title="Account" person={person}>
      <p className="back">
        <Link to="/">← Your todos</Link>
      </p>
      <h1>Account</h1>
      <p className="lead">
        Signed in as <bdi>{person.email}</bdi>
      </p>
      <Name person={person} />
      {isWithout ? <FirstPassword /> : <Password person={person} />}
      <Devices key={handle} email={person.email} handle={handle} isWithoutPassword={isWithout} />
      <More />
    </Frame>
  );
}

/** What belongs to the account, not to this application, is at the hosted page. */
function More(): ReactNode {
  return (
    <section aria-labelledby="more">
      <h2 id="more">More about your account</h2>
      <p>
        Email address, second factor, applications, recent activity, your data, and deleting the account:{" "}
        <a href="/account">all of your account</a>
      </p>
    </section>
  );
}

function Name({ person }: { person: Person }): ReactNode {
  const [name, setName] = useState(person.name);
  const [isSaved, setSaved] = useState(false);
  const submission = useSubmission(["name"], async () => {
    setSaved(false);
    if (!isVisible(name)) throw new Failure("invalid", "Write a name.", { field: "name" });
    await changeName(name.trim());
    setSaved(true);
  });
  return (
    <section aria-labelledby="name">
      <h2 id="name">Name</h2>
      <form noValidate onSubmit={(event) => void submission.submit(event)}>
        <Field
          label="What we call you"
          name="name"
          autoComplete="name"
          required
          maxLength={100}
          value={name}
          onChange={setName}
          error={submission.errorOf("name")}
        />
        <SubmitButton submission={submission}>Save name</SubmitButton>
        {isSaved && <Message kind="notice">Saved.</Message>}
      </form>
    </section>
  );
}

/** False also while it is not known: most accounts have a password. */
function useIsWithoutPassword(handle: string): boolean {
  const [isWithout, setWithout] = useState(false);
  useEffect(() => {
    hasPassword().then(
      (has) => setWithout(!has),
      () => setWithout(false),
    );
  }, [handle]);
  return isWithout;
}

function FirstPassword(): ReactNode {
  return (
    <section aria-labelledby="password">
      <h2 id="password">{said("Password")}</h2>
      <p>{said("Your account has no password. You sign in by a passkey, by mail or at another site.")}</p>
      <p>
        <a href={FIRST_PASSWORD}>{said("Set a password")}</a>
      </p>
    </section>
  );
}

function Password({ person }: { person: Person }): ReactNode {
  const [currentPassword, setCurrent] = useState("");
  const [newPassword, setNew] = useState("");
  const [revokeOtherSessions, setRevoke] = useState(true);
  const [isSaved, setSaved] = useState(false);
  const submission = useSubmission(["currentPassword", "newPassword"], async () => {
    setSaved(false);
    if (newPassword.length < 8) throw new Failure("invalid", "Use at least 8 characters.", { field: "newPassword" });
    await changePassword({ currentPassword, newPassword, revokeOtherSessions });
    setCurrent("");
    setNew("");
    setSaved(true);
  });
  return (
    <section aria-labelledby="password">
      <h2 id="password">Password</h2>
      <form noValidate onSubmit={(event) => void submission.submit(event)}>
        <input type="email" name="username" autoComplete="username" value={person.email} readOnly hidden />
        <PasswordField
          label="Current password"
          name="currentPassword"
          autoComplete="current-password"
          required
          value={currentPassword}
          onChange={setCurrent}
          error={submission.errorOf("currentPassword")}
        />
        <PasswordField
          label="New password"
          name="newPassword"
          autoComplete="new-password"
          required
          maxLength={128}
          value={newPassword}
          onChange={setNew}
          error={submission.errorOf("newPassword")}
          hint={<Strength password={newPassword} name={person.name} email={person.email} />}
        />
        <label className="choice">
          <input type="checkbox" checked={revokeOtherSessions} onChange={(event) => setRevoke(event.target.checked)} />
          Sign out everywhere else
        </label>
        <SubmitButton submission={submission}>Change password</SubmitButton>
        {isSaved && <Message kind="notice">Your password is changed.</Message>}
      </form>
    </section>
  );
}
