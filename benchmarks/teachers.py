"""How fast the openai teacher is, and what it makes of a server's faults.

Throughput: 2,000 prompts at a server that answers after 200 ms, 100 and 500 at once: a bare aiohttp loop, a plain
AsyncOpenAI loop, our teacher alone, and a whole run (prompts, journal, parsing, filters, run folder). Seconds are from
the first request to the last reply as the server sees them; CPU is the client's. Medians of several rounds, in which
the clients take turns, so that all of them meet the same disturbances.

Faults: the same prompts, 100 at once, against plans of faults; `good` counts whole answers to the right prompt, and
what the others ended with stands behind them: each prompt is in one of the two. `of allowed` is the shortest time in
which a server's limit lets them all through, as a share of the time taken.

    python benchmarks/teachers.py [--quick] [--json] [--only throughput|faults|tail|memory]

The server is tests/servers/openai_server.py in a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from synthgen.api import run_recipe
from synthgen.api.event_loop import run_async
from synthgen.config import load
from synthgen.forms.reply_problems import is_final
from synthgen.requests.request import Completion, Request, Sampling
from synthgen.teachers.openai import OpenAI

ROOT = Path(__file__).parents[1]
SERVER = ROOT / "tests" / "servers" / "openai_server.py"
MODEL = "test-model"
SAMPLING = Sampling(max_tokens=200, temperature=0.7)
RECIPE = """
name: bench
teacher: {{use: openai, base_url: "{url}", model: test-model, timeout_s: {timeout_s}, sampling: {{max_tokens: 200}}}}
source: {{use: dataset, path: prompts.jsonl, chunk: 4}}
stages: [{{use: respond}}, {{use: control_characters}}, {{use: empty, output_required: true}},
         {{use: length, min_words: 3}}, {{use: punctuation}}, {{use: near_duplicate}}]
concurrency: {concurrency}
"""


SYLLABLES = ("ka", "lo", "mi", "ren", "tu", "sa", "vel", "do", "pri", "an", "es", "gor", "hu", "bet", "fi", "nox")


def prompt(number: int) -> str:
    """Twelve made-up words, so that no prompt is near another."""
    rng = random.Random(number)
    words = ("".join(rng.choices(SYLLABLES, k=rng.randint(2, 4))) for _ in range(12))
    return f"Question {number}: what have {' '.join(words)} in common?"


def is_good(number: int, completion: Completion) -> bool:
    return completion.finish_reason == "stop" and f"'Question {number}: " in completion.text


class Server:
    """The test server in a process of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._root = url.removesuffix("/v1")

    def stats(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self._root}/_stats") as reply:
            return dict(json.load(reply))

    def change(self, **options: Any) -> None:
        data = json.dumps(options).encode()
        urllib.request.urlopen(urllib.request.Request(f"{self._root}/_plan", data, method="POST")).close()


@contextmanager
def server(faults: tuple[str, ...] = (), lasting: tuple[str, ...] = (), **options: Any) -> Iterator[Server]:
    command = [sys.executable, str(SERVER), "--port", "0", "--set", *(f"{k}={v}" for k, v in options.items())]
    for fault in faults:
        command += ["--fault", fault]
    for fault in lasting:
        command += ["--lasting", fault]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Server(process.stdout.readline().strip())
        finally:
            process.terminate()


Ask = Callable[[int], Awaitable[Any]]


async def at_once(ask: Ask, count: int, concurrency: int) -> list[Any]:
    """The replies to prompts 0 to count - 1, by so many workers."""
    replies: list[Any] = [None] * count
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            replies[number] = await ask(number)

    await asyncio.gather(*(work() for _ in range(concurrency)))
    return replies


async def bare(url: str, count: int, concurrency: int) -> None:
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask(number: int) -> Any:
            body = {"model": MODEL, "messages": [{"role": "user", "content": prompt(number)}], **SAMPLING.body}
            async with session.post(f"{url}/chat/completions", json=body) as reply:
                return await reply.json()

        await at_once(ask, count, concurrency)


