// Hono: middleware that lets a request pass only with a token that has the scope.
//
//     const { requires, metadata } = protect(Verifier.start({ issuer, audience }));
//     app.use(metadata);
//     app.get("/invoices", requires("billing:read"), (c) => c.json({ sub: c.get("token").sub }));

import { type MiddlewareHandler } from "hono";
import { type AccessToken } from "./access-token.ts";
import { type Needs, Protection, type Settings } from "./bearer.ts";
import { credentialsOf, denied, responseOf } from "./fetch.ts";
import { type Verifier } from "./verifier.ts";

/** Behind the middleware, `c.get("token")` is the token. */
export interface Env {
  Variables: { token: AccessToken };
}

export interface Protected {
  requires(scope: string, needs?: Needs): MiddlewareHandler<Env>;
  /** Answers requests for the resource's metadata (RFC 9728), if the audience is a URL. */
  metadata: MiddlewareHandler;
}

export function protect(verifier: Verifier, settings?: Settings): Protected {
  const protection = new Protection(verifier, settings);
  return {
    async metadata(c, next) {
      if (c.req.method !== "GET" || c.req.path !== protection.metadataPath) return await next();
      const { headers, body } = protection.metadata;
      return new Response(body, { headers });
    },
    requires(scope, needs) {
      const find = protection.requires(scope, needs);
      return async (c, next) => {
        const token = await find(credentialsOf(c.req.raw)).catch(denied);
        if (token instanceof Error) return responseOf(token);
        c.set("token", token);
        return await next();
      };
    },
  };
}
