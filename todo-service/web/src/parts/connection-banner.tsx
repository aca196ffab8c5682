// The one place that says that there is no network or that a service does not answer, with the only button for it.

import { type ReactNode, useSyncExternalStore } from "react";
import { said } from "../lib/language.ts";
import { isNewList } from "../todos/entries.ts";
import { connection, shelf, store } from "../wiring.ts";
import { useSecondsUntil } from "./message.tsx";
import { useOnline } from "./online.ts";

export function ConnectionBanner(): ReactNode {
  const isOnline = useOnline();
  const trouble = useSyncExternalStore(connection.subscribe, connection.get);
  const { waiting, deferred, listEntries } = useSyncExternalStore(store.subscribe, store.get);
  const seconds = useSecondsUntil(trouble?.nextAt);
  if (isOnline && trouble === null) return null;
  const isAdded = waiting.length > 0 || listEntries.some((each) => isNewList(each) && !each.refusal);
  const isChanged = [...deferred, ...listEntries].some((each) => !isNewList(each) && !each.refusal);
  const when = said(isOnline ? "it answers" : "you are back");
  const isLimited = trouble?.failure.kind === "limited" && seconds > 0;
  return (
    <div className="message banner" role={isOnline ? "alert" : "status"}>
      <span>
        {isOnline ? trouble?.failure.message : said("You are offline.")}
        {isAdded && isChanged
          ? ` ${said("What you added and changed is kept here, and sent when {when}.", { when })}`
          : isAdded
            ? ` ${said("What you added is kept here, and sent when {when}.", { when })}`
            : isChanged && ` ${said("What you changed is kept here, and sent when {when}.", { when })}`}
        <Kept />
      </span>
      {trouble && (
        <button type="button" className="plain" disabled={isLimited} onClick={connection.retry}>
          {said("Try again")}
          {seconds > 0 && <span aria-hidden="true"> ({seconds})</span>}
        </button>
      )}
    </div>
  );
}

/** Why this page must stay open, if the device keeps nothing. */
function Kept(): ReactNode {
  const state = useSyncExternalStore(shelf.subscribe, shelf.state);
  if (state === "works") return null;
  const sentence = said(
    state === "full"
      ? "This device has no room left, so leave this page open until then."
      : "This browser does not let anything be kept, so leave this page open until then.",
  );
  return ` ${sentence}`;
}

/** Said while everything works, too: later it would be too late. */
export function KeptNotice(): ReactNode {
  const state = useSyncExternalStore(shelf.subscribe, shelf.state);
  if (state === "works") return null;
  return (
    <p className="hint not-kept" role="status">
      {said(
        state === "full"
          ? "This device has no room left: your todos are here only while you are online."
          : "This browser does not let anything be kept on this device: your todos are here only while you are online.",
      )}
    </p>
  );
}
