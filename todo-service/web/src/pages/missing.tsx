import type { ReactNode } from "react";
import { said } from "../lib/language.ts";
import { Frame, Link } from "../parts/frame.tsx";

export function Missing(): ReactNode {
  return (
    <Frame title={said("Nothing here")}>
      <div className="narrow">
        <h1>{said("There is nothing here")}</h1>
        <p>
          <Link to="/">{said("Back to your todos")}</Link>
        </p>
      </div>
    </Frame>
  );
}
