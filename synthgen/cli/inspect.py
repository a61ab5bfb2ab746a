"""`synthgen check`, `schema`, and the commands that read a run: `explain`, `export`, `stats`, `verify`, `view`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from synthgen.api import choose, preview_folder
from synthgen.api.plan import Estimate, Plan, Range, plan
from synthgen.api.training import load_training
from synthgen.cli.doctor import read_env
from synthgen.cli.terminal import console, own_prints, print_json, say
from synthgen.config import Recipe, locate
from synthgen.config.merge import read_config
from synthgen.config.recipe import kind_of
from synthgen.errors import StoreError, SynthgenError
from synthgen.safety.outward import visible
from synthgen.store import RunFolder, verify
from synthgen.store.report import RunReport
from synthgen.text import suggestion
from synthgen.trainers.bundled import section_model


def check_config(config: str, settings: Sequence[str], *, as_json: bool) -> None:
    """Loads the config, and prints what will be done: for a run the first request and the plan."""
    read_env(config)
    kind = kind_of(read_config(locate(config)[0]))
    if kind == "loop":
        _check_loop(config, settings, as_json=as_json)
    elif kind == "training":
        _check_training(config, settings, as_json=as_json)
    else:
        _check_run(config, settings, as_json=as_json)


def _check_loop(config: str, settings: Sequence[str], *, as_json: bool) -> None:
    from synthgen.loop import check_loop
    from synthgen.loop import load as load_loop

    with own_prints(as_json):
        planned = check_loop(load_loop(config, settings))
    if as_json:
        print_json(planned.as_dict())
    else:
        print("\n".join(map(visible, planned.lines())))


def _check_training(config: str, settings: Sequence[str], *, as_json: bool) -> None:
    training = load_training(config, settings)
    training.check()
    if as_json:
        print_json({"train": training.settings})
        return
    print(f"{config}: everything loads")
    for source in training.settings["data"]:
        print(f"  data         {visible(source['path'])}")
    print("\n".join(_training(training.settings, "`synthgen train --dry-run` reads them and prints the plan")))


def _check_run(config: str, settings: Sequence[str], *, as_json: bool) -> None:
    with own_prints(as_json):
        planned = plan(config, settings)
    if as_json:
        print_json(_as_json(planned))
    else:
        print("\n".join([*_lines(planned), *_training(planned.train)]))


def _as_json(planned: Plan) -> dict[str, Any]:
    asked, source = planned.first_request, planned.source
    return {
        "name": planned.recipe.config.name,
        "folder": planned.folder,
        "stages": list(planned.stages),
        "source": None if source is None else source.model_dump(mode="json"),
        "first_request": None if asked is None else {"teacher": asked[0], **asked[1].to_dict()},
        "estimate": None if planned.estimate is None else asdict(planned.estimate),
        "window": None if planned.window is None else asdict(planned.window),
        "config": planned.recipe.resolved,
        "train": planned.train,
    }


def _lines(planned: Plan) -> Iterator[str]:
    recipe, pipeline, window = planned.recipe, planned.recipe.pipeline, planned.window
    if planned.first_request is not None:
        name, request = planned.first_request
        model = request.model or "the server's model"
        yield f"first request, to {name} ({model}), {request.sampling.body or 'no sampling set'}:"
        for message in request.messages:
            yield f"  {message['role']}:"
            yield "\n".join(f"    {line}" for line in visible(str(message.get("content", ""))).split("\n"))
        yield ""
    yield f"{recipe.config.name}: everything loads"
    yield f"  folder       {planned.folder}"
    yield f"  stages       {', '.join(planned.stages) or 'none'}"
    for head, text in planned.source.lines() if planned.source else ():
        yield f"  {visible(f'{head}: {text}')}"
    if pipeline.selectors:
        yield f"  selectors    {', '.join(name for name, _ in pipeline.selectors)}"
    for name, variable in _missing_keys(recipe):
        yield f"  key          {variable} is not set: a run asks {name} without a key, which not every server takes"
    yield f"  target       {f'{pipeline.target:,} records' if pipeline.target else 'until the source is exhausted'}"
    if planned.first_request is None:
        yield "  requests     none: the first attempt asks no teacher"
    elif planned.estimate is None:
        yield "  requests     cannot be estimated: the built-in programs, asked in the teacher's place, cannot do this"
    else:
        yield from _plan(planned.estimate, recipe)
    if window is not None:
        yield (
            f"  window       {window.attempts:,} attempts: a new task is shown as a demonstration so many attempts"
            f" later; keeps about {window.busy:.0%} of {window.slots} slots busy"
        )


def _missing_keys(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """The teachers whose key is not in the environment, and its variable: where the config names it, or OpenAI asks."""
    for name, teacher in recipe.pipeline.teachers.items():
        variable = teacher.api_key_env
        if variable is None or os.environ.get(variable, "").strip():
            continue
        place = "teacher" if name == "teacher" else f"teachers.{name}"
        if f"{place}.api_key_env" in recipe.written or any("api.openai.com" in u for u in teacher.urls):
            yield name, variable


def _training(settings: Mapping[str, Any] | None, when: str = "when the run is done") -> Iterator[str]:
    if settings is not None:
        model, method = settings["model"], (settings.get("method") or {}).get("use", "full")
        student = model if isinstance(model, str) else "a model from scratch"
        out = settings.get("out") or section_model().model_fields["out"].default
        yield visible(f"  train        {student}, {method}, into {out}: {when}")


def _plan(expected: Estimate, recipe: Recipe) -> Iterator[str]:
    per = "" if recipe.config.target else f" for {expected.records:,} records"
    yield f"  requests     {_range(expected.requests)}{per}"
    yield f"  tokens       {_range(expected.tokens)}{per}"
    if expected.usd is None:
        yield "  cost         not known: set price: {input: …, output: …} on the teacher (dollars per million tokens)"
    else:
        yield f"  cost         {_range(expected.usd, '$', 2)}{per}"
    yield "               from all records kept and short replies to one in four kept and the longest ones"
    yield f"  asked again  {_asked_again(recipe)}"
    budget = {name: limit for name, limit in recipe.config.budget.model_dump().items() if limit is not None}
    if budget:
        yield f"  budget       {', '.join(f'{limit:,} {name}' for name, limit in budget.items())}: the run stops there"


def _asked_again(recipe: Recipe) -> str:
    """What this recipe's run, or else its preview, has spent on replies that were asked for again."""
    for folder, name in ((RunFolder(choose(recipe)), "run"), (RunFolder(preview_folder(recipe)), "preview")):
        report = _report_in(folder)
        if report is not None:
            again = report.asked_again
            return f"{again.requests:,} requests, {again.tokens:,} tokens ({again.share:.0%} of all) in the last {name}"
    return "not known before a preview: replies that are no use, where another request can bring more"


