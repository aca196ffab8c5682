// Links to the page in another language, as at the foot of the hosted pages.

import type { ReactNode } from "react";
import { choose, language, languages, said } from "../lib/language.ts";

export function Languages(): ReactNode {
  return (
    <nav className="languages" aria-label={said("Language")}>
      {languages().map(({ code, name }) =>
        code === language() ? (
          <span key={code} lang={code} aria-current="true">
            {name}
          </span>
        ) : (
          <button key={code} type="button" className="plain" lang={code} onClick={() => choose(code)}>
            {name}
          </button>
        ),
      )}
    </nav>
  );
}