async def plain(url: str, count: int, concurrency: int) -> None:
    import openai

    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:

        async def ask(number: int) -> Any:
            return await client.chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": prompt(number)}], **SAMPLING.body
            )

        await at_once(ask, count, concurrency)


def request(number: int) -> Request:
    return Request(MODEL, ({"role": "user", "content": prompt(number)},), SAMPLING)


async def ours(url: str, count: int, concurrency: int) -> None:
    teacher = OpenAI(base_url=url, model=MODEL)
    await teacher.open()
    await at_once(lambda number: teacher.complete(request(number)), count, concurrency)
    await teacher.close()


def write_recipe(folder: Path, url: str, count: int, concurrency: int, timeout_s: float = 600) -> Path:
    rows = (json.dumps({"instruction": prompt(number)}) for number in range(count))
    (folder / "prompts.jsonl").write_text("\n".join(rows))
    path = folder / "bench.yaml"
    path.write_text(RECIPE.format(url=url, concurrency=concurrency, timeout_s=timeout_s))
    return path


async def whole(url: str, count: int, concurrency: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recipe = load(write_recipe(folder, url, count, concurrency))
        await run_recipe(recipe, out=folder / "run")


CLIENTS = {"bare aiohttp": bare, "plain AsyncOpenAI": plain, "openai teacher": ours, "whole run": whole}


def throughput(count: int, concurrency: int, rounds: int) -> dict[str, Any]:
    """Requests a second and CPU of every client, and both as ratios to the bare and the plain loop."""
    rates: dict[str, list[float]] = {name: [] for name in CLIENTS}
    cpus: dict[str, list[float]] = {name: [] for name in CLIENTS}
    for client in CLIENTS.values():  # imports and first connections are not measured
        with server() as there:
            asyncio.run(client(there.url, 20, 10))
    for _ in range(rounds):
        for name, client in CLIENTS.items():
            with server(latency_s=0.2) as there:
                cpu = time.process_time()
                run = run_async if client is whole else asyncio.run  # as the command does
                run(client(there.url, count, concurrency))
                cpus[name].append(1000 * (time.process_time() - cpu) / count)
                rates[name].append(count / there.stats()["span_s"])
    rate = {name: statistics.median(values) for name, values in rates.items()}
    cpu_ms = {name: statistics.median(values) for name, values in cpus.items()}
    return {
        name: {
            "requests_per_s": rate[name],
            "of_bare": rate[name] / rate["bare aiohttp"],
            "cpu_ms": cpu_ms[name],
            "cpu_of_plain": cpu_ms[name] / cpu_ms["plain AsyncOpenAI"],
        }
        for name in CLIENTS
    }


async def through_faults(url: str, count: int, **settings: Any) -> tuple[int, Counter[str], float]:
    """Good replies, what the others ended with, and seconds."""
    teacher = OpenAI(base_url=url, model=MODEL, **settings)
    await teacher.open()
    start = time.perf_counter()

    async def ask(number: int) -> tuple[int, Completion]:
        completion = await teacher.complete(request(number))
        for retry in (1, 2):  # as the engine does with content that cannot be used
            if (completion.text and completion.finish_reason == "stop") or is_final(completion.choices[0]):
                break
            completion = await teacher.complete(Request(MODEL, request(number).messages, SAMPLING, retry=retry))
        return number, completion

    replies = await at_once(ask, count, 100)
    seconds = time.perf_counter() - start
    await teacher.close()
    others = Counter(str(completion.finish_reason) for number, completion in replies if not is_good(number, completion))
    return count - others.total(), others, seconds


def tokens_each() -> int:
    """What the test server counts for one prompt of ours: a fourth of the body's bytes, and the words of its reply."""
    from synthgen.teachers.openai.bodies import Dialect, encode

    return len(encode(request(1000), Dialect())) // 4 + 40


def faults(count: int, outage_s: float, minute_s: float, timeout_s: float) -> dict[str, Any]:
    """One row for each plan of faults."""
    rows: dict[str, Any] = {}

    def row(
        name: str,
        plan: tuple[str, ...] = (),
        settings: dict[str, Any] | None = None,
        allowed_s: float | None = None,
        lasting: tuple[str, ...] = (),
        **options: Any,
    ) -> None:
        with server(plan, lasting, **{"latency_s": 0.2, **options}) as there:
            good, others, seconds = asyncio.run(through_faults(there.url, count, **(settings or {})))
            stats = there.stats()
        rows[name] = {
            "good": good,
            "others": dict(others),
            "seconds": seconds,
            "requests": stats["requests"],
            "refused": stats["outcomes"].get("limit", 0) + stats["outcomes"].get("429", 0),
            "paid_twice": stats["paid_twice"],
            "mean_in_flight": stats["busy_s"] / stats["span_s"],
            "of_allowed": allowed_s and allowed_s / seconds,
        }
        show(name, rows[name])

    row("undisturbed")
    row("5% 429, 2% 500, 1% reset", ("429=0.05", "500=0.02", "reset=0.01"), retry_after_s=1.0)
    row(f"1% hang, time-out {timeout_s:g} s", ("hang=0.01",), {"timeout_s": timeout_s})
    row("1% each malformed, cut, empty, null", ("malformed=0.01", "cut=0.01", "empty=0.01", "null=0.01"))
    row("1% refused for good (400)", lasting=("400=0.01",))
    row("1% fail for good (500)", lasting=("500=0.01",))
    row("1% malformed for good", lasting=("malformed=0.01",))
    row("5% 429, told in the body alone", ("429=0.05",), hint="body")
    row("5% 429, told in words alone", ("429=0.05",), hint="words")
    row("streams alone, 1% cut", ("cut=0.01",), streams="only")
    row(f"server down for {outage_s:g} s", outage_at=count // 2, outage_s=outage_s)
    row("50 at once, 100 sent", slots=50, retry_after_s=0.1, allowed_s=count * 0.2 / 50)
    each = count // 2
    allowed_s = minute_s + each * 0.2 / 100  # the first half at once, the second when the minute is over
    row(f"{each} requests in {minute_s:g} s", rpm=each, minute_s=minute_s, allowed_s=allowed_s)
    row(f"{each} requests in {minute_s:g} s, told", rpm=each, minute_s=minute_s, tell_limits=True, allowed_s=allowed_s)
    size = tokens_each()
    tokens, third = 40 * count, 40 * count // size
    allowed_s = (count - 1) // third * minute_s + (count - (count - 1) // third * third) * 0.2 / 100
    row(f"{tokens} tokens in {minute_s:g} s", tpm=tokens, minute_s=minute_s, allowed_s=allowed_s)
    for name, number in (("kill -9", signal.SIGKILL), ("Ctrl-C", signal.SIGINT)):
        name = f"{name} at half, run again"
        rows[name] = stopped(count, number)
        show(name, rows[name])
    return rows


def stopped(count: int, number: signal.Signals) -> dict[str, Any]:
    """A whole run that is stopped when the server has answered half, and run again."""
    with tempfile.TemporaryDirectory() as name, server(latency_s=0.2) as there:
        folder = Path(name)
        config = write_recipe(folder, there.url, count, 100)
        command = [sys.executable, "-m", "synthgen", "run", str(config), "--out", str(folder / "run")]
        start = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            while there.stats()["paid"] < count // 2:
                time.sleep(0.01)
            process.send_signal(number)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        stats = there.stats()
        report = json.loads((folder / "run" / "report.json").read_text())
        return {
            "good": report["requests"]["bought"],
            "others": {},
            "seconds": time.perf_counter() - start,
            "requests": stats["requests"],
            "refused": 0,
            "paid_twice": stats["paid_twice"],
            "mean_in_flight": stats["busy_s"] / stats["span_s"],
            "of_allowed": None,
        }


def heavy_tail(count: int, concurrency: int = 100) -> dict[str, float]:
    """The share of slots that are busy until the last request is sent, at log-normal latency (sigma 1)."""
    shares: dict[str, float] = {}
    for name, client in (("openai teacher", ours), ("whole run", whole)):
        with server(latency_s=0.2, sigma=1.0) as there:
            run_async(client(there.url, count, concurrency))
            shares[name] = there.stats()["full"] / concurrency
    return shares


def memory(count: int) -> dict[str, float]:
    """Peak memory after a tenth of so many requests, and after all of them."""
    figures: dict[str, float] = {}

    async def body(url: str) -> None:
        teacher = OpenAI(base_url=url, model=MODEL)
        await teacher.open()
        done = 0

        async def ask(number: int) -> None:
            nonlocal done
            await teacher.complete(request(number))
            done += 1
            if done in (count // 10, count):
                figures[f"peak_mb_{done}"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

        numbers = iter(range(count))

        async def work() -> None:
            for number in numbers:
                await ask(number)

        await asyncio.gather(*(work() for _ in range(200)))
        await teacher.close()

    with server() as there:
        start = time.perf_counter()
        asyncio.run(body(there.url))
        figures["seconds"] = time.perf_counter() - start
    return figures


def show(name: str, row: dict[str, Any]) -> None:
    print(
        f"  {name:36s} {row['good']:6d} {row['seconds']:8.1f} {row['requests']:9d} {row['refused']:8d}"
        f" {row['paid_twice']:11d} {row['mean_in_flight']:10.1f}"
        + (f" {row['of_allowed']:10.0%}" if row["of_allowed"] else "")
        + "".join(f"  {count} {reason}" for reason, count in row["others"].items()),
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="end within a minute")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--only", choices=("throughput", "faults", "tail", "memory"))
    options = parser.parse_args()
    logging.disable(logging.WARNING)  # the teacher tells what goes wrong; here it is the plan
    out: dict[str, Any] = {}
    count, rounds = (300, 1) if options.quick else (2000, 3)
    if options.only in (None, "memory"):  # first, since a peak counts all that went before
        requests = 3_000 if options.quick else 100_000
        out["memory"] = memory(requests)
        print(f"memory over {requests} requests: " + ", ".join(f"{k} {v:.0f}" for k, v in out["memory"].items()))
    if options.only in (None, "throughput"):
        for concurrency in (100, 500):
            print(f"{count} prompts, 200 ms, {concurrency} at once, median of {rounds}")
            print(f"  {'':20s} {'req/s':>8s} {'of bare':>8s} {'CPU ms':>8s} {'of plain':>8s}")
            rows = out[f"throughput {concurrency}"] = throughput(count, concurrency, rounds)
            for name, row in rows.items():
                print(
                    f"  {name:20s} {row['requests_per_s']:8.0f} {row['of_bare']:8.0%} {row['cpu_ms']:8.2f}"
                    f" {row['cpu_of_plain']:8.0%}",
                    flush=True,
                )
    if options.only in (None, "faults"):
        print(f"faults, {count} prompts, 200 ms, 100 at once")
        heads = ("good", "seconds", "requests", "refused", "paid twice", "in flight", "of allowed")
        widths = (6, 8, 9, 8, 11, 10, 10)
        print(f"  {'':36s} " + " ".join(f"{head:>{width}s}" for head, width in zip(heads, widths, strict=True)))
        out["faults"] = faults(count, *((1.0, 1.5, 1.5) if options.quick else (20.0, 60.0, 5.0)))
    if options.only in (None, "tail"):
        out["heavy tail"] = heavy_tail(400 if options.quick else 5000)
        print("log-normal latency (sigma 1), 100 slots, busy until the last request is sent: ", end="")
        print(", ".join(f"{name} {share:.1%}" for name, share in out["heavy tail"].items()))
    if options.json:
        print(json.dumps(out))


if __name__ == "__main__":
    main()
