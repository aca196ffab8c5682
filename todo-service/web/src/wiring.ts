// Connects the parts of lib/: one access token and one API client for the page, both for the signed-in person.

import { keepAccessToken } from "./lib/access-token.ts";
import { todoApi } from "./lib/api.ts";
import * as auth from "./lib/auth.ts";
import { draftsBelongTo } from "./lib/drafts.ts";

const now = (): number => Date.now();

const accessToken = keepAccessToken({
  fetchToken: auth.fetchToken,
  locks: navigator.locks,
  channel: new BroadcastChannel("access-token"),
  now,
});

export const api = todoApi({
  accessToken,
  onSignedOut: auth.checkSession,
  fetch: (input, init) => window.fetch(input, init),
  now,
});

auth.onPersonChange((userId) => {
  accessToken.belongsTo(userId);
  draftsBelongTo(userId);
});
