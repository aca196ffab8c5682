// Handlers that take a Request and return a Response: Next.js, Deno.serve, workers, Bun.
//
//     const { requires, metadata } = protect(Verifier.start({ issuer, audience }));
//     export const GET = requires("billing:read")((request, token) => Response.json({ sub: token.sub }));

import { type AccessToken } from "./access-token.ts";
import { type Credentials, Denied, type Needs, Protection, type Settings } from "./bearer.ts";
import { type Verifier } from "./verifier.ts";

/** A handler; `more` is what the framework passes behind the request, such as Next.js's context. */
export type Handler<More extends unknown[]> = (
  request: Request,
  token: AccessToken,
  ...more: More
) => Response | Promise<Response>;

export interface Protected {
  /** Wraps a handler, which is called only for requests with a token that has the scope. */
  requires(
    scope: string,
    needs?: Needs,
  ): <More extends unknown[]>(handler: Handler<More>) => (request: Request, ...more: More) => Promise<Response>;
  /** The resource's metadata (RFC 9728), to be served at `metadataPath`. */
  metadata(): Response;
  /** Undefined if the audience is no URL. */
  metadataPath: string | undefined;
}

export function protect(verifier: Verifier, settings?: Settings): Protected {
  const protection = new Protection(verifier, settings);
  return {
    metadataPath: protection.metadataPath,
    metadata() {
      const { headers, body } = protection.metadata;
      return new Response(body, { headers });
    },
    requires(scope, needs) {
      const find = protection.requires(scope, needs);
      return (handler) =>
        async (request, ...more) => {
          const token = await find(credentialsOf(request)).catch(denied);
          return token instanceof Denied ? responseOf(token) : await handler(request, token, ...more);
        };
    },
  };
}

/** Several headers of one name are one value here, which is no token and no proof. */
export function credentialsOf({ headers, method, url }: Request): Credentials {
  const values = (name: string): string[] => [headers.get(name) ?? []].flat();
  return { authorization: values("Authorization"), proofs: values("DPoP"), method, url };
}

/** The refusal as a value; every other error goes on. */
export function denied(error: unknown): Denied {
  if (error instanceof Denied) return error;
  throw error;
}

export function responseOf({ status, headers, body }: Denied): Response {
  return new Response(body, { status, headers });
}
