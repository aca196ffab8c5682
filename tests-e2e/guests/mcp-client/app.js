// An AI agent with the client of the Model Context Protocol's own SDK. It is given the address of /mcp, and the URL of
// its metadata document. It works once for each line of its input.

import { on } from "node:events";
import http from "node:http";
import { createInterface } from "node:readline";
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from "@modelcontextprotocol/client";

const { MCP, CLIENT_ID, PORT } = process.env;
const redirectUrl = `http://127.0.0.1:${PORT}/callback`;
const kept = {};
const provider = {
  redirectUrl,
  clientMetadataUrl: CLIENT_ID,
  clientMetadata: { client_name: "Agent", redirect_uris: [redirectUrl], token_endpoint_auth_method: "none" },
  clientInformation: () => kept.client,
  saveClientInformation: (client) => (kept.client = client),
  tokens: () => kept.tokens,
  saveTokens: (tokens) => (kept.tokens = tokens),
  codeVerifier: () => kept.verifier,
  saveCodeVerifier: (verifier) => (kept.verifier = verifier),
  invalidateCredentials: (kind) => {
    if (kind === "all" || kind === "tokens") kept.tokens = undefined;
  },
  discoveryState: () => kept.discovered,
  saveDiscoveryState: (discovered) => (kept.discovered = discovered),
  redirectToAuthorization: (url) => console.error(String(url)), // the person opens it
};

// What comes to the redirect URI: the parameters of each response.
const server = http.createServer((request, response) => {
  response.end("Thank you.");
  server.emit("answered", new URL(request.url, redirectUrl).searchParams);
});
const answers = on(server, "answered");
server.listen(PORT, "127.0.0.1");

// The result of `act` with a connected client. If it fails because a sign-in is needed, it is done again after that.
async function signedIn(act, transport = new StreamableHTTPClientTransport(new URL(MCP), { authProvider: provider })) {
  const client = new Client({ name: "agent", version: "1" });
  try {
    await client.connect(transport);
    return await act(client);
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
    const { value } = await answers.next();
    await transport.finishAuth(value[0]);
    return signedIn(act);
  } finally {
    await client.close();
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...rest] = line.split(" ");
  const result = await signedIn((client) => client.callTool({ name, arguments: JSON.parse(rest.join(" ")) }));
  console.log(result.content[0].text);
}
process.exit(0);
