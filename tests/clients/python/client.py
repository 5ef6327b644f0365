"""The official Python client, driven by lines of JSON on standard input.

Each line is one step; the answer to it is one line of JSON on standard output.
"""

import asyncio
import json
import os
import sys
from contextlib import AsyncExitStack

import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import ToolListChangedNotification


class Steps:
    def __init__(self, stack):
        self.stack = stack
        self.client = None
        self.list_changed = asyncio.Event()
        self.list_changes = 0

    async def heard(self, message):
        if isinstance(message, ToolListChangedNotification):
            self.list_changes += 1
            self.list_changed.set()

    async def open(self, _step):
        token = os.environ["GATEWAY_TOKEN"]
        http = await self.stack.enter_async_context(
            httpx2.AsyncClient(
                headers={"Authorization": f"Bearer {token}"},
                timeout=httpx2.Timeout(60.0),
            )
        )
        transport = streamable_http_client(os.environ["GATEWAY_URL"], http_client=http)
        self.client = await self.stack.enter_async_context(
            Client(transport, mode="legacy", message_handler=self.heard)
        )
        return {"server": self.client.server_info.name}

    async def tools(self, _step):
        listed = await self.client.list_tools()
        return {"tools": [tool.name for tool in listed.tools]}

    async def call(self, step):
        progress = []

        async def seen(value, _total, _message):
            progress.append(value)

        result = await self.client.call_tool(
            step["name"], step.get("arguments"), progress_callback=seen
        )
        return {"result": plain(result), "progress": progress}

    async def cancel(self, step):
        started = asyncio.Event()

        async def seen(_value, _total, _message):
            started.set()

        call = asyncio.create_task(
            self.client.call_tool(step["name"], step.get("arguments"), progress_callback=seen)
        )
        await started.wait()
        call.cancel()
        try:
            await call
        except asyncio.CancelledError:
            return {"cancelled": True}
        return {"cancelled": False}

    async def prompts(self, _step):
        listed = await self.client.list_prompts()
        return {"prompts": [prompt.name for prompt in listed.prompts]}

    async def prompt(self, step):
        result = await self.client.get_prompt(step["name"], step.get("arguments"))
        return {"result": plain(result)}

    async def resources(self, _step):
        listed = await self.client.list_resources()
        return {"resources": [str(resource.uri) for resource in listed.resources]}

    async def read(self, step):
        return {"result": plain(await self.client.read_resource(step["uri"]))}

    async def listChanged(self, _step):
        await self.list_changed.wait()
        return {"listChanges": self.list_changes}


def plain(model):
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


async def main():
    async with AsyncExitStack() as stack:
        steps = Steps(stack)
        while line := await asyncio.to_thread(sys.stdin.readline):
            step = json.loads(line)
            try:
                answer = await getattr(steps, step["do"])(step)
            except Exception as error:  # the test decides what a failure means
                key = "failed" if step.get("mayFail") else "trouble"
                answer = {key: repr(error), "code": getattr(error, "code", None)}
            print(json.dumps(answer), flush=True)


asyncio.run(main())
