"""What the loop is worth: students from scratch that write their own tasks and answers, arm by arm.

Each arm is the shipped `loop_quickstart` recipe with some keys replaced, run by `synthgen loop`'s own code in a process
of one thread. All arms of a seed share round 0, and every round trains as many steps; gates and alarms look on and stop
nothing, so that the curves go to the end. Differences are paired by prompt with the seed-only arm of the same seed and
round; intervals resample seeds and then prompts. Exit code 1 if an order that has to hold does not.

    python benchmarks/loop.py [--quick] [--json [FILE]] [--pictures FOLDER] [--seeds N] [--first-seed N] [--rounds N]
                              [--arms A,B] [--out FOLDER] [--processes N] [--set KEY=VALUE]

A stopped benchmark goes on with the same --out.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from proof.arms import ARMS, QUICK, START, run_arm
from proof.expectations import expectations
from proof.figures import bits, figures, runs_of, shares
from proof.pictures import draw


def spawn(arm: str, seed: int, options: argparse.Namespace) -> None:
    """Runs an arm in a process of its own; its CPU seconds are added to those of earlier calls."""
    command = [sys.executable, __file__, "--arm", arm, "--one-seed", str(seed), "--rounds", str(options.rounds)]
    command += ["--out", str(options.out), *(f"--set={s}" for s in options.set)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    started = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"arm {arm}, seed {seed} failed:\n{errors.decode(errors='replace')[-3000:]}")
    cpu, wall = usage.ru_utime + usage.ru_stime, time.monotonic() - started
    with (options.out / "cpu.jsonl").open("a") as file:
        file.write(json.dumps({"arm": arm, "seed": seed, "cpu_s": round(cpu, 1), "wall_s": round(wall, 1)}) + "\n")
    print(f"{arm:15} seed {seed}  {cpu:6.0f} CPU s  {wall:6.0f} s", file=sys.stderr, flush=True)


def spent(out: Path, key: str, arm: str | None = None) -> float:
    """Seconds of all calls so far, of one arm or of all."""
    rows = [json.loads(line) for line in (out / "cpu.jsonl").read_text().splitlines()]
    return float(round(sum(row[key] for row in rows if arm in (None, row["arm"]))))


def table(result: dict[str, Any]) -> list[str]:
    """The arms and what was expected of them, for people."""
    lines = [f"{'arm':48} {'accuracy by round, mean':26} {'to control [95 %], points':26} share  alarm      gate"]
    for arm in result["arms"].values():
        curve = " ".join(f"{average:.3f}"[1:] for average, _, _ in arm["mean"])
        shown = arm["differences"][-1] if "differences" in arm else None
        change = f"{100 * shown[0]:+.1f} [{100 * shown[1]:+.1f}, {100 * shown[2]:+.1f}]" if shown else ""
        share = f"{arm['share_of_oracle']:.0%}" if "share_of_oracle" in arm else ""
        alarm, gate = (",".join("-" if r is None else str(r) for r in arm[f"first_{k}"]) for k in ("alarm", "refusal"))
        lines.append(f"{arm['description']:48} {curve:26} {change:26} {share:6} {alarm:10} {gate}")
    for found in result["expectations"]:
        held = "held" if found["held"] else "FAILED"
        lines.append(f"{held:6}  {found['expectation']}{' (gate)' if found['gate'] else ''}")
    return lines


def prove(options: argparse.Namespace) -> dict[str, Any]:
    """Runs what is not done yet, seed by seed, and returns all figures."""
    names = options.arms.split(",") if options.arms else list(QUICK if options.quick else ARMS)
    names = ["control", *(n for n in names if n != "control")]
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    options.out.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with ThreadPoolExecutor(options.processes) as pool:
        list(pool.map(lambda seed: spawn(START, seed, options), seeds))
        list(pool.map(lambda job: spawn(job[0], job[1], options), [(arm, seed) for seed in seeds for arm in names]))
    wall = time.monotonic() - started
    arms = {arm: figures(arm, seeds, options.rounds, options.out) for arm in names}
    for arm, found in arms.items():
        found["cpu_s"] = spent(options.out, "cpu_s", arm)
    shares(arms)
    return {
        "benchmark": "loop",
        "seeds": list(seeds),
        "rounds": options.rounds,
        "prompts": len(bits(runs_of("control", seeds, options.out)[0][0])),
        "settings": options.set,
        "processes": options.processes,
        "wall_s": round(wall),
        "cpu_s": spent(options.out, "cpu_s"),
        "arms": arms,
        "expectations": expectations(arms),
    }


def arguments() -> argparse.Namespace:
    """The command line, with what follows from --quick."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="5 arms, 2 seeds, 3 rounds")
    parser.add_argument("--json", nargs="?", const="-", help="one JSON object, in this file or as the last line")
    parser.add_argument("--pictures", type=Path, help="draw the pictures into this folder")
    parser.add_argument("--seeds", type=int, help="how many")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--arms", help="names, comma-separated: " + ", ".join(ARMS))
    parser.add_argument("--out", type=Path, help="keep the loops here, and go on with those that are there")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--set", action="append", default=[], help="a key of the recipe for all arms, KEY=VALUE")
    parser.add_argument("--arm", help=argparse.SUPPRESS)
    parser.add_argument("--one-seed", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.seeds = options.seeds or (2 if options.quick else 5)
    options.rounds = options.rounds if options.rounds is not None else 3 if options.quick else 4
    return options


def main() -> None:
    """Runs the benchmark, or one arm of it."""
    options = arguments()
    if options.arm:
        run_arm(options.arm, options.one_seed, options.rounds, options.out, options.set)
        return
    with contextlib.ExitStack() as stack:
        if options.out is None:
            options.out = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        result = prove(options)
    if options.pictures:
        draw(result, options.pictures)
    print("\n".join(table(result)))
    if options.json:
        text = json.dumps(result)
        print(text) if options.json == "-" else Path(options.json).write_text(text + "\n")
    failed = [found["expectation"] for found in result["expectations"] if found["gate"] and not found["held"]]
    if failed:
        raise SystemExit(f"{len(failed)} of the orders that have to hold do not: {'; '.join(failed)}")


if __name__ == "__main__":
    main()
