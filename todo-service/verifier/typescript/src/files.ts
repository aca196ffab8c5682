// Copies of what was fetched last as files in a folder, readable and writable by this user only. For Node.js, Deno and Bun.
//
//     import { folder } from "atjwt/files";
//
//     Verifier.start({ issuer, audience, saved: folder("/var/lib/billing/atjwt") });

import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Store } from "./store.ts";

/** A store whose texts are files in this folder, which is made if it is missing. Two services need two folders. */
export function folder(path: string): Store {
  return {
    read: async (name) => await readFile(join(path, name), "utf8").catch(nothingIfMissing),
    write: async (name, text) => {
      await mkdir(path, { recursive: true, mode: 0o700 });
      const temporary = join(path, `${name}-${randomUUID()}`);
      try {
        const file = await open(temporary, "wx", 0o600);
        try {
          await file.writeFile(text);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(temporary, join(path, name));
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
    },
  };
}

function nothingIfMissing(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw error;
}
