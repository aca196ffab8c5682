// The vectors that all verifiers of this repository pass (../vectors): the same verdicts and reasons as in Python.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { FILES, judgeAll } from "./judge.ts";

const FOLDER = process.env.ATJWT_VECTORS ?? new URL("../../vectors", import.meta.url).pathname;

test.each(FILES)("every verdict and reason of %s.json", async (name) => {
  const { count, wrong } = await judgeAll(readFileSync(`${FOLDER}/${name}.json`, "utf8"));
  expect(count).toBeGreaterThan(20);
  expect(wrong).toEqual([]);
});
