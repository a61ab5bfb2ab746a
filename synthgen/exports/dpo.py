"""The export `dpo`."""

from __future__ import annotations

from synthgen.exports.llamafactory import dataset_info, llamafactory
from synthgen.formats.exporting import Files, Row, openai_messages
from synthgen.records import Record


class Dpo:
    """Preference pairs from scored answers, for TRL and for LLaMA-Factory."""

    def files(self) -> Files:
        """The pairs in two forms, and the description of the second."""
        columns = {name: name for name in ("messages", "chosen", "rejected", "tools")}
        return {
            "train.jsonl": preference,
            "llamafactory.jsonl": llamafactory_preference,
            "dataset_info.json": dataset_info("llamafactory.jsonl", columns, ranking=True),
        }


def preference(record: Record) -> Row | str:
    """`prompt`, `chosen`, `rejected` as TRL's DPO takes them: the best and the worst of the scored answers."""
    scored = [answer for answer in record.answers if answer.score is not None]
    if len(scored) < 2:
        return "fewer_than_two_scored_answers"
    best = max(scored, key=lambda a: a.score or 0.0)
    worst = min(scored, key=lambda a: a.score or 0.0)
    if best.score == worst.score or best.text == worst.text:
        return "answers_are_equally_good"
    turns = openai_messages(record.replace(output=None))
    return {
        "prompt": turns,
        "chosen": [{"role": "assistant", "content": best.text}],
        "rejected": [{"role": "assistant", "content": worst.text}],
        "score_chosen": best.score,
        "score_rejected": worst.score,
    }


def llamafactory_preference(record: Record) -> Row | str:
    """The same pair for LLaMA-Factory, which wants `chosen` and `rejected` as one message each."""
    pair = preference(record)
    if isinstance(pair, str):
        return pair
    row = llamafactory(record.replace(output=""))
    if isinstance(row, str):
        return row
    return row | {"messages": row["messages"][:-1], "chosen": pair["chosen"][0], "rejected": pair["rejected"][0]}
