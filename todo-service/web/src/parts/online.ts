import { useSyncExternalStore } from "react";

function subscribe(notice: () => void): () => void {
  for (const event of ["online", "offline"]) window.addEventListener(event, notice);
  return () => {
    for (const event of ["online", "offline"]) window.removeEventListener(event, notice);
  };
}

export function useOnline(): boolean {
  return useSyncExternalStore(subscribe, () => navigator.onLine);
}
