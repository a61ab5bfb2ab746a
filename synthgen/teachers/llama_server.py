"""llama.cpp's server in this process (xllamacpp): started once for equal settings, shared, ended with its last user."""

from __future__ import annotations

import math
import os
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthgen.errors import ConfigError
from synthgen.requests.request import Api
from synthgen.safety.outward import logger

log = logger("synthgen.teachers.llama_cpp")

MOST_THREADS = 16
"""More threads than this bring nothing: generation waits for memory."""

BATCH = 256
"""Tokens of prompts that are worked off at once: for so long a request cannot be stopped."""

WAITING = 2
"""Requests that wait inside the server, so that no slot is ever without one."""

PROBE = b'{"prompt": "a", "max_tokens": 1, "cache_prompt": false}'
"""Asked before all else: a server that is ended before its loop has begun never ends."""

CGROUP = Path("/sys/fs/cgroup/cpu.max")


@dataclass(frozen=True, slots=True)
class Load:
    """All that a server is started with; `threads` are None where the machine decides."""

    file: Path
    adapters: tuple[tuple[Path, float], ...]
    chat_template: str | None
    context: int
    slots: int
    threads: int | None


@dataclass(slots=True)
class Server:
    """A running server. `users` are those who have to give it back."""

    load: Load
    native: Any
    threads: int
    pool: ThreadPoolExecutor
    users: int = 1
    stopping: threading.Event = field(default_factory=threading.Event)

    def ask(self, api: Api, body: bytes, cancelled: threading.Event) -> Future[bytes]:
        """The reply to a request for a stream, as the stream that a server would send.

        Its result raises `ValueError` where llama.cpp refuses the request, `RuntimeError` where it fails, and
        `Cancelled` where nobody wants the reply any more.
        """
        return self.pool.submit(self._ask, api, body, cancelled)

    def _ask(self, api: Api, body: bytes, cancelled: threading.Event) -> bytes:
        pieces: list[bytes] = []

        def more(piece: bytes) -> bool:
            pieces.append(piece)
            return cancelled.is_set() or self.stopping.is_set()

        if cancelled.is_set() or self.stopping.is_set():
            raise Cancelled
        handle = self.native.handle_completions if api == "completions" else self.native.handle_chat_completions
        handle(body, more)
        if cancelled.is_set() or self.stopping.is_set():
            raise Cancelled
        return b"".join(b"data: " + piece + b"\n\n" for piece in pieces) + b"data: [DONE]\n\n"


class Cancelled(Exception):
    """Nobody wants the reply any more, or the server ends."""


_running: dict[Load, Server] = {}
_lock = threading.Lock()


def started(load: Load) -> Server:
    """The server with these settings: one that runs, or a new one. To be given back with `ended`.

    Raises:
        ConfigError: xllamacpp is not installed, or llama.cpp cannot load the model.
    """
    with _lock:
        server = _running.get(load)
        if server is None:
            used = sum(one.threads for one in _running.values())
            server = _running[load] = _start(load, used)
        else:
            server.users += 1
        return server


def ended(server: Server) -> None:
    """Gives a server back. The last user ends it: what it is at work on ends unfinished, and its memory is freed."""
    with _lock:
        server.users -= 1
        if server.users:
            return
        del _running[server.load]
        server.stopping.set()
        server.pool.shutdown(cancel_futures=True)
        server.native = None  # its destructor waits for the threads


def _start(load: Load, used: int) -> Server:
    try:
        import xllamacpp
    except ImportError as error:
        raise ConfigError(
            f"the llama_cpp teacher needs {error.name}",
            hint='pip install "synthgen[llama]", or serve the file with llama-server and `use: openai` with its URL',
        ) from error
    threads = threads_for(load.threads, used)

    def native(verbosity: int) -> Any:
        params = xllamacpp.CommonParams()
        params.model.path = str(load.file)
        params.model_alias = {load.file.name}
        params.lora_adapters = [_adapter(xllamacpp, *adapter) for adapter in load.adapters]
        if load.chat_template is not None:
            params.chat_template = load.chat_template
        params.n_parallel, params.n_ctx = load.slots, load.slots * load.context
        params.n_batch = params.n_ubatch = BATCH
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        params.cache_ram_mib = 0  # it would keep prompts in up to 8 GiB
        params.verbosity = verbosity
        # it listens whether asked to or not: here alone, to nobody who does not know the key, and with nothing to show
        params.hostnames, params.port, params.n_threads_http = ["127.0.0.1"], 0, 1
        params.api_keys = [secrets.token_hex(32)]
        params.ui = params.endpoint_slots = params.endpoint_props = params.endpoint_metrics = False
        server = xllamacpp.Server(params)
        server.handle_completions(PROBE, lambda piece: False)
        return server

    return Server(load, _loaded(native, load), threads, ThreadPoolExecutor(load.slots + WAITING, "synthgen-llama"))


def _loaded(native: Callable[[int], Any], load: Load) -> Any:
    """The native server: silent, and once more with llama.cpp's own words where it cannot start."""
    for verbosity in (0, 1):
        try:
            return native(verbosity)
        except (RuntimeError, ValueError, MemoryError) as error:
            failure = error
    adapters = "".join(f" with {file.name}" for file, _ in load.adapters)
    raise ConfigError(
        f"llama.cpp cannot load {load.file.name}{adapters}: {failure}",
        hint="its own words are above; a model newer than the installed xllamacpp needs a newer one, one larger than "
        "the memory a smaller `context` or fewer `slots`",
    ) from failure


def _adapter(xllamacpp: Any, file: Path, scale: float) -> Any:
    adapter = xllamacpp.CommonAdapterLoraInfo()
    adapter.path, adapter.scale = str(file), scale
    return adapter


def cores() -> int:
    """The cores that this process may use: those it is bound to, and no more than its container's share."""
    try:
        bound = len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        bound = os.cpu_count() or 1
    try:
        quota, period = CGROUP.read_text(encoding="ascii").split()
        share = math.ceil(int(quota) / int(period))
    except (OSError, ValueError):  # none, or `max`
        share = bound
    return max(1, min(bound, share))


def threads_for(wanted: int | None, used: int) -> int:
    """How many threads a server gets, where others of this process have so many: what is set, or the free cores.

    llama.cpp's threads spin while they wait for each other, so more than cores bring a small part of the speed.
    """
    own = cores()
    if wanted is None:
        try:
            busy = round(os.getloadavg()[0])
        except (AttributeError, OSError):  # not on every system
            busy = 0
        threads = max(1, min(MOST_THREADS, own - max(busy, used)))
        if threads < min(MOST_THREADS, own):
            log.warning(
                "llama.cpp gets %d of %d cores, since others are busy there; `threads` of the teacher sets a number",
                threads,
                own,
            )
    else:
        threads = min(wanted, own)
        if threads < wanted:
            log.warning(
                "llama.cpp gets %d threads, not %d: more than cores would stand in each other's way", own, wanted
            )
    if used and used + threads > own:
        log.warning("two models at once have %d threads on %d cores: give each `threads`", used + threads, own)
    return threads
