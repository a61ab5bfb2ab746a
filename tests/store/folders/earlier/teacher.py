"""A teacher that notes each request in the file that ASKED names, so that a test can tell that none was sent."""

import asyncio
import os
from pathlib import Path

from pydantic import BaseModel

from synthgen import Choice, Completion, Request, Usage


class Echo(BaseModel):
    model: str = "echo"
    sampling: None = None

    async def complete(self, request: Request) -> Completion:
        if asked := os.environ.get("ASKED"):
            with Path(asked).open("a") as file:
                file.write(request.key + "\n")
        await asyncio.sleep(float(os.environ.get("SLOW", "0")))
        text = str(request.messages[-1]["content"])
        return Completion((Choice(f"You asked: {text.strip()}"),), Usage(len(text), 9))
