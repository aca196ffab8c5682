import type { ReactNode } from "react";
import { rate } from "../lib/password.ts";

const WORDS = {
  short: "At least 8 characters. A few words together are easy to remember.",
  weak: "Easy to guess. A few more words would help.",
  fair: "Not bad. One more word makes it strong.",
  strong: "Strong.",
};

export function Strength({ password, about }: { password: string; about?: string[] }): ReactNode {
  const strength = rate(password, about);
  return (
    <>
      {password && <span className={`strength ${strength}`} aria-hidden="true" />}
      <output>{WORDS[strength]}</output>
    </>
  );
}
