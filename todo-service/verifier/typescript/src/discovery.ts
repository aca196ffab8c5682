// Where the issuer's keys and status lists are: its metadata (RFC 8414, OpenID Connect Discovery 1.0).
//
// The metadata must name exactly the configured issuer (RFC 8414 §3.3). Keys and lists must be at the issuer's origin, so
// that no document can make this service fetch from elsewhere, such as a neighbour on loopback.

import { download } from "./outgoing.ts";
import { isObject, NotStrictJson, parse } from "./strict-json.ts";
import { type Surroundings } from "./surroundings.ts";

const MAX_LENGTH = 64 * 1024;
const MAX_DEPTH = 8;
const TIMEOUT = 3; // seconds
const LOOPBACK = /^(localhost|.*\.localhost|127(\.[0-9]+){3}|\[::1\])$/;

/** The document is refused. The message says what an operator has to change. */
export class UnusableMetadata extends Error {
  override readonly name = "UnusableMetadata";
}

/** The addresses of the issuer's documents. `statusLists` is the aggregation's; without it there are no lists. */
export interface Endpoints {
  readonly jwksUri: string;
  readonly statusLists?: string;
}

/** Throws TypeError if tokens of this issuer cannot be verified, or if its metadata could be forged on the way. */
export function checkIssuer(issuer: string): void {
  const url = URL.canParse(issuer) ? new URL(issuer) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || /[?#]/.test(issuer) || url.username || url.password) {
    throw new TypeError("the issuer is an https URL without query and fragment (RFC 8414 §2)");
  }
  if (url.protocol === "http:" && !LOOPBACK.test(url.hostname)) {
    throw new TypeError("the issuer must be https, except on loopback");
  }
}

/** Where the metadata may be: RFC 8414 §3.1, then OpenID Connect Discovery 1.0 §4.1. */
export function addresses(issuer: string): readonly string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/+$/, "");
  return [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}${path}/.well-known/openid-configuration`,
  ];
}

/** Read the metadata. Throws UnusableMetadata: not JSON, of another issuer, without keys, or naming a foreign origin. */
export function parseMetadata(document: Uint8Array, issuer: string, alsoAt: readonly string[]): Endpoints {
  const members = parseObject(document);
  if (members.issuer !== issuer) throw new UnusableMetadata(otherIssuer(members.issuer, issuer));
  const { jwks_uri: jwksUri, status_list_aggregation_endpoint: lists = "" } = members;
  if (typeof jwksUri !== "string" || typeof lists !== "string") {
    throw new UnusableMetadata("the metadata name no jwks_uri, or an address that is no string");
  }
  const allowed = [issuer, ...alsoAt].map(originOf);
  for (const [name, url] of Object.entries({ jwks_uri: jwksUri, status_list_aggregation_endpoint: lists })) {
    if (url !== "" && !allowed.includes(originOf(url))) {
      throw new UnusableMetadata(`${name} is not at the issuer's origin; if it may be elsewhere, name it in alsoAt`);
    }
  }
  return lists === "" ? { jwksUri } : { jwksUri, statusLists: lists.replace(/\/+$/, "") };
}

function parseObject(document: Uint8Array) {
  try {
    const members = parse(document, MAX_DEPTH);
    if (isObject(members)) return members;
  } catch (error) {
    if (error instanceof NotStrictJson) throw new UnusableMetadata(`the metadata are ${error.message}`);
    throw error;
  }
  throw new UnusableMetadata("the metadata are no JSON object");
}

function otherIssuer(named: unknown, issuer: string): string {
  if (typeof named === "string" && named.replace(/\/+$/, "") === issuer.replace(/\/+$/, "")) {
    const longer = named.endsWith("/") ? "metadata" : "configuration";
    return `the issuer differs by a slash at the end, which the ${longer} have: write it exactly as the issuer does`;
  }
  return "the metadata name another issuer than the configured one";
}

/** Scheme, host and port; an address with a user name, or none at all, has no origin that equals another one. */
function originOf(url: string): string {
  if (!URL.canParse(url)) return url;
  const { origin, username, password } = new URL(url);
  return username || password ? url : origin;
}

/** Try each address of the metadata once. Throws UnusableMetadata with what is wrong at each. */
export async function discover(
  issuer: string,
  alsoAt: readonly string[],
  address: (url: string) => string,
  around: Surroundings,
): Promise<Endpoints> {
  const problems = new Set<string>();
  for (const url of addresses(issuer).map(address)) {
    try {
      const asked = { url, accept: "application/json", maxLength: MAX_LENGTH, timeout: TIMEOUT };
      const answer = await download(around.fetch, asked);
      if (answer !== undefined) return parseMetadata(answer.body, issuer, alsoAt);
    } catch (error) {
      const message = error instanceof Error ? error.message : "unknown";
      problems.add(error instanceof UnusableMetadata ? message : `the metadata cannot be fetched: ${message}`);
    }
  }
  throw new UnusableMetadata([...problems].join("; "));
}
