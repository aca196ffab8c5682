// A client with a key: its token, and proofs for it (RFC 9449).

import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from "jose";
import { type Claims, type TestIssuer } from "../src/testing.ts";

export async function client(issuer: TestIssuer, htu: string, claims: Claims = {}) {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const jwk = await exportJWK(publicKey);
  const token = await issuer.token({ ...claims, cnf: { jkt: await calculateJwkThumbprint(jwk) } });
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token));
  const ath = Buffer.from(hash).toString("base64url");
  const proof = async (): Promise<string> =>
    await new SignJWT({ htm: "GET", htu, iat: issuer.now, jti: crypto.randomUUID(), ath })
      .setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk })
      .sign(privateKey);
  return { token, proof };
}
