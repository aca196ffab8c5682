// A program that knows local servers only, such as an editor. mcp-remote stands between it and /mcp. It works once for
// each line of its input.

import { createInterface } from "node:readline";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

const { MCP, CLIENT_ID, PORT, FOLDER } = process.env;
const transport = new StdioClientTransport({
  command: process.execPath,
  args: [`${import.meta.dirname}/node_modules/mcp-remote/dist/proxy.js`, MCP, PORT, "--client-metadata-url", CLIENT_ID],
  env: { ...process.env, MCP_REMOTE_CONFIG_DIR: FOLDER },
  stderr: "inherit", // it says there which address the person opens
});
const client = new Client({ name: "editor", version: "1" });
await client.connect(transport);
for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...rest] = line.split(" ");
  const result = await client.callTool({ name, arguments: JSON.parse(rest.join(" ")) });
  console.log(result.content[0].text);
}
process.exit(0);
