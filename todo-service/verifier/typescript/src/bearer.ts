// The token of a request: where it may stand, what it must allow, and the challenge of a refusal (RFC 6750, RFC 9449,
// RFC 9470, RFC 9728). The adapters for frameworks share this; none of it depends on one.

import { type AccessToken } from "./access-token.ts";
import { type Proof } from "./dpop.ts";
import { type WhenStale } from "./policy.ts";
import { Refused } from "./refusals.ts";
import { type Verifier } from "./verifier.ts";

const WELL_KNOWN = "/.well-known/oauth-protected-resource";
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/; // RFC 6749 §3.3

/** What a route needs beside a valid token. */
export interface Needs {
  /** One of the token's roles. */
  role?: string;
  /** The person must have signed in within so many seconds (RFC 9470). A service's own token always passes. */
  maxAge?: number;
  /** Replaces the policy's; "accept" suits routes that only read. */
  whenStale?: WhenStale;
}

/** Where a request has its token. */
export interface Credentials {
  /** The values of all Authorization headers. */
  readonly authorization: readonly string[];
  /** The address, at least from the path on. */
  readonly url: string;
  readonly method: string;
  /** The values of all DPoP headers (RFC 9449). */
  readonly proofs: readonly string[];
}

export interface Settings {
  /** The origin at which clients reach the API, if it is not that of the audience. For DPoP proofs, which name the URL: the
   * Host header does not count, since whoever replays a proof can choose that.
   */
  baseUrl?: string;
}

/** The request is refused. Nothing of the response quotes what the client sent. */
export class Denied extends Error {
  override readonly name = "Denied";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, detail: string, headers: Readonly<Record<string, string>>) {
    super(detail);
    this.status = status;
    this.headers = { "Content-Type": "application/problem+json", "Cache-Control": "no-store", ...headers };
  }

  /** The response's body (RFC 9457). */
  get body(): string {
    return JSON.stringify({ status: this.status, detail: this.message });
  }
}

/** One API: its verifier, and its metadata (RFC 9728) if the audience is a URL. */
export class Protection {
  readonly #verifier: Verifier;
  readonly #scopes = new Set<string>();
  readonly #metadataUrl: string | undefined;
  readonly #baseUrl: string | undefined;
  /** The path of the metadata; undefined if the audience is no URL. */
  readonly metadataPath: string | undefined;

