// The build: one script and one stylesheet with hashes in their names. Each text file is also stored as gzip and Brotli at
// the highest level, so that the server compresses nothing.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const COMPRESSIBLE = /\.(css|html|js|svg)$/;

function precompress(): Plugin {
  return {
    name: "precompress",
    apply: "build",
    writeBundle({ dir = "dist" }) {
      for (const name of readdirSync(dir, { recursive: true, encoding: "utf8" }).filter((each) =>
        COMPRESSIBLE.test(each),
      )) {
        const content = readFileSync(join(dir, name));
        writeFileSync(join(dir, `${name}.gz`), gzipSync(content, { level: 9 }));
        writeFileSync(join(dir, `${name}.br`), brotliCompressSync(content));
      }
    },
  };
}

export default defineConfig({
  plugins: [precompress()],
  build: { modulePreload: false, assetsInlineLimit: 0, reportCompressedSize: false },
  server: {
    port: 8090, // AUTH_TRUSTED_ORIGINS=http://localhost:8090 ./run.py up, and then: npm run dev
    proxy: { "/api": { target: process.env.ISSUER ?? "http://localhost:8080", changeOrigin: true } },
  },
});
