"""The arms of the proof, each the recipe `loop_quickstart` with some keys replaced, and one arm run in this process."""

from __future__ import annotations

import shutil
from pathlib import Path

from synthgen.loop import load, run_loop
from synthgen.task_sets.drills import FAMILIES

RECIPE = "loop_quickstart"
WATCH = ["gate.worse=1", "gate.stops=1", "alarms.action=warn", "stop.least_yield=0"]
"""Gates and alarms look on and stop nothing, so that the curves go to the end."""

START = "start"
"""The round 0 that all arms of a seed share."""

COUNT = 512
LED = 8 * COUNT // len(FAMILIES)
ATTEMPTS = f"generate.stop={{attempts: {len(FAMILIES)}}}"
SAMPLING = "sampling: {temperature: 1.0, max_tokens: 40}"
WRITE = f"{{use: pre_query, count: {COUNT}, {SAMPLING}}}"
PROVE = "{use: synthgen.task_sets.drills:Prove}"
LABEL = "{use: synthgen.task_sets.drills:Prove, verify: false}"
TRUTH = "{use: synthgen.task_sets.drills:Prove, truth: true}"
IMPERFECT = "{use: synthgen.task_sets.drills:Prove, accept_right: 0.9, accept_wrong: 0.2}"
NEAR = "{use: near_duplicate, threshold: 1.0}"
VOTE = "{use: majority, votes: 4, least: 4, own: true, sampling: {temperature: 0.7, max_tokens: 24}}"
SOLVE = "{use: solve, samples: 4, tries: 1, sampling: {temperature: 1.0, max_tokens: 24}}"
BUSY = "generate.concurrency=256"
"""So many single requests at a time fill the student's batches."""

REPLACE = ["mix.keep=replace", "mix.seed_share=0"]


def _led() -> str:
    """As many texts of each family, one attempt a family; 8 fewer than the other arms write."""
    openings = ", ".join(f'"{family} "' for family in FAMILIES)
    return f"{{use: pre_query, count: {LED}, {SAMPLING}, openings: [{openings}]}}"


def stages(*parts: str) -> str:
    """The pipeline's stages as an override."""
    return f"generate.stages=[{', '.join(parts)}]"


ARMS: dict[str, tuple[str, list[str]]] = {
    "control": ("seed data only, as many steps", ["generate=null"]),
    "verify": ("verify + near-duplicate + accumulate", []),
    "none": ("no verifier, accumulate", [stages(WRITE, LABEL)]),
    "none_replace": ("no verifier, replace", [stages(WRITE, LABEL), *REPLACE]),
    "verify_replace": ("verified, but replace", [stages(WRITE, PROVE), *REPLACE]),
    "no_dedup": ("verify, no near-duplicate filter", [stages(WRITE, PROVE)]),
    "cap": (
        "verify, equal cap per family",
        ["generate.selectors=[{use: balance, by: task_type, cap: 80}]"],
    ),
    "imperfect": ("verifier accepts 90% of right, 20% of wrong", [stages(WRITE, IMPERFECT, NEAR)]),
    "consistent": ("4 of 5 answers agree, no verifier", [stages(WRITE, VOTE, LABEL, NEAR), BUSY]),
    "led_solve": (
        "verify, families led, 4 answers each",
        [stages(_led(), TRUTH, NEAR, SOLVE), ATTEMPTS, BUSY],
    ),
    "oracle": (
        "oracle: true tasks, true answers",
        [
            f"generate.source={{use: synthgen.task_sets.drills:Drills, chunk: {COUNT}, path: known}}",
            stages(NEAR),
            "generate.teacher=null",
        ],
    ),
}
QUICK = ("control", "verify", "none", "none_replace", "verify_replace")


def run_arm(arm: str, seed: int, rounds: int, out: Path, more: list[str]) -> None:
    """Runs one arm in this process, or goes on with it. Round 0 is taken from the seed's shared one."""
    import torch

    torch.set_num_threads(1)
    folder = out / f"{arm}-{seed}"
    if arm == START:
        rounds, settings = 0, ["generate=null"]
    else:
        settings = ARMS[arm][1]
        if not (folder / "rounds/0").is_dir():
            shutil.rmtree(folder / "rounds/.0", ignore_errors=True)
            (folder / "rounds").mkdir(parents=True, exist_ok=True)
            shutil.copytree(out / f"{START}-{seed}" / "rounds/0", folder / "rounds/.0")
            (folder / "rounds/.0").rename(folder / "rounds/0")
    recipe = load(RECIPE, [*WATCH, f"seed={seed}", f"stop.rounds={rounds}", f"name={arm}-{seed}", *settings, *more])
    run_loop(recipe, folder, say=lambda line: None)
