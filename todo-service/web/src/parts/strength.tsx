import { type ReactNode, useEffect, useState } from "react";
import { findRefusal } from "../lib/auth.ts";
import { said, type Text } from "../lib/language.ts";
import { LEAST, rate, type Strength as Rating } from "../lib/password.ts";

const WORDS: Record<Rating, Text> = {
  short: "At least 8 characters. A few words together are easy to remember.",
  weak: "Easy to guess. A few more words would help.",
  fair: "Not bad. One more word makes it strong.",
  strong: "Strong.",
};
const PAUSE = 300; // milliseconds without a key, before the server is asked

export function Strength({ password, name, email }: { password: string; name: string; email: string }): ReactNode {
  const refusal = useRefusal(password, name, email);
  const strength = refusal === null ? rate(password, [name, email]) : "weak";
  return (
    <>
      {password && <span className={`strength ${strength}`} aria-hidden="true" />}
      <output>{refusal ?? said(WORDS[strength])}</output>
    </>
  );
}

/** Why the server would refuse what is typed. Null: it would not, or it has not said so yet. */
function useRefusal(password: string, name: string, email: string): string | null {
  const [judged, setJudged] = useState<{ password: string; sentence: string | null } | null>(null);
  useEffect(() => {
    if (password.length < LEAST) return;
    const timer = setTimeout(() => {
      findRefusal(password, name, email).then(
        (sentence) => setJudged({ password, sentence }),
        () => setJudged(null), // without an answer the estimate stays; the form's answer decides
      );
    }, PAUSE);
    return () => clearTimeout(timer);
  }, [password, name, email]);
  return judged?.password === password ? judged.sentence : null;
}
