// Fastify: a hook that lets a request pass only with a token that has the scope.
//
//     const { requires, metadata } = protect(Verifier.start({ issuer, audience }));
//     app.register(metadata);
//     app.get("/invoices", { onRequest: requires("billing:read") }, (request) => ({ sub: request.token?.sub }));

import { type FastifyPluginCallback, type onRequestAsyncHookHandler } from "fastify";
import { type AccessToken } from "./access-token.ts";
import { type Needs, Protection, type Settings } from "./bearer.ts";
import { denied } from "./fetch.ts";
import { credentialsOf } from "./node-requests.ts";
import { type Verifier } from "./verifier.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** The verified access token, behind `requires`. */
    token?: AccessToken;
  }
}

export interface Protected {
  requires(scope: string, needs?: Needs): onRequestAsyncHookHandler;
  /** A plugin with the route of the resource's metadata (RFC 9728), if the audience is a URL. */
  metadata: FastifyPluginCallback;
}

export function protect(verifier: Verifier, settings?: Settings): Protected {
  const protection = new Protection(verifier, settings);
  return {
    metadata(app, _, done) {
      if (protection.metadataPath !== undefined) {
        app.get(protection.metadataPath, (__, reply) => {
          const { headers, body } = protection.metadata;
          return reply.headers(headers).send(body);
        });
      }
      done();
    },
    requires(scope, needs) {
      const find = protection.requires(scope, needs);
      return async (request, reply) => {
        const token = await find(credentialsOf(request.raw)).catch(denied);
        if (token instanceof Error) return reply.code(token.status).headers(token.headers).send(token.body);
        request.token = token;
        return undefined;
      };
    },
  };
}
