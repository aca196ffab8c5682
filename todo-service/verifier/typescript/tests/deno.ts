// All vectors in another runtime, then a verifier at work: in the background, with hints, and with copies in a folder.
//
//     deno run --no-prompt --allow-read --allow-write=FOLDER tests/deno.ts VECTORS FOLDER
//
// It prints the number of vectors. The process ends by itself, since the background work keeps none from ending.

import { readFileSync } from "node:fs";
import { folder } from "../src/files.ts";
import { Refused, Verifier } from "../src/index.ts";
import { type Fetch } from "../src/outgoing.ts";
import { TestIssuer } from "../src/testing.ts";
import { FILES, judgeAll } from "./judge.ts";

const [vectors = "", copies = ""] = process.argv.slice(2);
const HINTS = "http://issuer.internal/hints";
let count = 0;
for (const name of FILES) {
  const judged = await judgeAll(readFileSync(`${vectors}/${name}.json`, "utf8"));
  if (judged.wrong.length > 0) throw new Error(judged.wrong.join("\n"));
  count += judged.count;
}

const issuer = await TestIssuer.create();
const { audience, around } = issuer;
let say = (_: string): void => undefined;
const fetch: Fetch = async (url, init) => {
  if (url !== HINTS) return await around.fetch(url, init);
  const start = (stream: ReadableStreamDefaultController<Uint8Array>): void => {
    say = (text) => stream.enqueue(new TextEncoder().encode(text));
  };
  return new Response(new ReadableStream({ start }), { headers: { "Content-Type": "text/event-stream" } });
};
const options = { issuer: issuer.issuer, audience, around: { ...around, fetch }, saved: folder(copies) };
const verifier = Verifier.start({ ...options, hints: HINTS, times: { lists: { interval: 3600 } } });
await until(() => verifier.isReady && verifier.report().saved.written === 3);
const [token, revoked] = [await issuer.token(), await issuer.token()];
await verifier.verify(revoked);
await issuer.revoke(revoked);
say(`data: {"uri": "${issuer.issuer}/oauth/status-lists/1-1", "version": 1}\n`);
await until(() => isRevoked(verifier, revoked));
await until(() => verifier.report().saved.written === 4);

issuer.down();
const restarted = new Verifier(options);
await restarted.refresh();
await restarted.verify(token);
if (!(await isRevoked(restarted, revoked))) throw new Error("the copies have forgotten the revocation");
console.log(`${count} vectors`);

async function isRevoked(verifier: Verifier, token: string): Promise<boolean> {
  const error = await verifier.verify(token).catch((refused: unknown) => refused);
  return error instanceof Refused && error.reason === "revoked";
}

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await isTrue()); tries += 1) {
    if (tries > 3000) throw new Error("that never happened");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
