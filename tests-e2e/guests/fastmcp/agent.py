"""An AI agent with fastmcp's own client. It is given the address of /mcp, and the URL of its metadata document.

It works once for each line of its input. The person's browser is the program that BROWSER names.
"""

import asyncio
import json
import os
import sys

from fastmcp import Client
from fastmcp.client.auth import OAuth


async def main() -> None:
    oauth = OAuth(client_metadata_url=os.environ["CLIENT_ID"], callback_port=int(os.environ["PORT"]))
    async with Client(os.environ["MCP"], auth=oauth) as client:
        for line in iter(sys.stdin.readline, ""):
            tool, _, arguments = line.partition(" ")
            result = await client.call_tool(tool, json.loads(arguments))
            print(result.content[0].text, flush=True)


asyncio.run(main())
