// A fixture for vitest: `issuer`, a new test issuer for each test that asks for it.
//
//     import { test } from "atjwt/vitest";
//
//     test("a reader may read", async ({ issuer }) => { ... });

import { test as base, type TestAPI } from "vitest";
import { TestIssuer } from "./testing.ts";

export const test: TestAPI<{ issuer: TestIssuer }> = base.extend<{ issuer: TestIssuer }>({
  issuer: async ({}, use) => {
    await use(await TestIssuer.create());
  },
});
