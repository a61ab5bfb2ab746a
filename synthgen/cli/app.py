"""The commands with their options. What a command does is imported when it runs, so that `--help` is quick."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

app = typer.Typer(
    name="synthgen",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

ConfigFile = Annotated[
    str, typer.Argument(metavar="CONFIG", help="A YAML file, a folder with a config.yaml, or a shipped recipe's name.")
]
RunPath = Annotated[str, typer.Argument(metavar="RUN", help="A run's folder, or its name in outputs/.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a setting: stages.length.min_words=3. Repeatable."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout; all else goes to stderr.")]

DEFAULT_CONFIG = "config.yaml"


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"synthgen {version('synthgen')}")
        raise typer.Exit


@app.callback()
def top(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Turn a few seed tasks and a teacher model into a curated, traceable instruction dataset.

    Exit codes: 0 done, 1 failure, 2 usage or config, 3 stopped short of the target, 4 budget reached,
    130 interrupted with the state saved.
    """


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder to make.")] = Path("my_project"),
) -> None:
    """Make a project that runs at once.

    It holds a config, a custom filter, a place for keys, and the schema that editors complete the config by.
    """
    from synthgen.cli.init import make_project

    make_project(folder)


@app.command()
def check(config: ConfigFile = DEFAULT_CONFIG, settings: Settings = None, json: Json = False) -> None:
    """Load a config and show its plan; ask no teacher.

    The plan has the first prompt, how many requests and tokens the target will take, and what the window costs. Of a
    loop's or a training's recipe it tells what will be done.
    """
    from synthgen.cli.inspect import check_config

    check_config(config, settings or (), as_json=json)


@app.command()
def run(
    config: ConfigFile = DEFAULT_CONFIG,
    settings: Settings = None,
    target: Annotated[
        int | None, typer.Option("--target", "--limit", min=1, help="Accepted records to stop at, over the config's.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The run folder, in place of outputs/NAME.")] = None,
    reuse: Annotated[
        str | None, typer.Option(metavar="RUN", help="Take replies over from an older run; pay only for new requests.")
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start anew: the folder that is there is kept beside it, as NAME.old.")
    ] = False,
    json: Json = False,
) -> None:
    """Run a config, or go on with a stopped run.

    Ctrl-C once: what has been sent comes in, and all is saved. Twice: stop at once. The same command goes on.
    """
    from synthgen.cli.run import run_config

    raise typer.Exit(run_config(config, settings or (), target=target, out=out, reuse=reuse, fresh=fresh, as_json=json))


@app.command()
def preview(
    config: ConfigFile = DEFAULT_CONFIG,
    settings: Settings = None,
    number: Annotated[int, typer.Option("-n", "--number", min=1, help="How many records to make.")] = 3,
    json: Json = False,
) -> None:
    """Make a few records and show them.

    They are shown with what was rejected on the way. The run takes over what a preview has bought, and a preview what
    the run has.
    """
    from synthgen.cli.run import preview_config

    raise typer.Exit(preview_config(config, settings or (), number, as_json=json))


@app.command()
def explain(
    run: RunPath,
    record: Annotated[
        str,
        typer.Argument(metavar="ID_OR_TEXT", help="A record's id or its first digits, or words of its instruction."),
    ],
    full: Annotated[bool, typer.Option("--full", help="Show long prompts and replies whole.")] = False,
    json: Json = False,
) -> None:
    """Tell how a record came to be, or why it was dropped."""
    from synthgen.cli.inspect import explain_record

    raise typer.Exit(explain_record(run, record, full=full, as_json=json))


@app.command()
def export(
    run: RunPath,
    formats: Annotated[list[str], typer.Argument(metavar="FORMAT", help="alpaca, messages, prompt_completion, …")],
    out: Annotated[Path | None, typer.Option(help="Where FORMAT/ goes, in place of the run's exports/.")] = None,
    json: Json = False,
) -> None:
    """Write the dataset in trainers' formats, into exports/."""
    from synthgen.cli.inspect import export_run

    export_run(run, formats, out=out, as_json=json)


@app.command()
def stats(run: RunPath, json: Json = False) -> None:
    """Show a run's numbers.

    Task types, languages, lengths, reasons, openings of instructions, diversity.
    """
    from synthgen.cli.inspect import show_stats

    show_stats(run, as_json=json)


@app.command()
def verify(run: RunPath, json: Json = False) -> None:
    """Tell which files of a run are not as it wrote them.

    Exit code 3 where one has changed or is missing.
    """
    from synthgen.cli.inspect import verify_run

    raise typer.Exit(verify_run(run, as_json=json))


@app.command()
def view(
    run: RunPath,
    open_it: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
    json: Json = False,
) -> None:
    """Tell where a run's page is.

    One file that needs no network: the numbers as pictures, and the records to browse.
    """
    from synthgen.cli.inspect import view_run

    view_run(run, open_it=open_it, as_json=json)


@app.command()
def loop(
    config: Annotated[str, typer.Argument(metavar="RECIPE", help="A loop's YAML file, or a shipped one's name.")],
    settings: Settings = None,
    out: Annotated[Path | None, typer.Option(help="The loop's folder, in place of outputs/NAME.")] = None,
    json: Json = False,
) -> None:
    """Generate, filter, train, evaluate, again.

    Rounds go into one folder. The same command goes on with a loop that was stopped, wherever it was.
    """
    from synthgen.cli.train import run_rounds

    raise typer.Exit(run_rounds(config, settings or (), out=out, as_json=json))


