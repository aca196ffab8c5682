import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Shelf } from "../src/lib/shelf.ts";
import { Disk } from "./indexed-db.ts";

const ANN = { id: "ann", name: "Ann", email: "ann@example.com" };
const PATIENCE = 5_000;
const LATER = 20_000;

let disk: Disk;
let shelf: Shelf;
const heard = vi.fn<() => void>();

beforeEach(() => {
  vi.useFakeTimers();
  disk = new Disk();
  shelf = new Shelf(() => disk.factory);
  heard.mockReset();
  shelf.subscribe(() => heard());
});

afterEach(() => vi.useRealTimers());

async function after<T>(milliseconds: number, asked: Promise<T>): Promise<T> {
  await vi.advanceTimersByTimeAsync(milliseconds);
  return asked;
}

const belongs = (): Promise<void> => shelf.belongsTo(ANN, Number.MAX_SAFE_INTEGER);
const keep = (key: string): Promise<boolean> => shelf.keepEntry("ann", { key });
const kept = async (): Promise<string[]> =>
  ((await after(100, shelf.outbox<{ key: string }>("ann"))) ?? []).map(({ key }) => key);

describe("the shelf", () => {
  test("keeps what belongs to its owner", async () => {
    await after(100, belongs());
    expect(await after(100, keep("1"))).toBe(true);
    expect(await after(100, shelf.keepEntry("ben", { key: "2" }))).toBe(false);
    expect(await kept()).toEqual(["1"]);
    expect(heard).not.toHaveBeenCalled();
  });

  test("that is opened late keeps nothing until then, and works from then on", async () => {
    disk.isHanging = true;
    await after(PATIENCE, belongs());
    expect(await after(100, keep("1"))).toBe(false);
    expect(shelf.state()).toBe("none");
    disk.goOn();
    await vi.advanceTimersByTimeAsync(100);
    expect(shelf.state()).toBe("works");
    expect(await after(100, keep("1"))).toBe(true);
    expect(await kept()).toEqual(["1"]);
    expect([heard.mock.calls.length, disk.opened]).toEqual([2, 1]);
  });

  test("that hangs is tried again, without a call", async () => {
    await after(100, belongs());
    disk.isHanging = true;
    expect(await after(PATIENCE, keep("1"))).toBe(false);
    expect(shelf.state()).toBe("none");
    await vi.advanceTimersByTimeAsync(2 * LATER);
    expect(shelf.state()).toBe("none");
    disk.goOn();
    await vi.advanceTimersByTimeAsync(LATER + PATIENCE);
    expect(shelf.state()).toBe("works");
    expect(await after(100, keep("2"))).toBe(true);
  });

  test("that cannot be opened is opened again", async () => {
    disk.isBroken = true;
    await after(100, belongs());
    expect(await after(100, keep("1"))).toBe(false);
    disk.isBroken = false;
    await vi.advanceTimersByTimeAsync(LATER);
    expect(shelf.state()).toBe("works");
    expect(await after(100, keep("1"))).toBe(true);
    expect(disk.opened).toBe(2);
  });

  test("that works again after a sign-out belongs to nobody", async () => {
    disk.isHanging = true;
    await after(PATIENCE, belongs());
    await after(PATIENCE, shelf.clear());
    disk.goOn();
    await vi.advanceTimersByTimeAsync(LATER);
    expect(shelf.state()).toBe("works");
    expect(await after(100, shelf.owner(0))).toBeNull();
  });

  test("that is forbidden is not asked again", async () => {
    shelf = new Shelf(() => {
      throw new DOMException("", "SecurityError");
    });
    await after(100, belongs());
    expect(shelf.state()).toBe("none");
    expect(vi.getTimerCount()).toBe(0);
  });
});
