// The credentials of a request to Node's HTTP server.

import { type IncomingMessage } from "node:http";
import { type Credentials } from "./bearer.ts";

/** `headers` has only the first of several Authorization headers, so the raw ones are read.
 *
 * `originalUrl` is Express's: a router that is mounted at a path cuts that off `url`.
 */
export function credentialsOf(request: IncomingMessage & { originalUrl?: string }): Credentials {
  const values = (name: string): string[] =>
    request.rawHeaders.filter((_, index) => index % 2 === 1 && request.rawHeaders[index - 1]?.toLowerCase() === name);
  return {
    authorization: values("authorization"),
    proofs: values("dpop"),
    method: request.method ?? "",
    url: request.originalUrl ?? request.url ?? "",
  };
}
