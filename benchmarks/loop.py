"""What the loop is worth: students from scratch that write their own tasks and answers, arm by arm.

Each arm is the shipped `loop_quickstart` recipe with some keys replaced, run by `synthgen loop`'s own code in a process
of one thread. All arms of a seed share round 0, and every round trains as many steps; gates and alarms look on and stop
nothing, so that the curves go to the end. Differences are paired by prompt with the seed-only arm of the same seed and
round; intervals resample seeds and then prompts.

    python benchmarks/loop.py [--quick] [--json] [--seeds N] [--rounds N] [--arms A,B] [--out FOLDER] [--processes N]

A stopped benchmark goes on with the same --out.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from synthgen.loop import load, run_loop
from synthgen.loop.drills import FAMILIES
from synthgen.loop.evaluation import numbers
from synthgen.loop.gate import refusals
from synthgen.loop.intervals import hierarchical
from synthgen.loop.models import Gate

RECIPE = "loop_quickstart"
WATCH = ["gate.worse=1", "gate.stops=1", "alarms.action=warn", "stop.least_yield=0"]
COUNT = 64
WRITE = "{use: pre_query, count: 64, sampling: {temperature: 1.0, max_tokens: 48}}"
PROVE = "{use: synthgen.loop.drills:Prove}"
LABEL = "{use: synthgen.loop.drills:Prove, verify: false}"
IMPERFECT = "{use: synthgen.loop.drills:Prove, accept_right: 0.9, accept_wrong: 0.2}"
NEAR = "{use: near_duplicate, threshold: 1.0}"
STEER = "{{use: pre_query, count: 64, sampling: {{temperature: 1.0, max_tokens: 48}}, openings: [{}]}}".format(
    ", ".join(f'"{family} "' for family in FAMILIES)
)
VOTE = "{use: majority, votes: 4, least: 4, own: true, sampling: {temperature: 0.7, max_tokens: 32}}"
REPLACE = ["mix.keep=replace", "mix.seed_share=0"]


def stages(*parts: str) -> str:
    return f"generate.stages=[{', '.join(parts)}]"


ARMS: dict[str, tuple[str, list[str]]] = {
    "control": ("seed data only, as many steps", ["generate=null"]),
    "verify": ("verify + near-duplicate + accumulate", []),
    "none": ("no verifier, accumulate", [stages(WRITE, LABEL)]),
    "none_replace": ("no verifier, replace", [stages(WRITE, LABEL), *REPLACE]),
    "verify_replace": ("verified, but replace", [stages(WRITE, PROVE), *REPLACE]),
    "no_dedup": ("verify, no near-duplicate filter", [stages(WRITE, PROVE)]),
    "cap": (
        "verify + near-duplicate + equal cap per family",
        ["generate.selectors=[{use: balance, by: task_type, cap: 80}]"],
    ),
    "imperfect": ("verifier that accepts 90% of right, 20% of wrong", [stages(WRITE, IMPERFECT, NEAR)]),
    "consistent": ("4 of 5 answers agree, no verifier", [stages(WRITE, VOTE, LABEL, NEAR)]),
    "steered": ("verify + near-duplicate, families led in turn", [stages(STEER, PROVE, NEAR)]),
    "base": ("verify + near-duplicate, each round from new weights", ["init=base"]),
    "oracle": (
        "true tasks and answers, as many as are written",
        [
            f"generate.source={{use: synthgen.loop.drills:Drills, chunk: {COUNT}, path: known}}",
            stages(NEAR),
            "generate.teacher=null",
        ],
    ),
}
QUICK = ("control", "verify", "none", "none_replace", "verify_replace")


def run_arm(arm: str, seed: int, rounds: int, out: Path, more: list[str]) -> None:
    """Runs one arm in this process. Round 0 is taken from the seed's shared one."""
    import torch

    torch.set_num_threads(1)
    shared = out / f"start-{seed}"
    folder = out / f"{arm}-{seed}"
    if arm == "start":
        rounds, settings = 0, ["generate=null"]
    else:
        settings = ARMS[arm][1]
        if not (folder / "rounds/0").is_dir():
            (folder / "rounds").mkdir(parents=True, exist_ok=True)
            shutil.copytree(shared / "rounds/0", folder / "rounds/.0")
            (folder / "rounds/.0").rename(folder / "rounds/0")
    recipe = load(RECIPE, [*WATCH, f"seed={seed}", f"stop.rounds={rounds}", f"name={arm}-{seed}", *settings, *more])
    run_loop(recipe, folder, say=lambda line: None)


def spawn(arm: str, seed: int, options: argparse.Namespace) -> float:
    """Runs an arm in a process of its own and returns its CPU seconds; those of a loop that was done are few."""
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
    cpu = usage.ru_utime + usage.ru_stime
    print(f"{arm:15} seed {seed}  {cpu:6.0f} CPU s  {time.monotonic() - started:6.0f} s", file=sys.stderr, flush=True)
    return cpu


def read(arm: str, seed: int, out: Path) -> list[dict[str, Any]]:
    rounds: list[dict[str, Any]] = json.loads((out / f"{arm}-{seed}" / "loop.json").read_text())["rounds"]
    return rounds


