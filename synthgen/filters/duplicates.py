"""Filters against what is there already: near-duplicates of seed tasks and kept records, and held-out tasks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from synthgen.protocols import Filter, Preparation
from synthgen.records import Drop, Record, user_text
from synthgen.similarity import (
    HashIndex,
    MinHashIndex,
    NearDuplicateIndex,
    Neighbour,
    SemanticIndex,
    Similarity,
    TaskIndex,
    local_embedder,
    openai_embedder,
    task_of,
)
from synthgen.store.record_files import read_records
from synthgen.text import Tokenizer, ngrams, normalize, tokenize

RARE = 0.01
"""A word is rare where at most this share of the kept texts has it (and always where no more than two have it)."""

THRESHOLDS = {"exact": 0.7, "hash": 1.0, "minhash": 0.4, "semantic": 0.9}

Method = Literal["exact", "hash", "minhash", "semantic"]
TextField = Literal["instruction", "input", "output", "system", "reasoning"]


class NearDuplicate(Filter, BaseModel):
    """ROUGE-L F with every kept text up to a threshold, by the exact index; Self-Instruct's novelty rule.

    `threshold` 0.7 and `rule: gt` (drop iff F > 0.7) are those of Self-Instruct (2212.10560, section 2.2) and Alpaca;
    `fields` are compared joined. Without them a task is its instruction, as published; one that comes from a dataset
    and has an input (or earlier turns) is both, and a near-duplicate where both are: many inputs to one instruction are
    many tasks. `cap_per_template` keeps up to so many near-duplicates of each kept record that have a rare word of
    their own, for data whose instructions share a form but ask different things ("What is a homonym?", "What is a
    dam?"). Identical texts are dropped in any case.

    Other methods: `hash` (the same tokens), `minhash` (approximate; `threshold` is the Jaccard similarity of word
    pairs, 0.4 by default), `semantic` (cosine similarity of embeddings, 0.9 by default, by `embedding_model` at the
    OpenAI-compatible `embedding_url`, or without one by sentence-transformers). These drop from the threshold on;
    `rule` and `arithmetic` are for `exact` alone.
    """

    model_config = ConfigDict(extra="forbid")
    ordered: ClassVar[bool] = True

    threshold: float | None = Field(None, gt=0, le=1)
    method: Method = "exact"
    rule: Literal["gt", "ge"] = "gt"
    arithmetic: Literal["exact", "compat"] = "exact"
    tokenizer: Tokenizer = "unicode"
    fields: list[TextField] | None = Field(None, min_length=1)
    against_seeds: bool = True
    cap_per_template: int = Field(0, ge=0)
    embedding_model: str | None = None
    embedding_url: str | None = None
    api_key_env: str = "OPENAI_API_KEY"

    _index: Similarity = PrivateAttr()
    _tasks: TaskIndex = PrivateAttr()
    _templates: dict[int, int] = PrivateAttr(default_factory=dict)
    _shared: Counter[int] = PrivateAttr(default_factory=Counter)
    _occurrences: Counter[str] = PrivateAttr(default_factory=Counter)

    @model_validator(mode="after")
    def _names_its_model(self) -> Self:
        if self.method == "semantic" and not self.embedding_model:
            raise ValueError("method semantic needs embedding_model")
        return self

    @property
    def limit(self) -> float:
        """The threshold in use."""
        return THRESHOLDS[self.method] if self.threshold is None else self.threshold

    def prepare(self, preparation: Preparation) -> None:
        """Starts a new index with the seed tasks.

        Raises:
            ConfigError: what `semantic` needs is not there.
        """
        self._index, self._tasks = self._empty(), TaskIndex(self._empty)
        self._templates, self._shared, self._occurrences = {}, Counter(), Counter()
        for seed in preparation.seeds if self.against_seeds else ():
            self._index.add(text := self._text(seed), seed.id)
            self._count(text)

    def __call__(self, record: Record) -> Drop | None:
        """`duplicate` or `near_duplicate` with the nearest text, or None: then the record counts for later ones."""
        if self.fields is None and record.provenance.source is not None:
            instruction, given = task_of(record)
            if given:
                return self._check_both(instruction, given, record.id)
        text = self._text(record)
        nearest = self._index.check(text, record.id)
        if nearest is None:
            self._count(text)
            return None
        identical = normalize(text) == normalize(nearest.text)
        if not identical and self._differs_enough(text, nearest):
            # what is near to one of a template's texts counts for the template: its cap holds along chains
            template = self._templates.get(nearest.number, nearest.number)
            if self._shared[template] < self.cap_per_template:
                self._shared[template] += 1
                self._templates[self._index.add(text, record.id)] = template
                self._count(text)
                return None
        return self._drop(nearest, identical)

    def _check_both(self, instruction: str, given: str, key: str) -> Drop | None:
        """The verdict on a task that a dataset holds, by its instruction and what that works on."""
        nearest = self._tasks.check(instruction, given, key)
        if nearest is None:
            return None
        return self._drop(nearest, normalize(f"{instruction}\n{given}") == normalize(nearest.text))

    def _count(self, text: str) -> None:
        if self.cap_per_template:
            self._occurrences.update(set(tokenize(text, self.tokenizer)))

    def _differs_enough(self, text: str, nearest: Neighbour) -> bool:
        if not self.cap_per_template:
            return False
        own = set(tokenize(text, self.tokenizer)).difference(tokenize(nearest.text, self.tokenizer))
        most = max(2, RARE * len(self._index))
        return any(self._occurrences[word] <= most for word in own)

    def _empty(self) -> Similarity:
        match self.method:
            case "exact":
                return NearDuplicateIndex(
                    self.limit, rule=self.rule, arithmetic=self.arithmetic, tokenizer=self.tokenizer
                )
            case "hash":
                return HashIndex(tokenizer=self.tokenizer)
            case "minhash":
                return MinHashIndex(self.limit, tokenizer=self.tokenizer)
            case "semantic":
                model = self.embedding_model or ""
                if self.embedding_url is None:
                    return SemanticIndex(local_embedder(model), self.limit)
                embed = openai_embedder(model, base_url=self.embedding_url, api_key_env=self.api_key_env)
                return SemanticIndex(embed, self.limit)

    def _text(self, record: Record) -> str:
        return "\n".join(filter(None, (getattr(record, name) for name in self.fields or ("instruction",))))

    def _drop(self, nearest: Neighbour, identical: bool) -> Drop:
        if identical or nearest.score == 1:
            detail = f"the same {'text' if identical else 'words'}, so no threshold would keep it"
        else:
            # rounded up, so that what is said is true; the float of an exact tie may lie a little above it
            tie = 1e-6 if self.method == "exact" and self.arithmetic == "exact" else 0
            least = f"{math.ceil(nearest.score * 1e4 - tie) / 1e4:.4f}"
            at_least = self.method == "exact" and self.rule == "gt"
            detail = f"kept at a threshold of {least} or higher" if at_least else f"kept above {least}"
        return Drop(
            "duplicate" if identical else "near_duplicate",
            score=nearest.score,
            limit=self.limit,
            nearest=nearest.key,
            nearest_text=nearest.text,
            detail=detail,
        )


SPAN = 13
"""Words: the n-gram by which GPT-3's data was searched for benchmarks (arXiv:2005.14165, appendix C)."""


class HeldOut(Filter, BaseModel):
    """`contaminated` where the task is a held-out one but for case and space, or shares 13 words in a row with one."""

    model_config = ConfigDict(extra="forbid")

    paths: tuple[str, ...] = ()

    _texts: dict[str, str] = PrivateAttr(default_factory=dict)
    _spans: dict[tuple[str, ...], str] = PrivateAttr(default_factory=dict)

    def prepare(self, preparation: Preparation) -> None:
        """Reads the held-out tasks."""
        self._texts, self._spans = {}, {}
        for path in self.paths:
            self.take(read_records(path))

    def take(self, records: Iterable[Record]) -> None:
        """Takes further held-out tasks."""
        for record in records:
            self._texts[normalize(user_text(record))] = record.id
            for span in spans(user_text(record)):
                self._spans[span] = record.id

    def __call__(self, record: Record) -> Drop | None:
        """The verdict on one record."""
        nearest = self._texts.get(normalize(user_text(record)))
        if nearest is None and self._spans:
            nearest = next((self._spans[s] for s in spans(user_text(record)) if s in self._spans), None)
        return None if nearest is None else Drop("contaminated", nearest=nearest)


def spans(text: str) -> list[tuple[str, ...]]:
    """All runs of 13 words."""
    return ngrams(tokenize(text), SPAN)
