import type { ReactNode } from "react";
import { choose, language, languages, said, type Text } from "../lib/language.ts";
import { DENSITIES, type Look, THEMES, useLook, wear } from "../lib/look.ts";

const NAMES: Record<Look["theme"] | Look["density"], Text> = {
  system: "System",
  light: "Light",
  dark: "Dark",
  comfortable: "Comfortable",
  compact: "Compact",
};

export function Appearance(): ReactNode {
  const worn = useLook();
  return (
    <section aria-labelledby="appearance">
      <h2 id="appearance">{said("Appearance")}</h2>
      <fieldset className="segments">
        <legend>{said("Colours")}</legend>
        {THEMES.map((theme) => (
          <Choice
            key={theme}
            of="theme"
            name={NAMES[theme]}
            isChosen={worn.theme === theme}
            choose={() => wear({ ...worn, theme })}
          />
        ))}
      </fieldset>
      <fieldset className="segments">
        <legend>{said("Rows")}</legend>
        {DENSITIES.map((density) => (
          <Choice
            key={density}
            of="density"
            name={NAMES[density]}
            isChosen={worn.density === density}
            choose={() => wear({ ...worn, density })}
          />
        ))}
      </fieldset>
      <p className="hint">{said("This browser keeps it.")}</p>
    </section>
  );
}

interface ChoiceProps {
  of: string;
  name: Text;
  isChosen: boolean;
  choose: () => void;
}

function Choice({ of, name, isChosen, choose }: ChoiceProps): ReactNode {
  return (
    <label>
      <input type="radio" name={of} checked={isChosen} onChange={choose} />
      <span>{said(name)}</span>
    </label>
  );
}

/** Buttons, because a choice loads the page again: the arrow keys of a group of radio buttons would do it at once. */
export function LanguageChoice(): ReactNode {
  return (
    <section aria-labelledby="language">
      <h2 id="language">{said("Language")}</h2>
      <div className="quick">
        {languages().map(({ code, name }) => (
          <button
            key={code}
            type="button"
            lang={code}
            aria-pressed={code === language()}
            onClick={() => (code === language() ? undefined : choose(code))}
          >
            {name}
          </button>
        ))}
      </div>
      <p className="hint">{said("It counts for the pages of your account, too, in this browser.")}</p>
    </section>
  );
}
