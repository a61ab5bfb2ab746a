"""Commands that read a run folder, and the schema."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from synthgen.cli.output import console, print_json, run_path, say


def explain_record(run: str, query: str, *, full: bool, as_json: bool) -> int:
    """Prints what is known of the record; 1 where there is none like it."""
    from synthgen.explain import explain

    explanation = explain(run_path(run), query)
    if as_json:
        print_json(explanation.model_dump(mode="json"))
    else:
        from synthgen.explain_view import explanation_view

        console().print(explanation_view(explanation, full=full), soft_wrap=True)
    return 1 if explanation.by == "nothing" else 0


def export_run(run: str, formats: Sequence[str], *, out: Path | None, as_json: bool) -> None:
    """Writes the exports and prints where they are."""
    from synthgen.store import export

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
    from synthgen.store import stats

    numbers = stats(run_path(run))
    if as_json:
        print_json(numbers)
    else:
        from synthgen.store import stats_view

        console().print(stats_view(numbers))


def view_run(run: str, *, open_it: bool, as_json: bool) -> None:
    """Prints where the run's page is; shows it in the browser if asked to."""
    from synthgen.store import page_of

    path = page_of(run_path(run))
    if as_json:
        print_json({"page": path})
    else:
        print(path)
    if open_it:
        import webbrowser

        if not webbrowser.open(path.resolve().as_uri()):
            say("no browser could be started: open the file above in one")


def print_schema() -> None:
    """Prints the JSON Schema of a config."""
    from synthgen.config import schema

    print(json.dumps(schema(), indent=2, ensure_ascii=False))
