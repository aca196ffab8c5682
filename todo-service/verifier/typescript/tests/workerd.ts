// A worker for Cloudflare's workerd: it judges a file of vectors that is posted to it, and protects an API.
//
// A worker has no background, and no random numbers, time or network before its first request. So the verifier is made and
// refreshed at the first request, as README.md says under "Workers".

import { protect } from "../src/fetch.ts";
import { TestIssuer } from "../src/testing.ts";
import { type Verifier } from "../src/verifier.ts";
import { judgeAll } from "./judge.ts";

let made: Promise<{ issuer: TestIssuer; verifier: Verifier }> | undefined;

async function make() {
  const issuer = await TestIssuer.create();
  return { issuer, verifier: await issuer.verifier() };
}

/** The statuses of an API for a good token, no token, a forged one and a revoked one. */
async function visit(): Promise<number[]> {
  made ??= make();
  const { issuer, verifier } = await made;
  const get = protect(verifier).requires("billing:read")((_, token) => Response.json(token.sub));
  const status = async (token?: string): Promise<number> => {
    const headers = new Headers(token === undefined ? {} : { Authorization: `Bearer ${token}` });
    return (await get(new Request("https://api.test/invoices", { headers }))).status;
  };
  const token = await issuer.token({ scope: "billing:read" });
  const seen = [await status(token), await status(), await status(`${token}x`)];
  await issuer.revoke(token);
  return [...seen, await status(token)];
}

export default {
  async fetch(request: Request): Promise<Response> {
    if (request.method === "POST") return Response.json(await judgeAll(await request.text()));
    return Response.json(await visit());
  },
};
