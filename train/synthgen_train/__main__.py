"""`python -m synthgen_train train …` and `python -m synthgen_train monitor …`."""

from __future__ import annotations

import argparse
import contextlib
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from synthgen.errors import ConfigError, SynthgenError
from synthgen_train.config import TrainConfig, parse, section
from synthgen_train.methods import IA3, Adapter, BitFit, Full, Lora, Prefix, Prompt


def main(arguments: Sequence[str] | None = None, *, program: str = "python -m synthgen_train") -> int:
    """Runs a command and returns its exit code: 0, 1, 2 for a wrong config or failed check, 3 for a failed gate."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser(program).parse_args(given)
    options.command = given
    try:
        return int(options.run(options))
    except SynthgenError as error:
        print(error, file=sys.stderr)
        return error.exit_code


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=program, description="Trains students and watches over them.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    train = commands.add_parser(
        "train",
        help="train a student from a recipe or from --data and --model",
        usage=f"{program} train [RECIPE] [OPTIONS]",
        description="Train a student on a dataset.\n\n"
        "RECIPE.yaml with a train: section, or --data outputs/RUN --model PATH. Every\n"
        "setting can stand in the section, or in --set KEY=VALUE. Needs the extra:\nsynthgen[train].",
        epilog=settings_help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    train.add_argument("recipe", metavar="RECIPE", nargs="?", type=Path, help="YAML file with a train: section")
    train.add_argument("--data", action="append", help="run folder, dataset folder or file; may be repeated")
    train.add_argument("--model", help="path or hub id; `scratch` makes a small one without a download")
    train.add_argument("--method", help="full, lora, adapter, prefix, prompt, bitfit or ia3")
    train.add_argument("--objective", choices=["sft", "dpo", "kto"], metavar="NAME", help="sft, dpo or kto")
    train.add_argument("--out", help="folder of the student")
    train.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="such as max_steps=100")
    train.add_argument("--force", action="store_true", help="train although a check fails")
    train.add_argument("--dry-run", action="store_true", help="print the plan and end")
    train.set_defaults(run=_train)
    monitor = commands.add_parser(
        "monitor",
        help="compare a student with the model before",
        usage=f"{program} monitor MODEL [OPTIONS]",
        description="Compare a student with the model before.\n\n"
        "Paired, with intervals and gates. Needs the extra: synthgen[train].",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    monitor.add_argument("model", metavar="MODEL", help="path or hub id, or the folder of an adapter")
    monitor.add_argument("--baseline", help="the model before training")
    monitor.add_argument("--out", type=Path, help="folder for monitor.json and the replies")
    monitor.add_argument("--data", type=Path, help="records for held-out exact match")
    monitor.add_argument("--trained-on", type=Path, help="records trained on, for verbatim repetition of them")
    monitor.add_argument("--canaries", type=int, default=0, help="as many as the training planted")
    monitor.add_argument("--seed", type=int, default=0, help="the training's seed")
    monitor.add_argument("--max-tokens", type=int, default=128)
    monitor.add_argument("--limit", type=int, help="at most so many probes of each kind")
    monitor.set_defaults(run=_monitor)
    export = commands.add_parser("export-lm-eval", help="write the probes as tasks of lm-evaluation-harness")
    export.add_argument("out", type=Path)
    export.set_defaults(run=_export)
    return parser


def settings_help() -> str:
    """All settings, one a line: key, default, and what it is for."""
    lines = ["settings:"]

    def put(model: type[BaseModel], before: str) -> None:
        for name, field in model.model_fields.items():
            inner = field.annotation
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                put(inner, f"{before}{name}.")
                continue
            default = "" if field.is_required() or field.default is None else f" [{field.default}]"
            lines.append(f"  {before}{name}{default}: {field.description or ''}".rstrip(": "))

    put(TrainConfig, "")
    lines.append("methods, as method.use with method.KEY beside it:")
    for method in (Full, Lora, Adapter, Prefix, Prompt, BitFit, IA3):
        keys = [f"{n} [{f.default}]" for n, f in method.model_fields.items() if n != "use"]
        lines.append(f"  {method.model_fields['use'].default}: {', '.join(keys) or 'no keys'}")
    return "\n".join(textwrap.fill(line, 80, subsequent_indent=" " * 6) for line in lines)


def settings_of(options: argparse.Namespace) -> TrainConfig:
    """The recipe with the options in its place.

    Raises:
        ConfigError: see `section` and `parse`.
    """
    settings = section(options.recipe) if options.recipe else {}
    settings |= {k: getattr(options, k) for k in ("objective", "out", "data") if getattr(options, k)}
    if options.model:
        settings["model"] = {"from_scratch": {}} if options.model == "scratch" else options.model
    if options.method:
        settings["method"] = {"use": options.method}
    for pair in options.set:
        _put(settings, pair)
    return parse(settings, file=options.recipe)


def _put(settings: dict[str, Any], pair: str) -> None:
    import yaml

    key, sign, text = pair.partition("=")
    if not sign:
        raise ConfigError(f"--set {pair}: a key and a value are wanted, such as --set max_steps=100")
    *path, last = key.split(".")
    for name in path:
        settings = settings.setdefault(name, {})
    value = yaml.safe_load(text)
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = float(value)  # PyYAML takes 2e-5 for a text
    settings[last] = value


def _train(options: argparse.Namespace) -> int:
    from synthgen_train.train import plan, train

    (plan if options.dry_run else train)(settings_of(options), force=options.force, command=options.command)
    return 0


def _monitor(options: argparse.Namespace) -> int:
    from synthgen_train.monitors import monitor

    report = monitor(
        options.model,
        options.baseline,
        out=options.out,
        data=options.data,
        trained_on=options.trained_on,
        canaries=options.canaries,
        seed=options.seed,
        max_tokens=options.max_tokens,
        limit=options.limit,
    )
    for line in report.lines():
        print(line)
    return 0 if report.passed else 3


def _export(options: argparse.Namespace) -> int:
    from synthgen_train.monitors.probes import export

    for path in export(options.out):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
