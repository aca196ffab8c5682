// Chooses the page: some pages need a signed-in person, others are for people who are not signed in.

import { useEffect, type ReactNode, useSyncExternalStore } from "react";
import { type Person, type SessionState, useSession } from "./lib/auth.ts";
import { said } from "./lib/language.ts";
import { useHasLeft } from "./lib/leaving.ts";
import { parseReturnTo, signInPath } from "./lib/return-to.ts";
import { navigate, useAddress } from "./lib/router.ts";
import { AnInvitation } from "./pages/invitation.tsx";
import { Missing } from "./pages/missing.tsx";
import { Settings } from "./pages/settings.tsx";
import { SignIn } from "./pages/sign-in.tsx";
import { SignUp } from "./pages/sign-up.tsx";
import { Todos } from "./pages/todos.tsx";
import { Frame, Link } from "./parts/frame.tsx";
import { Message } from "./parts/message.tsx";
import { presumed } from "./wiring.ts";

type SignedIn = Extract<SessionState, { is: "signed-in" }>;

const FOR_A_PERSON: Record<string, (props: { session: SignedIn }) => ReactNode> = {
  "/": Todos,
  "/settings": Settings,
  "/invitation": AnInvitation,
};
const FOR_NOBODY: Record<string, (props: { sessionEnded: boolean }) => ReactNode> = {
  "/sign-in": SignIn,
  "/sign-up": SignUp,
};

let wasSignedIn = false; // since the page was loaded: then "signed out" means that the session has ended

export function Application(): ReactNode {
  const address = useAddress();
  const session = useSession();
  const hasLeft = useHasLeft();
  const person = useSyncExternalStore(presumed.subscribe, presumed.get);
  useEffect(() => {
    if (session.is === "signed-in" || person) wasSignedIn = true;
  }, [session.is, person]);

  const Personal = FOR_A_PERSON[address.pathname];
  const Public = FOR_NOBODY[address.pathname];
  if (hasLeft) return <Frame />;
  if (Personal) {
    const isUnknown = session.is === "pending" || session.is === "unknown";
    if (isUnknown && person)
      return Personal === Todos ? <Todos key={person.id} session={{ person }} /> : <Away person={person} />;
    if (session.is === "pending") return <Frame />;
    if (session.is === "unknown") return <Unknown retry={session.retry} />;
    if (session.is === "signed-out") return <Redirect to={signInPath(address.pathname + address.search)} />;
    // The key makes another person's page share nothing with this one, not even a component's state.
    return <Personal key={session.person.id} session={session} />;
  }
  if (Public) {
    if (session.is === "signed-in")
      return <Redirect to={parseReturnTo(address.searchParams.get("returnTo"), address.origin)} />;
    return <Public sessionEnded={wasSignedIn} />;
  }
  return <Missing />;
}

function Redirect({ to }: { to: string }): ReactNode {
  useEffect(() => navigate(to, { replace: true }), [to]);
  return <Frame />;
}

/** A page that this device does not keep. */
function Away({ person }: { person: Person }): ReactNode {
  return (
    <Frame person={person}>
      <p className="back">
        <Link to="/">{said("← Your todos")}</Link>
      </p>
      <h1>{said("Not without a network")}</h1>
      <p className="lead">
        {said("Your todos are on this device. This page is not: it opens when the network is back.")}
      </p>
    </Frame>
  );
}

function Unknown({ retry }: { retry: () => void }): ReactNode {
  return (
    <Frame>
      <div className="narrow">
        <h1>{said("Just a moment")}</h1>
        <Message kind="problem" action={{ label: said("Try again"), onClick: retry }}>
          {said("The sign-in service does not answer right now, so we cannot tell who you are.")}
        </Message>
      </div>
    </Frame>
  );
}
