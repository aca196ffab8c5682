import type { ReactNode } from "react";
import { Frame, Link } from "../parts/frame.tsx";

export function Missing(): ReactNode {
  return (
    <Frame title="Nothing here">
      <div className="narrow">
        <h1>There is nothing here</h1>
        <p>
          <Link to="/">Back to your todos</Link>
        </p>
      </div>
    </Frame>
  );
}
