import { type ReactNode, useEffect, useState } from "react";
import { changeName, changePassword, FIRST_PASSWORD, hasPassword, type Person } from "../lib/auth.ts";
import { Failure } from "../lib/failure.ts";
import { said, saidWith, type Text } from "../lib/language.ts";
import { isVisible } from "../lib/typing.ts";
import { Appearance, LanguageChoice } from "../parts/appearance.tsx";
import { Devices } from "../parts/devices.tsx";
import { Field, PasswordField } from "../parts/field.tsx";
import { SubmitButton, useSubmission } from "../parts/form.tsx";
import { Frame, Link } from "../parts/frame.tsx";
import { Message } from "../parts/message.tsx";
import { Deletion, OwnData } from "../parts/own-data.tsx";
import { Strength } from "../parts/strength.tsx";

export function Settings({ session: { person, handle } }: { session: { person: Person; handle: string } }): ReactNode {
  const isWithout = useIsWithoutPassword(handle);
  return (
    <Frame title={said("Account")} person={person}>
      <p className="back">
        <Link to="/">{said("← Your todos")}</Link>
      </p>
      <h1>{said("Account")}</h1>
      <p className="lead">{saidWith("Signed in as {email}", { email: <bdi>{person.email}</bdi> })}</p>
      <div className="cards">
        <Name person={person} />
        <Appearance />
        <LanguageChoice />
        {isWithout ? <FirstPassword /> : <Password person={person} />}
        <SigningIn />
        <Devices key={handle} email={person.email} handle={handle} isWithoutPassword={isWithout} />
        <OwnData />
        <Deletion />
      </div>
    </Frame>
  );
}

const HOSTED: ReadonlyArray<[address: string, name: Text, about: Text]> = [
  ["/second-factor-setup", "Second factor", "A code from an app on your phone, after the password"],
  ["/passkeys", "Passkeys", "Sign in by fingerprint, face or the PIN of a device"],
  ["/account?change=email", "Email address", "For signing in, and for mails about your account"],
  ["/account", "All of your account", "Applications, other ways to sign in, recent activity"],
];

/** What belongs to the account, not to this application, is at the hosted pages. */
function SigningIn(): ReactNode {
  return (
    <section aria-labelledby="signing-in">
      <h2 id="signing-in">{said("Signing in")}</h2>
      <ul className="hosted">
        {HOSTED.map(([address, name, about]) => (
          <li key={address}>
            <a href={address}>
              <strong>{said(name)}</strong>
              <small>{said(about)}</small>
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Name({ person }: { person: Person }): ReactNode {
  const [name, setName] = useState(person.name);
  const [isSaved, setSaved] = useState(false);
  const submission = useSubmission(["name"], async () => {
    setSaved(false);
    if (!isVisible(name)) throw new Failure("invalid", said("Write a name."), { field: "name" });
    await changeName(name.trim());
    setSaved(true);
  });
  return (
    <section aria-labelledby="name">
      <h2 id="name">{said("Name")}</h2>
      <form noValidate onSubmit={(event) => void submission.submit(event)}>
        <Field
          label={said("What we call you")}
          name="name"
          autoComplete="name"
          required
          maxLength={100}
          value={name}
          onChange={setName}
          error={submission.errorOf("name")}
        />
        <SubmitButton submission={submission}>{said("Save name")}</SubmitButton>
        {isSaved && <Message kind="notice">{said("Saved.")}</Message>}
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
    if (newPassword.length < 8)
      throw new Failure("invalid", said("Use at least 8 characters."), { field: "newPassword" });
    await changePassword({ currentPassword, newPassword, revokeOtherSessions });
    setCurrent("");
    setNew("");
    setSaved(true);
  });
  return (
    <section aria-labelledby="password">
      <h2 id="password">{said("Password")}</h2>
      <form noValidate onSubmit={(event) => void submission.submit(event)}>
        <input type="email" name="username" autoComplete="username" value={person.email} readOnly hidden />
        <PasswordField
          label={said("Current password")}
          name="currentPassword"
          autoComplete="current-password"
          required
          value={currentPassword}
          onChange={setCurrent}
          error={submission.errorOf("currentPassword")}
        />
        <PasswordField
          label={said("New password")}
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
          {said("Sign out everywhere else")}
        </label>
        <SubmitButton submission={submission}>{said("Change password")}</SubmitButton>
        {isSaved && <Message kind="notice">{said("Your password is changed.")}</Message>}
      </form>
    </section>
  );
}
