import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Live } from "../src/lib/live.ts";

type Send = (text: string) => void;

let sends: Array<{ send: Send; end: () => void; signal: AbortSignal }>;
const changed = vi.fn<() => void>();
let isRefused: boolean;
let live: Live;

function open(signal: AbortSignal): Promise<Response> {
  if (isRefused) return Promise.reject(new TypeError("no network"));
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const send: Send = (text) => controller.enqueue(new TextEncoder().encode(text));
      signal.addEventListener("abort", () => controller.error(signal.reason));
      sends.push({ send, end: () => controller.close(), signal });
    },
  });
  return Promise.resolve(new Response(body));
}

const pass = (milliseconds: number): Promise<unknown> => vi.advanceTimersByTimeAsync(milliseconds);

beforeEach(() => {
  vi.useFakeTimers();
  sends = [];
  isRefused = false;
  changed.mockReset();
  const request = (_: string, __: unknown, act: () => Promise<void>): Promise<void> => act();
  live = new Live({ open, changed, locks: { request } as unknown as LockManager, random: () => 1 });
});

afterEach(() => {
  live.listen(false);
  vi.useRealTimers();
});

describe("a stream of events", () => {
  test("tells each change once, also in pieces, and no heartbeat", async () => {
    live.listen(true);
    live.listen(true);
    await pass(0);
    expect(sends).toHaveLength(1);
    sends[0]?.send("retry: 3000\n\n:\n\nid: 1\nevent: cha");
    await pass(0);
    expect(changed).not.toHaveBeenCalled();
    sends[0]?.send("nges\ndata: {}\n\n");
    await pass(0);
    expect(changed).toHaveBeenCalledTimes(1);
  });

  test("is opened again when it ends with its token, and less and less often while there is none", async () => {
    live.listen(true);
    await pass(0);
    sends[0]?.send(":\n\n");
    sends[0]?.end();
    await pass(1_000);
    expect(sends).toHaveLength(2);
    isRefused = true;
    sends[1]?.end();
    await pass(10_000);
    isRefused = false;
    expect(sends).toHaveLength(2);
    live.hurry();
    await pass(0);
    expect(sends).toHaveLength(3);
  });

  test("that is silent for a minute counts as broken", async () => {
    live.listen(true);
    await pass(59_000);
    sends[0]?.send(":\n\n");
    await pass(59_000);
    expect(sends[0]?.signal.aborted).toBe(false);
    await pass(2_000);
    expect(sends[0]?.signal.aborted).toBe(true);
  });

  test("ends when nobody looks at the page", async () => {
    live.listen(true);
    await pass(0);
    live.listen(false);
    await pass(120_000);
    expect(sends[0]?.signal.aborted).toBe(true);
    expect(sends).toHaveLength(1);
  });
});
