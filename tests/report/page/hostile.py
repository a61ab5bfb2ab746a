"""Texts that want to be more than text, and a run that is full of them."""

from __future__ import annotations

from pathlib import Path

from store_parts import write_run

from synthgen.records import Message, Provenance, Record
from synthgen.store import StageFlow, TeacherFacts

TEXTS = (
    "</script><script>document.documentElement.dataset.owned = 1</script>",
    '<img src=x onerror="document.documentElement.dataset.owned = 1">',
    "<svg onload='document.documentElement.dataset.owned = 1'></svg>",
    "<!-- <script> --!> ]]> <![CDATA[ <plaintext> <iframe srcdoc='<script>parent.owned = 1</script>'>",
    "<style>* { display: none }</style><base href='https://example.org/'><meta http-equiv=refresh content=0>",
    "javascript:alert(1) &lt;b&gt; &#60;b&#62; ${alert(1)} {{ 7 * 7 }} {% raw %}",
    "null \x00 escape \x1b[31m bell \x07 return \r form \x0c delete \x7f",
    "right-to-left \u202e override \u2066 isolate \u200b zero width \ufeff mark \U000e0041 tag",
    "lines\u2028and\u2029paragraphs, joiners: \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 👩\u200d👧",
    "__proto__ constructor toString",
    "a" * 5000,
)


def records(outcome: str | None = None) -> list[Record]:
    """One record for each text, with the text wherever a text can be; dropped where an outcome is given."""
    found = []
    for number, text in enumerate(TEXTS):
        record = Record(
            instruction=text,
            input=text,
            output=text,
            system=text,
            reasoning=text,
            task_type=text[:80],
            language=text[:80],
            history=(Message(role="user", content=text),),
            scores={text[:40]: 1.0, "__proto__": 2.0},
            provenance=Provenance(attempt=number, index=0, model=text, source=text, requests=(text,), parents=(text,)),
        )
        if outcome:
            evidence = {"score": 0.9, "limit": 0.7, "nearest": text, "nearest_text": f"near {text}", "detail": text}
            record = record.dropped(outcome, stage=text[:80], **evidence)
        found.append(record)
    return found


def hostile_run(path: Path) -> Path:
    """A finished run whose records, stages, teachers and ending are hostile."""
    kept, lost = records(), records("near_duplicate")
    funnel = (
        StageFlow(stage=TEXTS[0], new=len(kept) + len(lost)),
        *(StageFlow(stage=text[:80], entered=9, dropped={"near_duplicate": 1}) for text in TEXTS),
    )
    teachers = {TEXTS[1]: TeacherFacts(model=TEXTS[2], sampling={TEXTS[3]: TEXTS[4]})}
    return write_run(path, kept, lost, funnel=funnel, teachers=teachers, stopped_because=TEXTS[0])
