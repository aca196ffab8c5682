// Express: middleware that lets a request pass only with a token that has the scope.
//
//     const { requires, metadata } = protect(Verifier.start({ issuer, audience }));
//     app.use(metadata);
//     app.get("/invoices", requires("billing:read"), (request, response) => response.json(request.token?.sub));

import { type RequestHandler } from "express";
import { type AccessToken } from "./access-token.ts";
import { Denied, type Needs, Protection, type Settings } from "./bearer.ts";
import { credentialsOf } from "./node-requests.ts";
import { type Verifier } from "./verifier.ts";

declare global {
  namespace Express {
    interface Request {
      /** The verified access token, behind `requires`. */
      token?: AccessToken;
    }
  }
}

export interface Protected {
  requires(scope: string, needs?: Needs): RequestHandler;
  /** Answers requests for the resource's metadata (RFC 9728), if the audience is a URL. */
  metadata: RequestHandler;
}

export function protect(verifier: Verifier, settings?: Settings): Protected {
  const protection = new Protection(verifier, settings);
  return {
    metadata(request, response, next) {
      if (request.method !== "GET" || request.path !== protection.metadataPath) return next();
      const { headers, body } = protection.metadata;
      response.set(headers).send(body);
    },
    requires(scope, needs) {
      const find = protection.requires(scope, needs);
      return (request, response, next) => {
        find(credentialsOf(request)).then(
          (token) => {
            request.token = token;
            next();
          },
          (error: unknown) => {
            if (!(error instanceof Denied)) return next(error);
            response.status(error.status).set(error.headers).send(error.body);
          },
        );
      };
    },
  };
}
