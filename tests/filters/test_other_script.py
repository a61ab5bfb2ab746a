from __future__ import annotations

import pytest

from synthgen.filters.characters import other_script
from synthgen.records import Record

CHINESE = "这是一个很长的中文回答。"


@pytest.mark.parametrize(
    ("instruction", "given", "output", "dropped"),
    [
        ("Name a river.", "", CHINESE, True),
        ("Nenne einen Fluss.", "", "Это очень длинная река.", True),
        ("写出一条河的名字。", "", "Это очень длинная река.", True),
        ("How do you say it in Chinese?", "", CHINESE, False),
        ("Übersetze das.", "", CHINESE, False),
        ("Sum it up.", "北京是中国的首都。", CHINESE, False),
        ("写出一条河的名字。", "", "The Rhine is a river.", False),
        ("写出一条河的名字。", "", "ラインは長い川です。これは", False),
        ("Name a river.", "", "The Rhine (莱茵河) is one.", False),
        ("Which angle?", "", "α = β", False),
        ("Name a river.", "", "La Garonne, près de Bordeaux", False),
        ("Name a river.", "", None, False),
    ],
)
def test_scripts_that_nobody_asked_for(instruction: str, given: str, output: str | None, dropped: bool) -> None:
    drop = other_script(Record(instruction=instruction, input=given, output=output))
    assert (drop.reason if drop else None) == ("other_script" if dropped else None)
