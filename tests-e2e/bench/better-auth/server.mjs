// npm's Better Auth, to compare with: node server.mjs PORT DATABASE. It uses SQLite, RS256 and the jwt header, as ours.

import { createServer } from "node:http";

import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import { bearer, jwt } from "better-auth/plugins";
import Database from "better-sqlite3";

const [port, path] = process.argv.slice(2);
const database = new Database(path);
database.pragma("journal_mode = WAL");

const options = {
  baseURL: `http://localhost:${port}`,
  secret: "a-secret-of-the-benchmark-alone-and-of-nothing-else",
  database,
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { disabled: true },
  plugins: [jwt({ jwks: { keyPairConfig: { alg: "RS256", modulusLength: 2048 } } }), bearer()],
};

const { runMigrations } = await getMigrations(options);
await runMigrations();
createServer(toNodeHandler(betterAuth(options))).listen(Number(port), "127.0.0.1");
