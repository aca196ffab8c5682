// The verdict on a token as one word.

import { type AccessToken, type Reason, Refused } from "../src/index.ts";

export async function outcome(verified: Promise<AccessToken>): Promise<Reason | "accepted"> {
  try {
    await verified;
    return "accepted";
  } catch (error) {
    if (error instanceof Refused) return error.reason;
    throw error;
  }
}
