// Requests to the issuer. They go to the configured address only: no redirects, no cookies, no compressed responses.

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface Asked {
  url: string;
  /** The media type that the response must have; undefined: any. */
  mediaType?: string;
  accept: string;
  etag?: string | undefined;
  /** Longest body, in octets. */
  maxLength: number;
  /** Seconds, for the whole response. */
  timeout: number;
}

export interface Answer {
  body: Uint8Array;
  etag: string | undefined;
}

/** The response is refused, or did not arrive in time. */
export class UnusableAnswer extends Error {
  override readonly name = "UnusableAnswer";
}

/** The body of a 200; undefined for a 304 to a request with an ETag.
 *
 * Throws UnusableAnswer: no connection, too late, another status or media type, compressed, or too long.
 */
export async function download(fetch: Fetch, asked: Asked): Promise<Answer | undefined> {
  const stop = AbortSignal.timeout(1000 * asked.timeout);
  const headers = new Headers({ "Accept": asked.accept, "Accept-Encoding": "identity" });
  if (asked.etag !== undefined) headers.set("If-None-Match", asked.etag);
  try {
    const response = await fetch(asked.url, { headers, redirect: "manual", cache: "no-store", signal: stop });
    if (response.status === 304 && asked.etag !== undefined) return undefined;
    check(response, asked);
    return { body: await read(response, asked.maxLength), etag: response.headers.get("ETag") ?? undefined };
  } catch (error) {
    if (error instanceof UnusableAnswer) throw error;
    throw new UnusableAnswer(`the request failed: ${error instanceof Error ? causeOf(error) : "unknown"}`);
  }
}

function check(response: Response, asked: Asked): void {
  const encoding = response.headers.get("Content-Encoding") ?? "identity";
  if (response.status !== 200 || encoding !== "identity") {
    void response.body?.cancel().catch(() => undefined);
    throw new UnusableAnswer(`the response has status ${response.status} or a content encoding`);
  }
  const mediaType = (response.headers.get("Content-Type") ?? "").split(";", 1)[0]?.trim().toLowerCase();
  if (asked.mediaType !== undefined && mediaType !== asked.mediaType) {
    void response.body?.cancel().catch(() => undefined);
    throw new UnusableAnswer("the response has another media type");
  }
}

async function read(response: Response, maxLength: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  for (;;) {
    const chunk = await reader?.read();
    if (chunk?.value === undefined) break;
    length += chunk.value.length;
    if (length > maxLength) {
      await reader?.cancel().catch(() => undefined);
      throw new UnusableAnswer("the response is too long");
    }
    chunks.push(chunk.value);
  }
  const body = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body;
}

/** Node's fetch says "fetch failed" and has the reason in `cause`. */
function causeOf(error: Error): string {
  const cause: unknown = error.cause;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : undefined;
  return code ?? (cause instanceof Error ? cause.message : error.name);
}
