// A labelled field with its error beside it.

import { type InputHTMLAttributes, type ReactNode, useId, useState } from "react";
import { said } from "../lib/language.ts";

interface FieldProps extends Omit<InputHTMLAttributes<HTMLInputElement>, "onChange" | "value"> {
  name: string;
  label: string;
  value: string;
  onChange: (value: string) => void;
  error?: string | undefined;
  hint?: ReactNode;
}

export function Field({ label, error, hint, onChange, children, ...input }: FieldProps): ReactNode {
  const id = useId();
  const described = [error && `${id}-error`, hint && `${id}-hint`].filter(Boolean).join(" ");
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <div className="control">
        <input
          id={id}
          aria-invalid={error !== undefined}
          aria-describedby={described || undefined}
          onChange={(event) => onChange(event.target.value)}
          {...input}
        />
        {children}
      </div>
      {error && (
        <p className="error" id={`${id}-error`}>
          {error}
        </p>
      )}
      {hint && (
        <div className="hint" id={`${id}-hint`}>
          {hint}
        </div>
      )}
    </div>
  );
}

export function PasswordField(props: FieldProps): ReactNode {
  const [isShown, setShown] = useState(false);
  return (
    <Field {...props} type={isShown ? "text" : "password"} spellCheck={false} autoCapitalize="none" autoCorrect="off">
      <button
        type="button"
        className="plain reveal"
        aria-pressed={isShown}
        aria-label={revealOf(props.label)}
        onClick={() => setShown(!isShown)}
      >
        {said(isShown ? "Hide" : "Show")}
      </button>
    </Field>
  );
}

/** The name of the button: a page may have more than one field for a password. */
function revealOf(label: string): string {
  if (label === said("Current password")) return said("Show current password");
  return label === said("New password") ? said("Show new password") : said("Show password");
}

/** The same words and effect as on the hosted pages: without it the session ends with the browser. */
export function RememberBox(props: { checked: boolean; onChange: (checked: boolean) => void }): ReactNode {
  return (
    <label className="choice">
      <input type="checkbox" checked={props.checked} onChange={(event) => props.onChange(event.target.checked)} />
      {said("Keep me signed in on this device")}
    </label>
  );
}
