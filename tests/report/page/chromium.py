"""A headless Chromium driven through its debugging pipe: a page as a reader sees and uses it."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium-headless-shell", "chromium", "google-chrome")
PROGRAM = next((path for name in NAMES if (path := shutil.which(name))), None)


class Page:
    """One open page. `events` holds all that the browser has told: requests, console lines, exceptions."""

    def __init__(self, commands: int, replies: int) -> None:
        self.events: list[dict[str, Any]] = []
        self._commands, self._replies = commands, os.fdopen(replies, "rb", buffering=0)
        self._buffer = b""
        self._number = 0
        self._session: str | None = None

    def open(self, path: Path, *, dark: bool = False, width: int = 1200, height: int = 1000) -> None:
        """Opens the file and waits until it is loaded."""
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.send("Page.navigate", url=path.resolve().as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._read()

    def value(self, expression: str) -> Any:
        """What the expression is in the page, awaited where it is a promise."""
        done = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def wait(self, condition: str) -> None:
        """Returns when the condition holds in the page; fails after ten seconds."""
        held = self.value(
            f"new Promise((done) => {{ const end = Date.now() + 10000; const look = () => ({condition})"
            " ? done(true) : Date.now() > end ? done(false) : setTimeout(look, 20); look(); })"
        )
        assert held, f"does not come true: {condition}"

    def press(self, key: str) -> None:
        """Presses and releases a key."""
        text = {"text": key} if len(key) == 1 else {}
        self.send("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self.send("Input.dispatchKeyEvent", type="keyUp", key=key)

    def picture(self, path: Path) -> None:
        """Writes a picture of the whole page."""
        shot = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def events_of(self, method: str) -> list[dict[str, Any]]:
        """The parameters of the events of this kind."""
        self.value("0")
        return [event["params"] for event in self.events if event["method"] == method]

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """What the browser answers to a command of the DevTools protocol."""
        self._number += 1
        session = {"sessionId": self._session} if self._session else {}
        message = {"id": self._number, "method": method, "params": parameters, **session}
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result

    def close(self) -> None:
        os.close(self._commands)
        self._replies.close()

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            more = self._replies.read(1 << 16)
            assert more, "the browser has ended"
            self._buffer += more
        text, self._buffer = self._buffer.split(b"\0", 1)
        message: dict[str, Any] = json.loads(text)
        if "method" in message:
            self.events.append(message)
        return message


@contextmanager
def browsing() -> Iterator[Page]:
    """A browser with nothing open; ended with the block."""
    assert PROGRAM is not None
    to_read, commands = os.pipe()
    replies, to_write = os.pipe()
    # the browser reads commands from descriptor 3 and writes to 4
    shell = f'exec "$0" "$@" 3<&{to_read} 4>&{to_write}'
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"]
        options += ["--remote-debugging-pipe", f"--user-data-dir={profile}"]
        process = subprocess.Popen(
            ["bash", "-c", shell, PROGRAM, *options],
            pass_fds=(to_read, to_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        page = Page(commands, replies)
        try:
            yield page
        finally:
            page.close()  # the browser ends with its pipe
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
