import { type ReactNode, useEffect, useState } from "react";
import {
  enterCode,
  hosted,
  isCodeAwaited,
  knowsPasskeys,
  sayElsewhere,
  sendsMail,
  signIn,
  signInByPasskey,
} from "../lib/auth.ts";
import { said } from "../lib/language.ts";
import { useAddress, useReturnTo } from "../lib/router.ts";
import { Field, PasswordField, RememberBox } from "../parts/field.tsx";
import { SubmitButton, useSubmission } from "../parts/form.tsx";
import { Elsewhere } from "../parts/elsewhere.tsx";
import { Frame, Link } from "../parts/frame.tsx";
import { Languages } from "../parts/languages.tsx";
import { FailureMessage, Message } from "../parts/message.tsx";
import { SendAgain } from "../parts/send-again.tsx";

/** Does not navigate: signing in changes the session, and the application then shows the requested page. */
export function SignIn({ sessionEnded }: { sessionEnded: boolean }): ReactNode {
  const [step, setStep] = useState(isCodeAwaited() ? "code" : "password");
  return step === "code" ? (
    <CodeStep goBack={() => setStep("password")} />
  ) : (
    <PasswordStep sessionEnded={sessionEnded} goOn={() => setStep("code")} />
  );
}

function PasswordStep({ sessionEnded, goOn }: { sessionEnded: boolean; goOn: () => void }): ReactNode {
  const { search, searchParams } = useAddress();
  const returnTo = useReturnTo();
  const problem = sayElsewhere(searchParams.get("error"));
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [rememberMe, setRememberMe] = useState(true);
  const [hasMail, setHasMail] = useState(true);
  useEffect(() => {
    sendsMail().then(setHasMail, () => {}); // without the answer, what needs mail is offered
  }, []);
  const submission = useSubmission(["email", "password"], async () => {
    const step = await signIn({ email, password, rememberMe });
    if (step === "code") goOn();
    if (step === "set-up") location.assign(hosted("setUp", returnTo));
  });
  return (
    <Frame title={said("Sign in")}>
      <form className="card" noValidate onSubmit={(event) => void submission.submit(event)}>
        <h1>{said(sessionEnded ? "Welcome back" : "Sign in")}</h1>
        {sessionEnded && (
          <Message kind="notice">
            {said("Your session has ended. Sign in to continue; what you typed is still there.")}
          </Message>
        )}
        {problem !== null && !sessionEnded && <Message kind="problem">{problem}</Message>}
        <Field
          label={said("Email address")}
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
          label={said("Password")}
          name="password"
          autoComplete="current-password"
          required
          value={password}
          onChange={setPassword}
          error={submission.errorOf("password")}
        />
        {hasMail && (
          <p className="forgot">
            <a href={hosted("forgotten", returnTo)}>{said("Forgot password?")}</a>
          </p>
        )}
        <RememberBox checked={rememberMe} onChange={setRememberMe} />
        <SubmitButton submission={submission}>{said("Sign in")}</SubmitButton>
        {submission.failure?.kind === "unverified" && <SendAgain key={email} email={email} />}
        {knowsPasskeys() && <PasskeyButton />}
        {hasMail && (
          <a className="button wide" href={hosted("byMail", returnTo)}>
            {said("Sign in by mail")}
          </a>
        )}
        <Elsewhere />
        <p className="aside">
          {said("No account yet?")} <Link to={`/sign-up${search}`}>{said("Create an account")}</Link>
        </p>
      </form>
      <Languages />
    </Frame>
  );
}

function PasskeyButton(): ReactNode {
  const submission = useSubmission([], signInByPasskey);
  return (
    <>
      <button type="button" className="wide" aria-busy={submission.isBusy} onClick={() => void submission.submit()}>
        {said("Use a passkey")}
      </button>
      {submission.failure && <FailureMessage failure={submission.failure} />}
    </>
  );
}

/** The code after the password, of an account with a second factor. */
function CodeStep({ goBack }: { goBack: () => void }): ReactNode {
  const [code, setCode] = useState("");
  const [isRecoveryCode, setRecoveryCode] = useState(false);
  const [trust, setTrust] = useState(false);
  const returnTo = useReturnTo();
  const submission = useSubmission(["code"], () => enterCode({ code, isRecoveryCode, trust }));
  const ofApp = { inputMode: "numeric", autoComplete: "one-time-code", maxLength: 10 } as const;
  const ofPaper = { autoComplete: "off", autoCapitalize: "none", spellCheck: false, maxLength: 64 } as const;
  return (
    <Frame title={said("Code")}>
      <form className="card" noValidate onSubmit={(event) => void submission.submit(event)}>
        <h1>{said(isRecoveryCode ? "Enter a recovery code" : "Enter the code")}</h1>
        <p className="lead">
          {said(
            isRecoveryCode
              ? "One of the ten codes that you kept when you set up your authenticator app. Each works once."
              : "Your authenticator app shows six digits, and new ones every 30 seconds.",
          )}
        </p>
        <Field
          key={String(isRecoveryCode)}
          label={said(isRecoveryCode ? "Recovery code" : "Six-digit code")}
          name="code"
          required
          autoFocus
          value={code}
          onChange={setCode}
          error={submission.errorOf("code")}
          {...(isRecoveryCode ? ofPaper : ofApp)}
        />
        <label className="choice">
          <input type="checkbox" checked={trust} onChange={(event) => setTrust(event.target.checked)} />
          {said("Do not ask in this browser for 30 days")}
        </label>
        <SubmitButton submission={submission}>{said("Sign in")}</SubmitButton>
        {knowsPasskeys() && <PasskeyButton />}
        <p className="aside">
          <button type="button" className="plain" onClick={() => (setRecoveryCode(!isRecoveryCode), setCode(""))}>
            {said(isRecoveryCode ? "Use the authenticator app" : "Use a recovery code")}
          </button>{" "}
          <button type="button" className="plain" onClick={goBack}>
            {said("Back to the password")}
          </button>
        </p>
        <p className="aside">
          <a href={hosted("lost", returnTo)}>{said("Lost the app and the codes?")}</a>
        </p>
      </form>
    </Frame>
  );
}
