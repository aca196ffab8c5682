// Registers the service worker (src/service-worker.ts), which opens the application without a network.

const WORKER = "/service-worker.js";

let isRegistered = false;

/** Called when somebody is signed in: visitors who never do get no worker. */
export function keepApplication(): void {
  if (isRegistered || import.meta.env.DEV || !("serviceWorker" in navigator)) return;
  isRegistered = true;
  // `updateViaCache`: a worker with a fault must be replaceable at once.
  navigator.serviceWorker.register(address(), { scope: "/", updateViaCache: "none" }).catch(() => {
    isRegistered = false; // forbidden, or the network is away: the application works as long as there is one
  });
}

interface Policies {
  createPolicy(
    name: string,
    rules: { createScriptURL: (url: string) => string },
  ): { createScriptURL(url: string): string };
}

/** The page's Content-Security-Policy allows one policy of Trusted Types: this one, whose only value is the worker's address. */
function address(): string {
  const { trustedTypes } = window as { trustedTypes?: Policies };
  return trustedTypes?.createPolicy("service-worker", { createScriptURL: () => WORKER }).createScriptURL("") ?? WORKER;
}