@app.command()
def ablate(
    config: Annotated[str, typer.Argument(metavar="RECIPE", help="A loop's YAML file, or a shipped one's name.")],
    drop: Annotated[str, typer.Option(help="The stage of `generate` whose worth is asked for.")],
    settings: Settings = None,
    seeds: Annotated[int, typer.Option(min=1, help="Students trained on each arm.")] = 3,
    out: Annotated[Path | None, typer.Option(help="The folder, in place of outputs/NAME-without-STAGE.")] = None,
    json: Json = False,
) -> None:
    """Tell what a stage is worth to students trained on its data.

    With it, without it, and on as many records of the latter: at random, and the longest.
    """
    from synthgen.cli.train import ablate_stage

    ablate_stage(config, settings or (), drop=drop, seeds=seeds, out=out, as_json=json)


@app.command()
def schema(
    of: Annotated[Literal["run", "loop", "train"], typer.Option("--of", help="What the YAML file describes.")] = "run",
) -> None:
    """Print the JSON Schema of a config, for editors."""
    from synthgen.cli.inspect import print_schema

    print_schema(of)


@app.command()
def doctor(config: ConfigFile = DEFAULT_CONFIG, json: Json = False) -> None:
    """Check this machine.

    Versions, extras, which keys are set (never what they are), the config, the output folder, disk space.
    """
    from synthgen.cli.doctor import examine

    raise typer.Exit(examine(config, as_json=json))


@app.command()
def dedup(
    source: Annotated[Path, typer.Argument(metavar="IN", help="JSON lines, JSON, CSV, Parquet; or a folder of these.")],
    out: Annotated[Path, typer.Option(help="Where the kept rows go, in the form in which they came.")],
    field: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="A column that is compared, or several. By default the question of each row, and its input.",
        ),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="The similarity from which rows are dropped: 0.7 by default, 0.4 for minhash.")
    ] = None,
    rule: Annotated[Literal["gt", "ge"], typer.Option(help="Whether the threshold itself is kept (gt) or not.")] = "gt",
    tokenizer: Annotated[
        Literal["unicode", "rouge"], typer.Option(help="Words of every script, or as rouge-score.")
    ] = ("unicode"),
    method: Annotated[
        Literal["exact", "hash", "minhash"], typer.Option(help="ROUGE-L, equal texts only, or shared word pairs.")
    ] = "exact",
    dropped: Annotated[Path | None, typer.Option(help="Where dropped rows go, each with its neighbour.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes for `exact`; the result is the same.")] = 1,
    json: Json = False,
) -> None:
    """Remove near-duplicates from files of rows.

    A row is kept if its question is no near-duplicate of an earlier kept one's; where it works on an input, both are.
    """
    from synthgen.cli.dedup import dedup_file

    dedup_file(
        source,
        out,
        field=field,
        threshold=threshold,
        rule=rule,
        tokenizer=tokenizer,
        method=method,
        workers=workers,
        dropped=dropped,
        as_json=json,
    )


@app.command()
def train(
    recipe: Annotated[
        str | None, typer.Argument(metavar="RECIPE", help="A YAML file with a train: section.", show_default=False)
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH", help="A run's folder, a folder of files, a file or a hub id. Repeatable."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="A path or hub id; `scratch` makes a small one without a download.")
    ] = None,
    method: Annotated[str | None, typer.Option(help="full, lora, adapter, prefix, prompt, bitfit or ia3.")] = None,
    objective: Annotated[str | None, typer.Option(help="sft, dpo or kto.")] = None,
    out: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="The student's folder, in place of the recipe's.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a setting: max_steps=100. Repeatable."),
    ] = None,
    list_settings: Annotated[
        bool, typer.Option("--settings", help="Print all settings with their types and defaults, and exit.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and exit.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Train although a check fails.")] = False,
) -> None:
    """Train a student on a dataset.

    RECIPE, or --data outputs/RUN --model PATH. A stopped training goes on with the same command. Needs the extra:
    synthgen[train].
    """
    from synthgen.cli.train import print_settings, run_training

    if list_settings:
        print_settings()
        return
    options = {"data": data, "model": model, "method": method, "objective": objective, "out": out}
    run_training(recipe, settings or (), options, force=force, dry_run=dry_run)


@app.command()
def monitor(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A path or hub id, or an adapter's folder.")],
    baseline: Annotated[str | None, typer.Option(help="The model before training.")] = None,
    out: Annotated[Path | None, typer.Option(help="A folder for monitor.json and the replies.")] = None,
    data: Annotated[Path | None, typer.Option(help="Records for held-out exact match.")] = None,
    trained_on: Annotated[
        Path | None, typer.Option(help="Records trained on, for verbatim repetition of them.")
    ] = None,
    canaries: Annotated[int, typer.Option(min=0, help="As many as the training planted.")] = 0,
    seed: Annotated[int, typer.Option(help="The training's seed.")] = 0,
    max_tokens: Annotated[int, typer.Option(min=1, help="The longest answer.")] = 128,
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many probes of each kind.", show_default=False)
    ] = None,
) -> None:
    """Compare a student with the model before.

    Paired, with intervals and gates; exit code 3 where a gate failed. Needs the extra: synthgen[train].
    """
    from synthgen.cli.train import watch

    raise typer.Exit(
        watch(
            model,
            baseline=baseline,
            out=out,
            data=data,
            trained_on=trained_on,
            canaries=canaries,
            seed=seed,
            max_tokens=max_tokens,
            limit=limit,
        )
    )


@app.command()
def export_lm_eval(
    out: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the tasks and their data go.")],
) -> None:
    """Write monitor's probes for lm-evaluation-harness."""
    from synthgen.cli.train import write_probes

    write_probes(out)