  constructor(verifier: Verifier, { baseUrl }: Settings = {}) {
    this.#verifier = verifier;
    this.#baseUrl = baseUrl?.replace(/\/+$/, "");
    const url = URL.canParse(verifier.audience) ? new URL(verifier.audience) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol)) return;
    this.metadataPath = WELL_KNOWN + url.pathname.replace(/\/+$/, ""); // RFC 9728 §3.1
    this.#metadataUrl = url.origin + this.metadataPath;
    this.#baseUrl ??= url.origin;
  }

  /** The metadata (RFC 9728 §2), and headers for it: everybody may read it, pages of other origins too. */
  get metadata(): { headers: Readonly<Record<string, string>>; body: string } {
    const members = {
      resource: this.#verifier.audience,
      authorization_servers: [this.#verifier.issuer],
      scopes_supported: [...this.#scopes].sort(),
      bearer_methods_supported: ["header"],
      dpop_signing_alg_values_supported: this.#verifier.proofAlgorithms,
    };
    const headers = {
      "Content-Type": "application/json",
      "Access-Control-Allow-Origin": "*",
      "Cache-Control": "public, max-age=3600",
    };
    return { headers, body: JSON.stringify(members) };
  }

  /** A function that returns the token of a request, or throws Denied. `scope` is one or more, separated by spaces.
   *
   * Throws TypeError for a scope that no token can have (RFC 6749 §3.3).
   */
  requires(scope: string, needs: Needs = {}): (credentials: Credentials) => Promise<AccessToken> {
    if (scope !== "" && !SCOPE.test(scope)) throw new TypeError("a scope has printable ASCII only, without quotes");
    if (needs.maxAge !== undefined && !(needs.maxAge > 0))
      throw new TypeError("maxAge is a positive number of seconds");
    const scopes = scope.split(" ").filter((each) => each !== "");
    for (const each of scopes) this.#scopes.add(each);
    return async (credentials) => {
      const scheme = schemeOf(credentials);
      const [text, proof] = this.#find(credentials, scheme);
      const token = await this.#verify(text, proof, scheme, needs.whenStale);
      this.#check(token, scopes, needs, scheme);
      return token;
    };
  }

  /** The one token of the one Authorization header (RFC 6750 §2.1), and its proof (RFC 9449 §7.1). Tokens in an address end
   * up in logs. Without a public address only bearer tokens are accepted.
   */
  #find(
    { authorization, url, method, proofs }: Credentials,
    scheme: string,
  ): readonly [text: string, proof: Proof | undefined] {
    if (authorization.length > 1) throw this.#malformed("There is more than one Authorization header.");
    const query = url.includes("?") ? url.slice(url.indexOf("?")) : "";
    if (new URLSearchParams(query).has("access_token")) {
      throw this.#malformed("Send the token only in the Authorization header.");
    }
    const isBound = scheme === "dpop" && this.#baseUrl !== undefined;
    if (scheme !== "bearer" && !isBound) {
      throw this.#refusal(401, "Send an access token of the issuer as a bearer token.");
    }
    const token = (authorization[0] ?? "").slice(scheme.length).replace(/^ +| +$/g, "");
    if (token === "" || /[ ,]/.test(token)) {
      throw this.#malformed("The Authorization header does not hold exactly one token.");
    }
    if (!isBound) return [token, undefined];
    const [proof, ...more] = proofs;
    if (proof === undefined || more.length > 0) {
      const detail = "A token with the scheme DPoP needs exactly one DPoP header.";
      throw this.#refusal(401, detail, "invalid_dpop_proof", {}, scheme);
    }
    return [token, { text: proof, method, url: `${this.#baseUrl}${pathOf(url)}` }];
  }

  async #verify(
    text: string,
    proof: Proof | undefined,
    scheme: string,
    whenStale: WhenStale | undefined,
  ): Promise<AccessToken> {
    try {
      return await this.#verifier.verifyOrWait(text, whenStale, proof);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (!error.isTemporary) {
        throw this.#refusal(401, `The token is refused: ${error.message}.`, error.error, {}, scheme);
      }
      const seconds = error.reason === "keys-unavailable" ? "5" : "2"; // until the next fetch
      throw new Denied(503, `Try again later: ${error.message}.`, { "Retry-After": seconds });
    }
  }

  #check(token: AccessToken, scopes: readonly string[], { role, maxAge }: Needs, scheme: string): void {
    if (!scopes.every((each) => token.scope.has(each))) {
      const scope = scopes.join(" ");
      throw this.#refusal(403, `The token needs the scope ${scope}.`, "insufficient_scope", { scope }, scheme);
    }
    // Without a challenge: no other token of this person would help.
    if (role !== undefined && !token.roles.has(role)) throw new Denied(403, `This needs the role ${role}.`, {});
    if (maxAge !== undefined && !this.#verifier.hasRecentSignIn(token, maxAge)) {
      const detail = `This needs a sign-in within the last ${maxAge} seconds.`;
      const more = { max_age: String(Math.floor(maxAge)) };
      throw this.#refusal(401, detail, "insufficient_user_authentication", more, scheme);
    }
  }

  #malformed(detail: string): Denied {
    return this.#refusal(400, detail, "invalid_request");
  }

  /** A refusal with a challenge for the request's scheme. Without a token it has no error code (RFC 6750 §3.1). */
  #refusal(
    status: number,
    detail: string,
    error?: string,
    more: Readonly<Record<string, string>> = {},
    scheme = "bearer",
  ): Denied {
    const isBound = scheme === "dpop";
    const parameters = {
      ...(error !== undefined && { error, error_description: detail, ...more }),
      ...(isBound && { algs: this.#verifier.proofAlgorithms.join(" ") }), // RFC 9449 §7.1
      ...(this.#metadataUrl !== undefined && { resource_metadata: this.#metadataUrl }), // RFC 9728 §5.1
    };
    const written = Object.entries(parameters).map(([name, value]) => `${name}="${value}"`);
    const challenge = `${isBound ? "DPoP" : "Bearer"} ${written.join(", ")}`.trimEnd();
    return new Denied(status, detail, { "WWW-Authenticate": challenge });
  }
}

/** The scheme of the first Authorization header, in lower case. */
function schemeOf({ authorization }: Credentials): string {
  return (authorization[0] ?? "").split(" ", 1)[0]?.toLowerCase() ?? "";
}

/** The path of an address, as the client spelled it; the address may begin with its origin (RFC 9112 §3.2.2). */
function pathOf(url: string): string {
  return url.replace(/^https?:\/\/[^/?#]*/i, "").replace(/[?#].*$/s, "");
}
