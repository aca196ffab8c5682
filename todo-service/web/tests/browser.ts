// The parts of a browser that lib/access-token.ts uses: one clock, one lock, and a channel between tabs.

import { type Mock, vi } from "vitest";
import { type AccessToken, keepAccessToken, type Surroundings } from "../src/lib/access-token.ts";

const LIFETIME = 300; // seconds

export function token(sub: string, number: number, issuedAt = 1_000_000): string {
  const claims = { sub, iat: issuedAt, exp: issuedAt + LIFETIME, jti: String(number) };
  const payload = btoa(JSON.stringify(claims)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return `head.${payload}.signature`;
}

interface Tab {
  accessToken: AccessToken;
  fetchToken: Mock<() => Promise<string>>;
  asked: () => number;
}

export class Browser {
  private time = 1_000_000_000;
  private tail: Promise<unknown> = Promise.resolve();
  private isLocked = false;
  private onTheirWay = 0;
  private readonly channels: Array<{ onmessage: unknown }> = [];
  private readonly tabs: Tab[] = [];

  pass(milliseconds: number): void {
    this.time += milliseconds;
  }

  asked(): number {
    return this.tabs.reduce((sum, tab) => sum + tab.asked(), 0);
  }

  /** Waits until every message has arrived. */
  async settle(): Promise<void> {
    do {
      await new Promise((resolve) => setTimeout(resolve, 1));
    } while (this.onTheirWay > 0);
  }

  tab(owner: string, { issuedAt }: { issuedAt?: number } = {}): Tab {
    let number = 0;
    const fetchToken = vi.fn(async () => {
      await this.settle();
      return token(owner, ++number, issuedAt);
    });
    const accessToken = keepAccessToken({
      fetchToken,
      locks: this.locks(),
      channel: this.channel(),
      now: () => this.time,
    });
    accessToken.belongsTo(owner);
    const tab = { accessToken, fetchToken, asked: () => fetchToken.mock.calls.length };
    this.tabs.push(tab);
    return tab;
  }

  private channel(): Surroundings["channel"] {
    const mine = {
      onmessage: null as ((event: { data: unknown }) => void) | null,
      postMessage: (data: unknown) => {
        for (const other of this.channels.filter((each) => each !== mine) as Array<typeof mine>) {
          this.onTheirWay += 1;
          setTimeout(() => {
            other.onmessage?.({ data: structuredClone(data) }); // which may send an answer
            this.onTheirWay -= 1;
          });
        }
      },
    };
    this.channels.push(mine);
    return mine as unknown as Surroundings["channel"];
  }

  private locks(): Surroundings["locks"] {
    const request = async (_name: string, ...rest: unknown[]): Promise<unknown> => {
      const work = rest.at(-1) as (lock: unknown) => Promise<unknown>;
      if (rest.length > 1 && this.isLocked) return work(null); // ifAvailable
      const before = this.tail;
      const mine = (async () => {
        if (this.isLocked) await before;
        this.isLocked = true;
        try {
          return await work({});
        } finally {
          this.isLocked = false;
        }
      })();
      this.tail = mine.catch(() => undefined);
      return mine;
    };
    return { request } as unknown as Surroundings["locks"];
  }
}
