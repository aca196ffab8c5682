// The core runs wherever fetch and WebCrypto are: only adapters import Node.js or a framework, and only files import others.

import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const SOURCES = new URL("../src/", import.meta.url);
const FRAMEWORKS: Record<string, string[]> = {
  "express.ts": ["express"],
  "fastify.ts": ["fastify"],
  "files.ts": ["node:crypto", "node:fs/promises", "node:path"],
  "hono.ts": ["hono"],
  "node-requests.ts": ["node:http"],
  "vitest.ts": ["vitest"],
};
const files = readdirSync(SOURCES);

function importsOf(file: string): string[] {
  const text = readFileSync(new URL(file, SOURCES), "utf8");
  return [...text.matchAll(/^(?:import|export) [^;]*? from "([^"]+)";/gm)].map(([, name]) => name ?? "");
}

test.each(files)("%s imports nothing that its users may lack", (file) => {
  const outside = importsOf(file).filter((name) => !name.startsWith("./"));
  const allowed = ["jose", ...(FRAMEWORKS[file] ?? [])];
  expect(outside.filter((name) => !allowed.includes(name))).toEqual([]);
});

test("the public interface needs no adapter", () => {
  const reached = new Set<string>();
  const visit = (file: string): void => {
    if (reached.has(file)) return;
    reached.add(file);
    for (const name of importsOf(file)) if (name.startsWith("./")) visit(name.slice(2));
  };
  visit("index.ts");
  expect(reached.size).toBeGreaterThan(10);
  expect([...reached].filter((file) => file in FRAMEWORKS)).toEqual([]);
});

test("each file says at its head what it is, has at most 400 lines, and stands in the README", () => {
  const readme = readFileSync(new URL("../README.md", SOURCES), "utf8");
  for (const file of files) {
    const text = readFileSync(new URL(file, SOURCES), "utf8");
    expect(text.startsWith("// "), file).toBe(true);
    expect(text.split("\n").length, file).toBeLessThan(400);
    expect(readme, file).toContain(`\`${file}\``);
  }
});
