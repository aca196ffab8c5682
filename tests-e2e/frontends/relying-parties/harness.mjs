// The protocol between a script and its driver (e2e_fixtures/harness.py): one JSON object per line, both ways.

import { createInterface } from "node:readline";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

async function receive() {
  return JSON.parse((await lines.next()).value);
}

function say(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

export const { issuer, clients, account } = await receive();

// Let the person's browser open an address; return the request that the redirect_uri receives.
export async function open(url) {
  say({ open: String(url) });
  const { method, url: address, body, page } = await receive();
  if (page) throw new Error(`the person is left at ${page}`);
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  return new Request(address, method === "POST" ? { method, body, headers } : { method });
}

// Let the person type a device's code at an address, and allow the device.
export async function enter(url, userCode) {
  say({ enter: String(url), user_code: userCode });
  return (await receive()).page;
}

// Run the steps in order. The first that fails ends the script with its exit code.
export async function steps(table) {
  for (const [name, step] of Object.entries(table)) {
    try {
      await step();
    } catch (error) {
      console.error(`${name} failed:`, error);
      process.exit(1);
    }
    say({ passed: name });
  }
  process.exit(0);
}
