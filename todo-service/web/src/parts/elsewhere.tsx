// Buttons that sign in at another site, as far as the operator has registered any.

import { type ReactNode, useEffect, useState } from "react";
import { listProviders, type Provider, signInElsewhere } from "../lib/auth.ts";
import { said } from "../lib/language.ts";
import { signInPath } from "../lib/return-to.ts";
import { useReturnTo } from "../lib/router.ts";
import { useSubmission } from "./form.tsx";
import { FailureMessage } from "./message.tsx";

export function Elsewhere(): ReactNode {
  const [providers, setProviders] = useState<Provider[]>([]);
  useEffect(() => {
    listProviders().then(setProviders, () => {}); // without the buttons, the form is still there
  }, []);
  return providers.map((each) => <Button key={each.id} provider={each} />);
}

function Button({ provider }: { provider: Provider }): ReactNode {
  const returnTo = useReturnTo();
  const submission = useSubmission([], () => signInElsewhere(provider.id, returnTo, signInPath(returnTo)));
  return (
    <>
      <button type="button" className="wide" aria-busy={submission.isBusy} onClick={() => void submission.submit()}>
        {said("Continue with {name}", { name: provider.name })}
      </button>
      {submission.failure && <FailureMessage failure={submission.failure} />}
    </>
  );
}
