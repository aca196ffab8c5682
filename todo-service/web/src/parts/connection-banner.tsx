// The one place that says that there is no network or that a service does not answer, with the only button for it.

import { type ReactNode, useSyncExternalStore } from "react";
import { connection, store } from "../wiring.ts";
import { useSecondsUntil } from "./message.tsx";
import { useOnline } from "./online.ts";

export function ConnectionBanner(): ReactNode {
  const isOnline = useOnline();
  const trouble = useSyncExternalStore(connection.subscribe, connection.get);
  const { waiting } = useSyncExternalStore(store.subscribe, store.get);
  const seconds = useSecondsUntil(trouble?.nextAt);
  if (isOnline && trouble === null) return null;
  const isLimited = trouble?.failure.kind === "limited" && seconds > 0;
  return (
    <div className="message banner" role={isOnline ? "alert" : "status"}>
      <span>
        {isOnline ? trouble?.failure.message : "You are offline."}
        {waiting.length > 0 &&
          ` What you added is kept here, and sent when ${isOnline ? "it answers" : "you are back"}.`}
      </span>
      {trouble && (
        <button type="button" className="plain" disabled={isLimited} onClick={connection.retry}>
          Try again{seconds > 0 && <span aria-hidden="true"> ({seconds})</span>}
        </button>
      )}
    </div>
  );
}
