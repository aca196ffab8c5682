import { beforeEach, describe, expect, test, vi } from "vitest";
import { todoApi, type TodoApi } from "../src/lib/api.ts";
import { Failure } from "../src/lib/failure.ts";

const TODO = { id: "0198", title: "Buy milk", version: 3, status: "open" } as Parameters<TodoApi["change"]>[0];
const NOW = 1_000_000;

let now: number;
const answers = vi.fn<(url: string, init: RequestInit) => Promise<Response>>();
const onSignedOut = vi.fn<() => void>();
const connection = { answered: vi.fn<() => void>(), failed: vi.fn<(failure: Failure) => void>() };
const accessToken = { get: vi.fn(async () => "first"), replace: vi.fn(async (_: string) => "second") };
let api: TodoApi;

beforeEach(() => {
  now = NOW;
  vi.resetAllMocks();
  accessToken.get.mockImplementation(async () => "first");
  accessToken.replace.mockImplementation(async () => "second");
  api = todoApi({ accessToken, onSignedOut, connection, fetch: answers as unknown as typeof fetch, now: () => now });
});

function problem(status: number, slug: string, more: object = {}, headers: Record<string, string> = {}): Response {
  const body = {
    type: `urn:problem-type:todo:${slug}`,
    title: slug,
    status,
    detail: "In detail.",
    request_id: "req-0001",
    ...more,
  };
  return new Response(JSON.stringify(body), {
    status,
    headers: { "Content-Type": "application/problem+json", ...headers },
  });
}

const sent = (call: number): { url: string; headers: Headers; init: RequestInit } => {
  const [url = "", init = {}] = answers.mock.calls[call] ?? [];
  return { url, init, headers: new Headers(init.headers) };
};

describe("a request", () => {
  test("carries the token in Authorization only, and no cookie", async () => {
    answers.mockResolvedValueOnce(Response.json({ upserts: [], tombstones: [], next: "t2", has_more: false }));
    await api.changes({ limit: 500, since: "t1" });
    expect(sent(0).url).toBe("/api/v1/changes?limit=500&since=t1");
    expect(sent(0).headers.get("Authorization")).toBe("Bearer first");
    expect(sent(0).init.credentials).toBe("omit");
  });

  test("that changes names the version that was seen", async () => {
    answers.mockResolvedValueOnce(Response.json(TODO));
    await api.change(TODO, { title: "Buy oat milk" });
    expect(sent(0)).toMatchObject({
      url: "/api/v1/todos/0198",
      init: { method: "PATCH", body: '{"title":"Buy oat milk"}' },
    });
    expect(sent(0).headers.get("If-Match")).toBe('"3"');
  });

  test("that creates has a key, so that it can be repeated", async () => {
    answers.mockResolvedValueOnce(Response.json(TODO, { status: 201 }));
    await api.create({ title: "Buy milk" }, "k1");
    expect(sent(0).headers.get("Idempotency-Key")).toBe('"k1"');
  });

  test("an id cannot leave its place in the path", async () => {
    answers.mockResolvedValueOnce(new Response(null, { status: 204 }));
    await api.remove("../users/x?a=b");
    expect(sent(0).url).toBe("/api/v1/todos/..%2Fusers%2Fx%3Fa%3Db");
  });
});

describe("401", () => {
  test("costs one renewal and one retry, and the call succeeds", async () => {
    answers.mockResolvedValueOnce(problem(401, "invalid-token")).mockResolvedValueOnce(Response.json(TODO));
    await expect(api.read("0198")).resolves.toEqual(TODO);
    expect(accessToken.replace).toHaveBeenCalledExactlyOnceWith("first");
    expect(sent(1).headers.get("Authorization")).toBe("Bearer second");
    expect(onSignedOut).not.toHaveBeenCalled();
  });

  test("twice ends the session, without a third try", async () => {
    answers.mockImplementation(async () => problem(401, "invalid-token"));
    await expect(api.read("0198")).rejects.toMatchObject({ kind: "signed-out", message: "Your session has ended." });
    expect(answers).toHaveBeenCalledTimes(2);
    expect(onSignedOut).toHaveBeenCalledOnce();
  });

  test("from the issuer, at a renewal, ends the session too", async () => {
    accessToken.get.mockRejectedValueOnce(new Failure("signed-out", "Your session has ended."));
    await expect(api.read("0198")).rejects.toMatchObject({ kind: "signed-out" });
    expect(onSignedOut).toHaveBeenCalledOnce();
    expect(answers).not.toHaveBeenCalled();
  });
});

