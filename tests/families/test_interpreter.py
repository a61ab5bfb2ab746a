from __future__ import annotations

import contextlib
import io
import random
import tracemalloc

import pytest

from synthgen.families import FAMILIES
from synthgen.families.family import Unprovable
from synthgen.families.interpreter import Program, evaluate


def test_programs_of_ours_print_what_python_prints() -> None:
    family = FAMILIES["code_result"]
    seen = set()
    for seed in range(300):
        source = family.draw_data(random.Random(seed), {"op": "printed"})
        seen.add(source)
        out = io.StringIO()
        names: dict[str, object] = {}
        with contextlib.redirect_stdout(out):
            exec(source, names)  # the program is ours
        program = Program(source)
        assert "\n".join(program.printed) + "\n" == out.getvalue(), source
        assert all(names[name] == value for name, value in program.names.items()), source
    assert len(seen) > 250


def test_expressions_of_ours_are_what_python_makes_of_them() -> None:
    family = FAMILIES["code_expression"]
    for seed in range(300):
        source = family.draw(random.Random(seed), "all")["code"]
        assert evaluate(source) == eval(source), source  # the expression is ours


@pytest.mark.parametrize(
    "source",
    [
        "-7 // 2",
        "-7 % 3",
        "7 - -2",
        "2 ** 10",
        "not 1 == 2",
        "1 < 2 and 'a' < 'b'",
        "'ab' * 3",
        "[1, 2] + [3]",
        "[1, 2, 3, 4][::-2]",
        "'hello'[1:4]",
        "'hello'[-1]",
        "sum(range(2, 10, 3))",
        "max(3, 9, 4)",
        "min([3, 9, 4])",
        "sorted(['b', 'a'])",
        "len('four')",
        "abs(-4)",
        "list('abc')",
        "str(12) + 'x'",
        "int('12') + 1",
        "'a b'.split()",
        "'-'.join(['x', 'y'])",
        "'Hello'.upper() + 'Hello'.lower()",
        "'two words'.title()",
        "'banana'.count('an')",
        "'banana'.replace('a', '')",
        "'abc'.startswith('ab')",
        "'abc'.endswith('ab')",
        "[3, 1, 3].count(3)",
        "[3, 1].index(1)",
        "3 in [1, 2]",
        "'z' not in 'abc'",
        "[x * 2 for x in [1, 2, 3] if x > 1]",
        "True",
        "1 == 1 or 1 // 1 == 2",
        "1 == 2 and 1 == 1",
    ],
)
def test_expressions_are_pythons(source: str) -> None:
    assert evaluate(source) == eval(source)


@pytest.mark.parametrize(
    "source",
    [
        "import os",
        "open('x')",
        "__import__('os')",
        "print(().__class__)",
        "x = 1 / 2",
        "x = 1.5",
        "x = lambda: 1",
        "def f():\n    pass",
        "while True:\n    x = 1",
        "x = 'a' * 10000000000",
        "x = 10 ** 1000000",
        "x = 9 ** 20 * 9 ** 20",
        "x = list(range(10000000))",
        "for i in range(100000000):\n    x = i",
        "x = [1]\nx[0] = 2",
        "x = y",
        "x = 1 // 0",
        "x = [1][5]",
        "x = [1, 2][::0]",
        "a = b = 1",
        "x: int = 1",
        "x = 'a' + 1",
        "x = 1 < 'a'",
        "x = 1 < 2 < 3",
        "x = [1, 'a']\ny = max(x)",
        "print(1, end='')",
        "print(range(3))",
        "x = 1 and 2",
        "x = (" * 50 + "1" + ")" * 50,
        "x = " + "-" * 500 + "1",
        "x = 1" + " + 1" * 2000,
        "x = f'{1}'",
        "x = True + 1",
        "for i in range(3):\n    pass\nelse:\n    x = 1",
        "x =",
        "x = 'a\0b'",
        "\ud800",
        "x = 1if 1 == 1 else 2",
        "x = 0or 1",
        "x = '\\d'",
        "x = 1_000",
        "x = [1]\nx += [2]",
        "x = 1\nx.append(2)",
        "x = (1)[0]",
        "for i in 5:\n    x = i",
        "x = 1 in 5",
        "x = [1] < [2]",
        "x = 1 is 1",
        "x = range(1, 5, 0)",
        "x = len(5)",
        "x = (5).bit_length()",
    ],
)
def test_what_is_outside_the_grammar_is_refused(source: str) -> None:
    with pytest.raises(Unprovable):
        Program(source)


@pytest.mark.parametrize(
    "source",
    [
        "x = [1]\n" + "x = [x] * 400\n" * 3,
        "x = [1]\n" + "x = [x, x]\n" * 40,
        "x = [1]\nfor i in range(40):\n    x = [x, x]\nprint(x == x)",
        "x = [1]\nfor i in range(200):\n    x = [x]\nprint(x)",
        "x = [1]\nfor i in range(40):\n    x = x + x",
        "x = 'a'\nfor i in range(60):\n    x = x + x",
        "x = 'a'\nfor i in range(60):\n    x += x",
        "x = ['a' * 500] * 500\nprint(x)",
        "x = [['a' * 500] * 400 for i in range(400)]",
        "x = [[[i] * 400 for i in range(400)] for j in range(400)]",
        "x = 'a' * 400\ny = x.replace('a', x)",
        "x = ('a' * 400).join(['b' * 400] * 400)",
        "x = list(range(10 ** 15))",
        "x = range(10 ** 15)\ny = sum(x)",
        "x = sorted(list(range(400)) * 400)",
        "x = 10 ** 10 ** 10",
        "x = 1 << 1000000000",
        "x = '%1000000000d' % 1",
        "x = f'{1:>999999999}'",
        "x = '{:>999999999}'.format(1)",
        "x = 'a'.ljust(10 ** 9)",
        "x = {1: 2}",
        "x = 'a' * 500\nfor i in range(400):\n    for j in range(10):\n        y = x + ''",
        "x = []\nfor i in range(400):\n    x.append(x)",
    ],
)
def test_values_are_bounded_and_so_is_the_work(source: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(Unprovable):
            Program(source)
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()


def test_what_a_value_holds_more_than_once_is_counted_as_often_and_small_ones_run() -> None:
    assert Program("x = [1, 2]\nx = [x, x]\nx = [x, x]\nprint(x == x, len(x))").printed == ["True 2"]
    assert len(Program("x = ['ab' * 100] * 90").names["x"]) == 90
    with pytest.raises(Unprovable, match="too large a value"):
        Program("x = ['ab' * 100] * 110")


def test_an_expression_is_not_a_program() -> None:
    with pytest.raises(Unprovable):
        evaluate("x = 1")
    with pytest.raises(Unprovable):
        evaluate("x + 1")
