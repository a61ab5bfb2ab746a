"""The dataset card, and what else is drawn of a run that has ended."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from synthgen.records import Record, to_alpaca
from synthgen.report.page import page
from synthgen.safety.outward import visible
from synthgen.store.files import yaml_text
from synthgen.store.folder import RunFolder
from synthgen.store.manifest import Ingredients
from synthgen.store.report import RunReport, Took

SAMPLES = 3
SAMPLE_CHARACTERS = 1200
ROWS = 30

_SIZES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B")
"""The Hub's size categories, each ten times the one before."""

_LANGUAGE = re.compile(r"[a-z]{2,3}")


@dataclass(slots=True)
class Summary:
    """What the card tells of the accepted records, gathered as they pass."""

    languages: Counter[str] = field(default_factory=Counter)
    task_types: Counter[str] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)
    samples: list[Record] = field(default_factory=list)

    def add(self, records: Sequence[Record]) -> None:
        """Counts the records; the first few are kept as samples."""
        for record in records:
            self.languages[record.language or ""] += 1
            self.task_types[record.task_type or ""] += 1
            self.models[record.provenance.model or ""] += 1
            if len(self.samples) < SAMPLES:
                self.samples.append(record)


def card(report: RunReport, made_from: Ingredients, summary: Summary, data_sha256: str) -> str:
    """The text of the card: YAML front matter, then Markdown that no model's text can break."""
    parts = [
        _front_matter(report, made_from, summary, data_sha256),
        f"# {escape(made_from.name)}",
        f"{report.accepted:,} accepted of {report.generated:,} generated records: instruction data made with synthgen."
        f" {report.rejected:,} were rejected; `rejected.parquet` in the run folder holds each with its reason.",
        _loading(empty=report.accepted == 0),
        "## Records",
        _counts("task type", summary.task_types),
        _counts("language", summary.languages),
        "## Samples" if summary.samples else "",
        *(_sample(record) for record in summary.samples),
        "## Stages and reasons",
        _funnel(report),
        "## Made from",
        _source(report),
        _teachers(report),
        _took(report.took),
        _counts("model that wrote them", summary.models),
        "The terms of use of these models apply to what they wrote."
        + ("" if made_from.license else " No licence has been set for this dataset."),
        _hashes(made_from),
        *_recipe(made_from),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def escape(text: str) -> str:
    """The text on one line with nothing in it that Markdown, a table or HTML would take for markup."""
    text = visible(" ".join(text.split()))
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~&$@:])", r"\\\1", text)


