// The access token: held in memory only, renewed before it expires, fetched once for all callers and tabs.
//
// In one tab the first caller fetches, and the others wait for the same promise. Among tabs, one holds the lock and
// fetches; the others wait for the lock and receive the token on a channel. A token whose `sub` is another person's is
// never used. If the person changes while a caller waits (sign-out or sign-in in another tab, a deleted account), the
// caller gets a failure: with the next person's token, what the first one has asked for would be done for the other.

import { Failure } from "./failure.ts";
import { said } from "./language.ts";

export interface AccessToken {
  /** A valid token. Throws a Failure: signed-out, offline, unreachable, limited. */
  get(): Promise<string>;
  /** A token other than `refused`, which the API has just refused. */
  replace(refused: string): Promise<string>;
  /** Set the person (`sub`) that tokens must belong to; another person's token is dropped. null: nobody is signed in. */
  belongsTo(userId: string | null): void;
}

export interface Surroundings {
  fetchToken: () => Promise<string>;
  locks: Pick<LockManager, "request">;
  channel: Pick<BroadcastChannel, "postMessage" | "onmessage">;
  now: () => number;
}

interface Held {
  value: string;
  sub: string;
  expiresAt: number; // by this machine's clock, which may be wrong: only the difference exp - iat is taken from the token
  renewAt: number;
}

type Message = { kind: "asked" } | { kind: "failed" } | { kind: "token"; held: Held };

const LOCK = "access-token";
const EARLY = 30_000; // milliseconds before its end a token is renewed; at most a quarter of its lifetime
const HEARING = 5_000; // milliseconds to wait for the message of the tab that had the lock; a busy machine is late with it

export function keepAccessToken({ fetchToken, locks, channel, now }: Surroundings): AccessToken {
  let owner: string | null = null;
  let held: Held | null = null;
  let underWay: Promise<string> | null = null;
  let heard = (): void => undefined;

  channel.onmessage = ({ data }: MessageEvent<Message>) => {
    if (data.kind === "asked") {
      if (held && isFresh(held)) channel.postMessage({ kind: "token", held } satisfies Message);
    } else if (data.kind === "failed") {
      heard();
    } else if (held === null || data.held.expiresAt > held.expiresAt || held.sub !== owner) {
      held = data.held;
      heard();
    }
  };
  channel.postMessage({ kind: "asked" } satisfies Message); // the answer may arrive before this tab knows who is signed in

  function isFresh(token: Held): boolean {
    return now() < token.renewAt;
  }

  function usable(refused?: string): Held | null {
    return held && held.sub === owner && held.value !== refused && isFresh(held) ? held : null;
  }

  function renew(refused?: string): Promise<string> {
    if (underWay) return underWay;
    const mine = renewAlone(owner, refused).finally(() => {
      if (underWay === mine) underWay = null; // another person's may be under way by now
    });
    underWay = mine;
    return mine;
  }

  async function renewAlone(whose: string | null, refused?: string): Promise<string> {
    const value = await locks.request(LOCK, { ifAvailable: true }, async (lock) =>
      lock ? fetched(whose, refused) : null,
    );
    return value ?? locks.request(LOCK, () => afterAnother(whose, refused));
  }

  function requireSame(whose: string | null): void {
    if (whose !== owner) failed(new Failure("signed-out", said("Somebody else has signed in meanwhile.")));
  }

  /** Another tab had the lock, so wait for its token to arrive on the channel. */
  async function afterAnother(whose: string | null, refused?: string): Promise<string> {
    if (whose === owner && !usable(refused)) {
      await new Promise<void>((resolve) => {
        heard = resolve;
        setTimeout(resolve, HEARING);
      });
    }
    return fetched(whose, refused);
  }

  async function fetched(whose: string | null, refused?: string): Promise<string> {
    requireSame(whose);
    const known = usable(refused);
    if (known) return known.value;
    const fresh = describe(await fetchToken().catch(failed), now());
    requireSame(whose);
    requireSame(fresh.sub);
    held = fresh;
    channel.postMessage({ kind: "token", held } satisfies Message);
    return fresh.value;
  }

  /** Spare the tabs that wait for this one the rest of their wait. */
  function failed(reason: unknown): never {
    channel.postMessage({ kind: "failed" } satisfies Message);
    throw reason;
  }

  /** Renew in the background: the held token stays valid until its end, also while the issuer is away. */
  async function renewMeanwhile(): Promise<void> {
    try {
      await renew();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      if (error.kind === "signed-out") held = null; // so the next call fails with it
    }
  }

  return {
    async get() {
      if (!held || held.sub !== owner || now() >= held.expiresAt) return renew();
      if (!isFresh(held)) void renewMeanwhile();
      return held.value;
    },
    async replace(refused) {
      requireSame(describe(refused, now()).sub);
      return usable(refused)?.value ?? renew(refused);
    },
    belongsTo(userId) {
      if (userId !== owner) underWay = null; // the running request is for another person
      owner = userId;
      if (held && held.sub !== userId) held = null;
    },
  };
}

/** Reads a token's `sub` and lifetime, without verifying it: the API does that, and nothing here depends on it. */
function describe(value: string, receivedAt: number): Held {
  const payload = (value.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
  const { sub, exp, iat } = JSON.parse(atob(payload)) as { sub: string; exp: number; iat: number };
  const lifetime = (exp - iat) * 1000;
  const expiresAt = receivedAt + lifetime;
  return { value, sub, expiresAt, renewAt: expiresAt - Math.min(EARLY, lifetime / 4) };
}
