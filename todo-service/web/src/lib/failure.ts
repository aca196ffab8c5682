// Failure: everything that can go wrong between the person and the services, with a sentence for the person. All functions
// of lib/ that fail throw a Failure.

import { counted, said, type Text } from "./language.ts";
import type { ProblemDocument } from "./todo-api.ts";

export type FailureKind =
  | "offline" // the browser has no network
  | "unreachable" // the network works, the service does not answer
  | "signed-out" // the session has ended
  | "stale" // the sign-in was too long ago for this action: ask for the password again
  | "unverified" // the address is not confirmed yet: offer another mail
  | "forbidden"
  | "missing"
  | "conflict" // it was changed elsewhere in the meantime
  | "invalid" // the typed value is not accepted
  | "limited" // too many requests: wait until `retryAt`
  | "broken"; // a fault of ours

interface More {
  retryAt?: number | undefined;
  reference?: string | undefined;
  field?: string | undefined;
}

export class Failure extends Error {
  override readonly name = "Failure";
  readonly kind: FailureKind;
  /** When to try again, in milliseconds since the epoch, from Retry-After. */
  readonly retryAt: number | undefined;
  /** The request's id, as in the services' logs. */
  readonly reference: string | undefined;
  /** The field of the form that the failure concerns. */
  readonly field: string | undefined;

  constructor(kind: FailureKind, sentence: string, more: More = {}) {
    super(sentence);
    this.kind = kind;
    this.retryAt = more.retryAt;
    this.reference = more.reference;
    this.field = more.field;
  }
}

/** The failure of a request without an answer. Callers keep the typed text, so nothing is lost. */
export function unreached(): Failure {
  return navigator.onLine === false
    ? new Failure("offline", said("You are offline."))
    : new Failure("unreachable", said("The service cannot be reached right now."));
}

/** Turns an error thrown by fetch into a Failure. Any other error is a bug in this program and is returned unchanged. */
export function translate(error: unknown): unknown {
  const isOfNetwork = error instanceof TypeError || (error instanceof DOMException && error.name === "TimeoutError");
  return isOfNetwork ? unreached() : error;
}

/** Returns a Failure, to be shown. Any other error is a bug in this program and is thrown again. */
export function expected(error: unknown): Failure {
  if (error instanceof Failure) return error;
  throw error;
}

const SENTENCES: Record<string, Text> = {
  "insufficient-role": "This list is shared with you to look at, not to change.",
  "other-user": "This belongs to somebody else.",
  "quota-exceeded": "You have reached the limit of todos. Delete some to make room.",
  "not-found": "This todo no longer exists.",
  "request-in-progress": "The same request is still running.",
  "precondition-failed": "This todo has been changed somewhere else in the meantime.",
  "content-too-large": "This is too long.",
  "invalid-cursor": "The list has changed too much. Load it again.",
  "keys-unavailable": "Signing in cannot be checked right now. Try again in a moment.",
  "database-unavailable": "Todos cannot be read or written right now. Try again in a moment.",
};

const KINDS: Record<number, FailureKind> = { 401: "signed-out", 403: "forbidden", 404: "missing", 429: "limited" };

export function kindOf(status: number): FailureKind {
  if (status === 409 || status === 412) return "conflict";
  if (status === 502 || status === 503 || status === 504) return "unreachable";
  return KINDS[status] ?? (status < 500 ? "invalid" : "broken");
}

/** The Failure of an answer without success; its body may be problem details (RFC 9457) or anything else. */
export async function read(response: Response, now: number): Promise<Failure> {
  const problem = await parse(response);
  const retryAt = parseRetryAfter(response.headers.get("Retry-After"), now);
  return new Failure(kindOf(response.status), say(response, problem), {
    retryAt,
    reference: problem.request_id ?? response.headers.get("X-Request-ID") ?? undefined,
  });
}

async function parse(response: Response): Promise<Partial<ProblemDocument>> {
  if (!response.headers.get("Content-Type")?.startsWith("application/problem+json")) return {};
  try {
    return (await response.json()) as Partial<ProblemDocument>;
  } catch {
    return {}; // the body is incomplete; the status is enough
  }
}

function say(response: Response, problem: Partial<ProblemDocument>): string {
  const slug = problem.type?.split(":").at(-1) ?? "";
  if (response.status === 429) return said("Too many requests."); // the message's component adds the time, which runs
  if (slug === "insufficient-scope") return missingScope(response);
  if (slug === "invalid-fields") return wrongFields(problem);
  const known = SENTENCES[slug];
  if (known !== undefined) return said(known);
  if (response.status === 401) return said("Your session has ended.");
  if (kindOf(response.status) === "unreachable") return said("The service cannot be reached right now.");
  if (response.status >= 500) return said("Something is broken on our side. Nothing was changed.");
  return problem.detail ?? said("This was refused ({status}).", { status: response.status });
}

/** The challenge names the scope that the request needs (RFC 6750 §3.1). */
function missingScope(response: Response): string {
  const scope = /scope="([^"]*)"/.exec(response.headers.get("WWW-Authenticate") ?? "")?.[1];
  if (!scope) return said("This application is not allowed to do that.");
  return said("This application is not allowed to do that: it lacks the permission {scope}.", { scope });
}

const FIELDS: Record<string, Text> = { title: "Title", notes: "Notes", name: "Name", due: "Due", list_id: "List" };
/** What todo-service says about what people type. */
const PROBLEMS: readonly Text[] = [
  "must not contain control characters",
  "must not contain control characters other than tab and line breaks",
  "must not contain more than {number} combining marks in a row",
  "must have 1 to {number} characters, at least one of them visible",
  "must have at most {number} characters",
];

function wrongFields(problem: Partial<ProblemDocument>): string {
  const first = problem.errors?.[0];
  if (first === undefined) return said("This is not accepted.");
  const name = first.pointer?.slice(1) ?? "";
  const known = FIELDS[name];
  const field = known ? said(known) : `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  return `${field}: ${wrong(first.detail)}.`;
}

function wrong(detail: string): string {
  const [number = ""] = /\d{2,}/.exec(detail) ?? [];
  const known = PROBLEMS.find((each) => each === (number ? detail.replace(number, "{number}") : detail));
  return known ? said(known, { number }) : detail;
}

export function inSeconds(at: number | undefined, now: number): string {
  const seconds = Math.max(1, Math.ceil(((at ?? now) - now) / 1000));
  if (at === undefined) return said("in a moment");
  if (seconds > 90) return said("in {number} minutes", { number: Math.ceil(seconds / 60) });
  return counted(seconds, "in 1 second", "in {number} seconds");
}

/** The time of a Retry-After header, which has seconds or a date (RFC 9110 §10.2.3). */
export function parseRetryAfter(value: string | null, now: number): number | undefined {
  if (value === null) return undefined;
  const at = /^\d+$/.test(value) ? now + Number(value) * 1000 : Date.parse(value);
  return Number.isNaN(at) ? undefined : at;
}
