// The frame of every page: the name, the link to the account, and a banner while a service does not answer.

import { type MouseEvent, type ReactNode, useEffect, useRef, useState } from "react";
import type { Person } from "../lib/auth.ts";
import { said } from "../lib/language.ts";
import { navigate } from "../lib/router.ts";
import { ConnectionBanner } from "./connection-banner.tsx";
import { SignOutButton } from "./sign-out-button.tsx";

export function Frame({
  title,
  person,
  children,
}: {
  title?: string;
  person?: Person;
  children?: ReactNode;
}): ReactNode {
  const main = useRef<HTMLElement>(null);
  useEffect(() => {
    document.title = title ? `${title} · ${said("Todos")}` : said("Todos");
  }, [title]);
  return (
    <>
      <a className="skip" href="#main" onClick={(event) => (event.preventDefault(), main.current?.focus())}>
        {said("Skip to content")}
      </a>
      <header className="top">
        <Link className="wordmark" to="/">
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <rect width="32" height="32" rx="9" />
            <path d="m9 16.5 5 5L23.5 11" />
          </svg>
          {said("Todos")}
        </Link>
        {person && (
          <nav aria-label={said("Account")}>
            <Link to="/settings" className="quiet">
              {person.name || person.email}
            </Link>
            <SignOutButton />
          </nav>
        )}
      </header>
      <ConnectionBanner />
      <main id="main" ref={main} tabIndex={-1} aria-busy={children === undefined}>
        {children ?? <Patience />}
      </main>
    </>
  );
}

/** Shows "Loading …" only after 600 ms: most waits are shorter. */
export function Patience(): ReactNode {
  const [isLong, setLong] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLong(true), 600);
    return () => clearTimeout(timer);
  }, []);
  return isLong && <p className="patience">{said("Loading …")}</p>;
}

interface LinkProps {
  to: string;
  className?: string;
  "aria-current"?: "page" | undefined;
  children: ReactNode;
}

export function Link({ to, children, ...rest }: LinkProps): ReactNode {
  function follow(event: MouseEvent): void {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return; // let the browser open a tab or window
    event.preventDefault();
    navigate(to);
  }
  return (
    <a href={to} onClick={follow} {...rest}>
      {children}
    </a>
  );
}
