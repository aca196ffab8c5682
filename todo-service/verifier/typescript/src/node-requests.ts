// The credentials of a request to Node's HTTP server.

import { type IncomingMessage } from "node:http";
import { type Credentials } from "./bearer.ts";

/** `headers` has only the first of several Authorization headers, so the raw ones are read. */
export function credentialsOf({ rawHeaders, url }: IncomingMessage): Credentials {
  const authorization = rawHeaders.filter(
    (_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === "authorization",
  );
  return { authorization, url: url ?? "" };
}
