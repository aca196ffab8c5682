import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Connection } from "../src/lib/connection.ts";
import { Failure } from "../src/lib/failure.ts";

const AWAY = new Failure("unreachable", "The service cannot be reached right now.");
const attempt = vi.fn<() => void>();
let connection: Connection;

beforeEach(() => {
  vi.useFakeTimers();
  attempt.mockReset();
  connection = new Connection({ now: () => Date.now(), setTimeout, clearTimeout: (timer) => clearTimeout(timer) });
  connection.onRetry(attempt);
});

afterEach(() => {
  vi.useRealTimers();
});

test("it tries again by itself, each time after a longer wait, until something answers", () => {
  attempt.mockImplementation(() => connection.failed(AWAY));
  connection.failed(AWAY);
  for (const [seconds, tries] of [
    [2, 1],
    [4, 2],
    [8, 3],
  ] as const) {
    vi.advanceTimersByTime(seconds * 1000 - 1);
    expect(attempt).toHaveBeenCalledTimes(tries - 1);
    vi.advanceTimersByTime(1);
    expect(attempt).toHaveBeenCalledTimes(tries);
  }
  connection.answered();
  expect(connection.get()).toBeNull();
  vi.advanceTimersByTime(3_600_000);
  expect(attempt).toHaveBeenCalledTimes(3);
});

test("a limit is tried again when Retry-After has passed, not before", () => {
  connection.failed(new Failure("limited", "Too many requests.", { retryAt: Date.now() + 30_000 }));
  vi.advanceTimersByTime(29_999);
  expect(attempt).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(attempt).toHaveBeenCalledOnce();
});

test("several failures of one outage are one trouble with one wait", () => {
  const listener = vi.fn<() => void>();
  connection.subscribe(listener);
  for (let count = 0; count < 3; count++) connection.failed(AWAY);
  expect(listener).toHaveBeenCalledOnce();
  vi.advanceTimersByTime(2_000);
  expect(attempt).toHaveBeenCalledOnce();
});

test("a person who asks is answered at once, and nothing is tried while there is no trouble", () => {
  connection.retry();
  expect(attempt).not.toHaveBeenCalled();
  connection.failed(AWAY);
  connection.retry();
  expect(attempt).toHaveBeenCalledOnce();
  vi.advanceTimersByTime(2_000);
  expect(attempt).toHaveBeenCalledOnce();
});
