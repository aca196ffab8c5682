// Signing in with a passkey: what the browser is asked, and what it answers.

import { Failure } from "./failure.ts";
import { said } from "./language.ts";

/** Asks the person for a passkey; returns the body for `/passkey/verify-authentication`. Fails if none is used. */
export async function usePasskey(options: PublicKeyCredentialRequestOptionsJSON): Promise<{ response: unknown }> {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  try {
    const credential = await navigator.credentials.get({ publicKey });
    if (credential instanceof PublicKeyCredential) return { response: credential.toJSON() };
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    if (error.name !== "NotAllowedError")
      throw new Failure("invalid", said("Passkeys do not work in this browser at the moment."));
  }
  throw new Failure("invalid", said("No passkey was used. Try again, or sign in with your password."));
}
