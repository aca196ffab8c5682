// The build: one script and one stylesheet with hashes in their names, what is loaded later, and the service worker. Each
// text file is also stored as gzip and Brotli at the highest level, so that the server compresses nothing.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const COMPRESSIBLE = /\.(css|html|js|svg|webmanifest)$/;
const WORKER = "service-worker";

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

/** The page lists the files that are loaded later, so that the service worker keeps them too. */
function listFiles(): Plugin {
  return {
    name: "list-files",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler(html, { bundle = {} }) {
        const later = Object.keys(bundle).filter((name) => name.endsWith(".js") && name.startsWith("assets/"));
        const files = later.map((name) => `/${name}`).filter((name) => !html.includes(name));
        return {
          // Nothing is painted before the script has set the chosen theme.
          html: html.replace('<script type="module"', '<script type="module" blocking="render"'),
          tags: [{ tag: "meta", attrs: { name: "files", content: files.join(" ") }, injectTo: "head" }],
        };
      },
    },
  };
}

export default defineConfig({
  plugins: [listFiles(), precompress()],
  build: {
    modulePreload: false,
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    rollupOptions: {
      input: { index: "index.html", [WORKER]: `src/${WORKER}.ts` },
      output: { entryFileNames: ({ name }) => (name === WORKER ? "[name].js" : "assets/[name]-[hash].js") },
    },
  },
  server: {
    port: 8090, // AUTH_TRUSTED_ORIGINS=http://localhost:8090 ./run.py up, and then: npm run dev
    proxy: { "/api": { target: process.env.ISSUER ?? "http://localhost:8080", changeOrigin: true } },
  },
});