def bits(found: dict[str, Any], split: str = "seen") -> list[float]:
    return numbers(found["scores"][split]["correct"])


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def look(arm: str, options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one arm over all seeds."""
    runs = [read(arm, seed, options.out) for seed in range(options.seeds)]
    controls = [read("control", seed, options.out) for seed in range(options.seeds)]
    last = options.rounds
    found: dict[str, Any] = {
        "description": ARMS[arm][0],
        "accuracy": [[round(mean(bits(r)), 4) for r in run] for run in runs],
        "other_splits": {
            split: [round(mean(bits(run[last], split)), 4) for run in runs]
            for split in runs[0][last]["scores"]
            if split != "seen"
        },
        "families": {
            family: round(mean([run[last]["scores"]["seen"]["task_types"][family] for run in runs]), 3)
            for family in runs[0][last]["scores"]["seen"]["task_types"]
        },
        "rows": [[r["training"]["rows"] for r in run] for run in runs],
        "first_alarm": [next((r["number"] for r in run if r["collapsed"]), None) for run in runs],
        "first_refusal": [_first_refusal(run) for run in runs],
        "alarms": [[r["alarms"] for r in run] for run in runs],
    }
    for key in ("yield", "entropy", "new"):
        found[key] = [[r["measures"].get(key) for r in run if r["measures"]] for run in runs]
    if arm != "control":
        pairs = [
            [a - b for a, b in zip(bits(run[last]), bits(control[last]), strict=True)]
            for run, control in zip(runs, controls, strict=True)
        ]
        between = hierarchical(pairs)
        found["difference"] = [round(v, 4) for v in (between.mean, between.low, between.high)]
        found["difference_by_seed"] = [round(mean(pair), 4) for pair in pairs]
    return found


def _first_refusal(run: list[dict[str, Any]]) -> int | None:
    """The first round that the default gate would have refused, held against the round before."""
    for before, now in itertools.pairwise(run):
        if refusals(now["scores"]["seen"], before["scores"]["seen"], Gate()):
            return int(now["number"])
    return None


def expectations(arms: dict[str, Any]) -> list[dict[str, Any]]:
    """What was expected before measuring, and whether it held in every seed (or in the interval)."""
    found: list[dict[str, Any]] = []

    def note(text: str, held: bool) -> None:
        found.append({"expectation": text, "held": held})

    def ends(arm: str) -> list[float]:
        return [run[-1] for run in arms[arm]["accuracy"]]

    if "verify" in arms:
        low, gain = arms["verify"]["difference"][1], arms["verify"]["difference"][0]
        note("verify beats the control: the interval excludes 0", low > 0)
        note("verify beats the control by at least 10 points", gain >= 0.10)
    if {"verify", "none"} <= arms.keys():
        ahead = [a - b for a, b in zip(ends("verify"), ends("none"), strict=True)]
        note("verify ends at least 8 points above no verifier, in every seed", min(ahead) > 0.08)
        note("no verifier, accumulate: no gain over the control", arms["none"]["difference"][1] <= 0)
    if "none_replace" in arms:
        falls = [run[-1] < run[0] for run in arms["none_replace"]["accuracy"]]
        note("no verifier, replace: ends below round 0, in every seed", all(falls))
    if "verify_replace" in arms:
        worst = all(
            min(ends(a)[s] for a in arms) == ends("verify_replace")[s] for s in range(len(ends("verify_replace")))
        )
        note("verified but replace: the worst of all arms, in every seed", worst)
        fired = [r is not None and r <= 2 for r in arms["verify_replace"]["first_alarm"]]
        note("verified but replace: the alarm fires by round 2, in every seed", all(fired))
    if "verify" in arms:
        note("verify: no alarm, in no seed", all(r is None for r in arms["verify"]["first_alarm"]))
    if {"oracle", "verify"} <= arms.keys():
        note("oracle is the ceiling", min(a - b for a, b in zip(ends("oracle"), ends("verify"), strict=True)) > 0)
    return found


def table(result: dict[str, Any]) -> list[str]:
    lines = [f"{'arm':52} {'accuracy by round, seed by seed':44} {'to control [95 %]':24} alarm  gate"]
    for arm in result["arms"].values():
        curves = " | ".join(" ".join(f"{v:.3f}"[1:] for v in run) for run in arm["accuracy"])
        shown = arm.get("difference")
        change = f"{100 * shown[0]:+.1f} [{100 * shown[1]:+.1f}, {100 * shown[2]:+.1f}]" if shown else ""
        alarm = ",".join("-" if r is None else str(r) for r in arm["first_alarm"])
        gate = ",".join("-" if r is None else str(r) for r in arm["first_refusal"])
        lines.append(f"{arm['description']:52} {curves:44} {change:24} {alarm:6} {gate}")
    lines += [f"{'held' if e['held'] else 'FAILED':6}  {e['expectation']}" for e in result["expectations"]]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="5 arms, 2 seeds, 3 rounds")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--seeds", type=int)
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
    if options.arm:
        run_arm(options.arm, options.one_seed, options.rounds, options.out, options.set)
        return
    with contextlib.ExitStack() as stack:
        if options.out is None:
            options.out = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        result = prove(options)
    print("\n".join(table(result)))
    if options.json:
        print(json.dumps(result))


def prove(options: argparse.Namespace) -> dict[str, Any]:
    names = options.arms.split(",") if options.arms else list(QUICK if options.quick else ARMS)
    names = ["control", *(n for n in names if n != "control")]
    started, seeds = time.monotonic(), range(options.seeds)
    with ThreadPoolExecutor(options.processes) as pool:
        cpu = sum(pool.map(lambda seed: spawn("start", seed, options), seeds))
        jobs = [(arm, seed) for seed in seeds for arm in names]
        cpu += sum(pool.map(lambda job: spawn(*job, options), jobs))
    arms = {arm: look(arm, options) for arm in names}
    return {
        "benchmark": "loop",
        "seeds": options.seeds,
        "rounds": options.rounds,
        "prompts": len(bits(read("control", 0, options.out)[0])),
        "settings": options.set,
        "wall_s": round(time.monotonic() - started),
        "cpu_s": round(cpu),
        "arms": arms,
        "expectations": expectations(arms),
    }


if __name__ == "__main__":
    main()
