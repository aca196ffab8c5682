// npm's jose under the bench's probe, as probe.py does it for Python: node jose.mjs ISSUER AUDIENCE

import { createInterface } from "node:readline";
import { createRemoteJWKSet, jwtVerify } from "jose";

const [issuer, audience] = process.argv.slice(2);
const now = Date.now;
let offset = 0;
Date.now = () => now() + offset * 1000;
const keys = createRemoteJWKSet(new URL(`${issuer}/jwks.json`));
// Tokens are valid at both times; only the age of keys is to change.
const verify = (token) => jwtVerify(token, keys, { issuer, audience, currentDate: new Date(now()) });

/** The verdict, how long it took, and the longest time in which the event loop ran nothing else (milliseconds). */
async function probed(token) {
  let last = performance.now();
  let blocked = 0;
  const ticker = setInterval(() => {
    blocked = Math.max(blocked, performance.now() - last);
    last = performance.now();
  }, 1);
  const begun = performance.now();
  let why = "";
  await verify(token).catch((error) => {
    why = `${error.code}: ${error.message}`;
  });
  const ms = performance.now() - begun;
  await new Promise((resolve) => setTimeout(resolve, 5));
  clearInterval(ticker);
  return { accepted: why === "", why, ms, blocked };
}

/** Processor time for a token, in all threads of the process. */
async function microseconds(tokens) {
  const begun = process.cpuUsage();
  for (const token of tokens) await verify(token);
  const { user, system } = process.cpuUsage(begun);
  return (user + system) / tokens.length;
}

console.log(JSON.stringify("ready"));
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  let answer = null;
  if (command.verify !== undefined) answer = await probed(command.verify);
  else if (command.time !== undefined) answer = await microseconds(command.time);
  else offset += command.travel;
  console.log(JSON.stringify(answer));
}