def fenced(text: str, language: str) -> str:
    """A code block whose fence is longer than any in the text."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{visible(text)}\n{fence}"


def _loading(*, empty: bool) -> str:
    # `datasets` opens a split without rows as a stream alone
    stream = ", streaming=True" if empty else ""
    call = f'data = load_dataset("path/to/dataset", split="train"{stream})'
    return f"```python\nfrom datasets import load_dataset\n\n{call}\n```"


def _front_matter(report: RunReport, made_from: Ingredients, summary: Summary, data_sha256: str) -> str:
    import yaml

    languages = sorted({code for code in summary.languages if _LANGUAGE.fullmatch(code)})
    size = _SIZES[min(max(0, len(str(report.accepted)) - 3), len(_SIZES) - 1)]
    head: dict[str, object] = {"pretty_name": visible(" ".join(made_from.name.split()))}
    if languages:
        head["language"] = languages
    if made_from.license:
        head["license"] = made_from.license
    head |= {
        "size_categories": [size],
        "task_categories": ["text-generation"],
        "annotations_creators": ["machine-generated"],
        "tags": ["synthetic", "synthgen", "instruction-tuning"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": "train", "path": "data/train-*.parquet"}],
                # `datasets` names its cache by this head alone: without something of the data in it, the datasets of
                # two runs, or of one run before and after it went on, would share a cache and load as the first one
                "description": f"SHA-256 of the data: {data_sha256}",
            },
        ],
    }
    return f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}---"


def _counts(head: str, counter: Counter[str]) -> str:
    rows = [(name or "not determined", count) for name, count in counter.most_common(ROWS)]
    if len(counter) > ROWS:
        rows.append((f"{len(counter) - ROWS:,} more", counter.total() - sum(count for _, count in rows)))
    return _table((head, "records"), rows)


def _sample(record: Record) -> str:
    shown = {key: _cut(text) for key, text in to_alpaca(record).items()}
    return fenced(json.dumps({"id": record.id} | shown, ensure_ascii=False, indent=2), "json")


def _cut(text: str) -> str:
    return text if len(text) <= SAMPLE_CHARACTERS else text[:SAMPLE_CHARACTERS] + " …"


def _funnel(report: RunReport) -> str:
    rows: list[tuple[object, ...]] = []
    for flow in report.funnel:
        reasons = ", ".join(f"{escape(reason)} {count:,}" for reason, count in sorted(flow.dropped.items()))
        dropped = sum(flow.dropped.values())
        rows.append((flow.stage, flow.entered, flow.new, dropped, _Raw(reasons)))
    return _table(("stage", "in", "new", "dropped", "by reason"), rows)


def _source(report: RunReport) -> str:
    """What of existing data was read and left aside."""
    return "" if report.source is None else _table(("existing data", ""), report.source.lines())


def _teachers(report: RunReport) -> str:
    rows = [
        (name, teacher.model, json.dumps(teacher.sampling, sort_keys=True) if teacher.sampling else "")
        for name, teacher in sorted(report.teachers.items())
    ]
    return _table(("teacher", "model", "default sampling"), rows)


def _took(took: Took) -> str:
    """What the replies cost; nothing where no teacher was asked."""
    if not took.requests:
        return ""
    tokens = took.tokens
    cached = f", {tokens.cached_share:.1%} of them from a server's prefix cache" if tokens.cached else ""
    cost = f"; \\${took.cost_usd:,.2f} by the prices known" if took.cost_usd else ""
    return (
        f"Replies behind these records and the rejected ones: {took.requests:,}, with {tokens.prompt:,} prompt tokens"
        f"{cached}, and {tokens.completion:,} completion tokens{cost}."
    )


def _hashes(made_from: Ingredients) -> str:
    rows = [("prompt", name, digest) for name, digest in sorted(made_from.prompts.items())]
    rows += [("seed tasks", name, digest) for name, digest in sorted(made_from.seeds.items())]
    return _table(("ingredient", "name", "SHA-256"), rows)


def _recipe(made_from: Ingredients) -> list[str]:

    if not made_from.recipe:
        return []
    text = yaml_text(made_from.recipe, width=100)
    return ["## Recipe", fenced(text.rstrip("\n"), "yaml")]


class _Raw(str):
    """A cell that is Markdown already."""


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows]
    if not lines:
        return ""
    rule = f"|{'|'.join(' --- ' for _ in heads)}|"
    return "\n".join([f"| {' | '.join(heads)} |", rule, *lines])


def _cell(value: object) -> str:
    if isinstance(value, _Raw):
        return value
    return f"{value:,}" if isinstance(value, int) else escape(str(value))


class Presentation:
    """Sees every accepted record once, and draws card and page at the end."""

    def __init__(self) -> None:
        self._summary = Summary()

    def add(self, records: Sequence[Record]) -> None:
        """Takes accepted records."""
        self._summary.add(records)

    def card(self, report: RunReport, made_from: Ingredients, data_sha256: str) -> str:
        """The dataset card, Markdown."""
        return card(report, made_from, self._summary, data_sha256)

    def page(self, name: str, folder: RunFolder, report: RunReport) -> str:
        """The page of the run whose files lie in this folder, HTML."""
        return page(name, folder, report)
