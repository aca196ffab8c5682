// Judges the vectors that all verifiers of this repository pass (../vectors). It needs no test runner and no file system, so
// that other runtimes than Node.js can run it (deno.ts, workerd.ts), and other programs of this repository.

import { decodeJwt } from "jose";
import { type Algorithm, ALGORITHMS } from "../src/algorithms.ts";
import { type Reason, Refused, Verifier, type WhenStale } from "../src/index.ts";
import { isUnder } from "../src/status-list.ts";

export const FILES = ["tokens", "algorithms", "key_sets", "status_lists", "proofs"];

export interface Policy {
  issuer: string;
  audience: string;
  status_lists?: string;
  leeway?: number;
  token_max_age?: number;
  algorithms?: Algorithm[];
  requires_status?: boolean;
  when_stale?: WhenStale;
  proof_max_age?: number;
  proof_algorithms?: Algorithm[];
}

export interface Vector {
  name: string;
  verdict: "accept" | "refuse";
  token: string;
  key_set: number;
  status_list?: string | null;
  policy: number;
  now: number;
  reason: Reason | null;
  proof?: string;
  used_before?: string[];
  method?: string;
  url?: string;
}

/** One of the files of vectors. */
export interface Vectors {
  key_sets: string[];
  policies: Policy[];
  vectors: Vector[];
}

/** A verifier that has the vector's keys, list, policy and time. The issuer answers with the vector's documents. */
export async function verifierOf(vector: Vector, keySet: string, policy: Policy): Promise<Verifier> {
  const { token, status_list: list, now } = vector;
  const jwksUri = `${policy.issuer}/jwks.json`;
  const prefix = policy.status_lists ?? "";
  const statusLists = prefix.replace(/\/$/, "");
  const uri = statusUriOf(token, prefix);
  const answers: Record<string, Response | undefined> = { [jwksUri]: new Response(keySet) };
  if (typeof list === "string" && uri !== undefined) {
    answers[statusLists] = Response.json({ status_lists: [uri] });
    answers[uri] = new Response(list, { headers: { "Content-Type": "application/statuslist+jwt" } });
  }
  const verifier = new Verifier({
    issuer: policy.issuer,
    audience: policy.audience,
    policy: {
      leeway: policy.leeway ?? 60,
      tokenMaxAge: policy.token_max_age ?? 86_400,
      algorithms: policy.algorithms ?? ALGORITHMS,
      requiresStatus: policy.requires_status ?? false,
      whenStale: policy.when_stale ?? "refuse",
      proofMaxAge: policy.proof_max_age ?? 30,
      proofAlgorithms: policy.proof_algorithms ?? ALGORITHMS,
    },
    endpoints: statusLists === "" ? { jwksUri } : { jwksUri, statusLists },
    around: {
      fetch: (url) => Promise.resolve(answers[url] ?? new Response(null, { status: 404 })),
      clock: () => now,
      log: { info: () => undefined, warn: () => undefined },
    },
  });
  await verifier.refresh();
  return verifier;
}

/** Why the token is refused; null if it is accepted. */
async function judge(vector: Vector, keySet: string, policy: Policy): Promise<Reason | null> {
  const verifier = await verifierOf(vector, keySet, policy);
  try {
    const { token, proof, used_before: usedBefore = [], method = "", url = "" } = vector;
    if (proof === undefined) await verifier.verify(token);
    for (const used of usedBefore) await verifier.verifyDpop(token, used, method, url);
    if (proof !== undefined) await verifier.verifyDpop(token, proof, method, url);
    return null;
  } catch (error) {
    if (error instanceof Refused) return error.reason;
    throw error;
  }
}

/** The URI of the list that the token names, if it is one of the issuer's. */
function statusUriOf(token: string, prefix: string): string | undefined {
  try {
    const { status } = decodeJwt<{ status?: { status_list?: { uri?: unknown } } }>(token);
    const uri = status?.status_list?.uri;
    return typeof uri === "string" && prefix !== "" && isUnder(uri, prefix) ? uri : undefined;
  } catch {
    return undefined;
  }
}

/** What is wrong with our verdicts on one file of vectors, and how many there are. */
export async function judgeAll(text: string): Promise<{ count: number; wrong: string[] }> {
  const file = JSON.parse(text) as Vectors;
  const wrong: string[] = [];
  for (const vector of file.vectors) {
    const [keySet, policy] = [file.key_sets[vector.key_set], file.policies[vector.policy]];
    if (keySet === undefined || policy === undefined) throw new Error(`${vector.name} has no key set or policy`);
    const reason = await judge(vector, keySet, policy);
    if (reason !== vector.reason) wrong.push(`${vector.name}: ${reason} instead of ${vector.reason}`);
    if (vector.verdict !== (reason === null ? "accept" : "refuse")) wrong.push(`${vector.name}: ${vector.verdict}`);
  }
  return { count: file.vectors.length, wrong };
}
