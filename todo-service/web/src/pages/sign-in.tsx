import { type ReactNode, useState } from "react";
import { signIn } from "../lib/auth.ts";
import { useAddress } from "../lib/router.ts";
import { Field, PasswordField } from "../parts/field.tsx";
import { SubmitButton, useSubmission } from "../parts/form.tsx";
import { Frame, Link } from "../parts/frame.tsx";
import { Message } from "../parts/message.tsx";

/** Does not navigate: signing in changes the session, and the application then shows the requested page. */
export function SignIn({ sessionEnded }: { sessionEnded: boolean }): ReactNode {
  const { search } = useAddress();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const submission = useSubmission(["email", "password"], () => signIn({ email, password }));
  return (
    <Frame title="Sign in">
      <form className="narrow" noValidate onSubmit={(event) => void submission.submit(event)}>
        <h1>{sessionEnded ? "Welcome back" : "Sign in"}</h1>
        {sessionEnded && (
          <Message kind="notice">Your session has ended. Sign in to continue; what you typed is still there.</Message>
        )}
        <Field
          label="Email"
          name="email"
          type="email"
          autoComplete="username"
          inputMode="email"
          required
          autoFocus
          value={email}
          onChange={setEmail}
          error={submission.errorOf("email")}
        />
        <PasswordField
          label="Password"
          name="password"
          autoComplete="current-password"
          required
          value={password}
          onChange={setPassword}
          error={submission.errorOf("password")}
        />
        <SubmitButton submission={submission}>Sign in</SubmitButton>
        <p className="aside">
          New here? <Link to={`/sign-up${search}`}>Create an account</Link>
        </p>
      </form>
    </Frame>
  );
}