const REFUSALS: Array<[string, Response, { kind: string; message: string }]> = [
  [
    "a scope that is missing is named",
    problem(
      403,
      "insufficient-scope",
      {},
      { "WWW-Authenticate": 'Bearer error="insufficient_scope", scope="todos:write"' },
    ),
    { kind: "forbidden", message: "This application is not allowed to do that: it lacks the permission todos:write." },
  ],
  [
    "a full account",
    problem(403, "quota-exceeded"),
    { kind: "forbidden", message: "You have reached the limit of todos. Delete some to make room." },
  ],
  ["what is not there", problem(404, "not-found"), { kind: "missing", message: "This todo no longer exists." }],
  [
    "a repeat that came too early",
    problem(409, "request-in-progress"),
    { kind: "conflict", message: "The same request is still running." },
  ],
  [
    "a todo that changed",
    problem(412, "precondition-failed"),
    { kind: "conflict", message: "This todo has been changed somewhere else in the meantime." },
  ],
  [
    "a field that is wrong",
    problem(422, "invalid-fields", { errors: [{ pointer: "/title", detail: "must not contain control characters" }] }),
    { kind: "invalid", message: "Title: must not contain control characters." },
  ],
  ["a problem nobody has words for", problem(418, "teapot"), { kind: "invalid", message: "In detail." }],
  [
    "a fault of ours",
    problem(500, "internal-error"),
    { kind: "broken", message: "Something is broken on our side. Nothing was changed." },
  ],
  [
    "a gateway that reaches nobody",
    problem(502, "about:blank"),
    { kind: "unreachable", message: "The service cannot be reached right now." },
  ],
  [
    "keys that are missing",
    problem(503, "keys-unavailable"),
    { kind: "unreachable", message: "Signing in cannot be checked right now. Try again in a moment." },
  ],
  [
    "no problem document at all",
    new Response("<html>", { status: 400 }),
    { kind: "invalid", message: "This was refused (400)." },
  ],
  [
    "a problem document that was cut off",
    new Response('{"ti', { status: 404, headers: { "Content-Type": "application/problem+json" } }),
    { kind: "missing", message: "This was refused (404)." },
  ],
];

test.each(REFUSALS)("%s becomes a sentence", async (_, response, said) => {
  answers.mockResolvedValueOnce(response);
  await expect(api.read("0198")).rejects.toMatchObject(said);
});

test("a refusal has the request id of the services' logs", async () => {
  answers.mockResolvedValueOnce(problem(500, "internal-error"));
  await expect(api.read("0198")).rejects.toMatchObject({ reference: "req-0001" });
});

describe("429", () => {
  test("says when, and nothing is sent before then", async () => {
    answers.mockResolvedValueOnce(problem(429, "about:blank", {}, { "Retry-After": "7" }));
    const said = { kind: "limited", message: "Too many requests.", retryAt: NOW + 7_000 };
    await expect(api.changes({})).rejects.toMatchObject(said);
    now += 6_999;
    await expect(api.changes({})).rejects.toMatchObject(said);
    expect(answers).toHaveBeenCalledOnce();
    now += 1;
    answers.mockResolvedValueOnce(Response.json({ upserts: [], tombstones: [], next: "t", has_more: false }));
    await expect(api.changes({})).resolves.toBeDefined();
  });
});

describe("without an answer", () => {
  test.each([
    [false, "offline", "You are offline."],
    [true, "unreachable", "The service cannot be reached right now."],
  ])("while the browser says onLine %s", async (onLine, kind, message) => {
    vi.stubGlobal("navigator", { onLine });
    answers.mockRejectedValueOnce(new TypeError("Failed to fetch"));
    await expect(api.changes({})).rejects.toMatchObject({ kind, message });
    vi.unstubAllGlobals();
  });

  test("the connection is told, and told again when something answers", async () => {
    answers.mockResolvedValueOnce(problem(502, "about:blank")).mockResolvedValueOnce(problem(404, "not-found"));
    await expect(api.read("0198")).rejects.toMatchObject({ kind: "unreachable" });
    expect(connection.failed).toHaveBeenCalledOnce();
    await expect(api.read("0198")).rejects.toMatchObject({ kind: "missing" });
    expect(connection.answered).toHaveBeenCalledOnce();
  });

  test("a bug of our own is not shown as a network failure", async () => {
    answers.mockResolvedValueOnce(new Response("not JSON"));
    await expect(api.read("0198")).rejects.toBeInstanceOf(SyntaxError);
  });
});