def _report_in(folder: RunFolder) -> RunReport | None:
    try:
        return RunReport.model_validate(folder.report())
    except (SynthgenError, ValidationError):
        return None  # it has not ended yet, or another version wrote it


def _range(numbers: Range, unit: str = "", digits: int = 0) -> str:
    least = f"{unit}{numbers.least:,.{digits}f}"
    if numbers.most is None:
        return f"{least} or more (no max_tokens bounds it)"
    most = f"{unit}{numbers.most:,.{digits}f}"
    return least if least == most else f"{least} to {most}"


def explain_record(run: str, query: str, *, full: bool, as_json: bool) -> int:
    """Prints what is known of the record; 1 where there is none like it."""
    from synthgen.report.explanation import explain

    explanation = explain(run_path(run), query)
    if as_json:
        print_json(explanation.model_dump(mode="json"))
    else:
        from synthgen.report.explanation import explanation_view

        console().print(explanation_view(explanation, full=full), soft_wrap=True)
    return 1 if explanation.by == "nothing" else 0


def export_run(run: str, formats: Sequence[str], *, out: Path | None, as_json: bool) -> None:
    """Writes the exports and prints where they are."""
    from synthgen.api.run import export

    done = export(run_path(run), formats, out=out)
    if as_json:
        print_json({e.format: {"paths": e.paths, "written": e.written, "left_out": e.left_out} for e in done})
        return
    for exported in done:
        for path in exported.paths:
            count = exported.written.get(path.name)
            print(f"{path}" if count is None else f"{path}: {count:,} records")
        for reason, count in exported.left_out.items():
            say(f"{exported.format} left {count:,} records out: {reason}")


def show_stats(run: str, *, as_json: bool) -> None:
    """Prints the run's numbers."""
    from synthgen.report import stats

    numbers = stats(run_path(run))
    if as_json:
        print_json(numbers)
    else:
        from synthgen.report import stats_view

        console().print(stats_view(numbers))


def verify_run(run: str, *, as_json: bool) -> int:
    """Prints which of the run's files have other hashes than its manifest says, and returns the exit code."""
    found = verify(run_path(run))
    if as_json:
        print_json(asdict(found))
    else:
        told = [("changed", found.changed), ("missing", found.missing)]
        lines = [f"{what}  {name}" for what, names in told for name in names]
        print("\n".join(lines or [f"all {len(found.right)} files are as they were written"]))
    return 0 if found.ok else 3


def view_run(run: str, *, open_it: bool, as_json: bool) -> None:
    """Prints where the run's page is; shows it in the browser if asked to."""
    from synthgen.report import page_of

    path = page_of(run_path(run))
    if as_json:
        print_json({"page": path})
    else:
        print(path)
    if open_it:
        import webbrowser

        if not webbrowser.open(path.resolve().as_uri()):
            say("no browser could be started: open the file above in one")


def print_schema(of: str) -> None:
    """Prints the JSON Schema of a `run`'s config, or of a recipe of a `loop` or a training (`train`)."""
    from synthgen.config.schema import loop_schema, schema, training_schema

    if of == "loop":
        from synthgen.loop.recipe import LoopConfig

        made = loop_schema(LoopConfig)
    else:
        made = training_schema() if of == "train" else schema()
    print(json.dumps(made, indent=2, ensure_ascii=False))


def run_path(run: str) -> Path:
    """The folder that a user means by a run: a path, or a name in `outputs/`.

    Raises:
        StoreError: there is neither.
    """
    path, named = Path(run), Path("outputs") / run
    if path.exists():
        return path
    if not named.exists():
        runs = [folder.name for folder in Path("outputs").glob("*") if (folder / "config.yaml").is_file()]
        near = (
            suggestion(path.name, runs, what="runs in outputs/") if runs else "name the folder of a run: outputs/<run>"
        )
        raise StoreError(f"{run} does not exist", hint=near)
    return named
