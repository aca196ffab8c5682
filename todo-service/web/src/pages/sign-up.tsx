import { type ReactNode, useState } from "react";
import { hosted, signUp } from "../lib/auth.ts";
import { Failure } from "../lib/failure.ts";
import { said } from "../lib/language.ts";
import { useAddress, useReturnTo } from "../lib/router.ts";
import { Field, PasswordField, RememberBox } from "../parts/field.tsx";
import { SubmitButton, useSubmission } from "../parts/form.tsx";
import { Elsewhere } from "../parts/elsewhere.tsx";
import { Frame, Link } from "../parts/frame.tsx";
import { Languages } from "../parts/languages.tsx";
import { SendAgain } from "../parts/send-again.tsx";
import { Strength } from "../parts/strength.tsx";

export function SignUp(): ReactNode {
  const { search } = useAddress();
  const returnTo = useReturnTo();
  const [name, setName] = useState("");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [rememberMe, setRememberMe] = useState(true);
  const submission = useSubmission(["name", "email", "newPassword"], async () => {
    if (password.length < 8) throw new Failure("invalid", said("Use at least 8 characters."), { field: "newPassword" });
    const step = await signUp({ name: name.trim(), email, password, rememberMe });
    if (step === "set-up") location.assign(hosted("setUp", returnTo));
  });
  return (
    <Frame title={said("Create an account")}>
      <form className="card" noValidate onSubmit={(event) => void submission.submit(event)}>
        <h1>{said("Create an account")}</h1>
        <Field
          label={said("Name")}
          name="name"
          autoComplete="name"
          required
          autoFocus
          maxLength={100}
          value={name}
          onChange={setName}
          error={submission.errorOf("name")}
        />
        <Field
          label={said("Email address")}
          name="email"
          type="email"
          autoComplete="username"
          inputMode="email"
          required
          value={email}
          onChange={setEmail}
          error={submission.errorOf("email")}
        />
        <PasswordField
          label={said("Password")}
          name="newPassword"
          autoComplete="new-password"
          required
          maxLength={128}
          value={password}
          onChange={setPassword}
          error={submission.errorOf("newPassword")}
          hint={<Strength password={password} name={name} email={email} />}
        />
        <RememberBox checked={rememberMe} onChange={setRememberMe} />
        <SubmitButton submission={submission}>{said("Create account")}</SubmitButton>
        {submission.failure?.kind === "unverified" && <SendAgain key={email} email={email} />}
        <Elsewhere />
        <p className="aside">
          {said("Have an account?")} <Link to={`/sign-in${search}`}>{said("Sign in")}</Link>
        </p>
      </form>
      <Languages />
    </Frame>
  );
}
