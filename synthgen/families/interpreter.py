"""Runs small Python programs by walking their syntax tree: whole numbers, texts, lists, loops, conditions, print.

Nothing is ever handed to Python's own `exec` or `eval`. Everything outside the grammar raises `Unprovable`, and so
does a program that takes too many steps, makes too large a value, or makes more of them than `WORK`.

A list may hold one and the same list many times, so what counts is not how much memory a value takes but how much there
is to see in it when it is printed or compared: `x = [x, x]` doubles that, and adds 16 bytes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from synthgen.families.family import Unprovable

T = TypeVar("T")

STEPS = 5000
LARGEST = 10**15
LONGEST = 500
DEEPEST = 30
"""Brackets within brackets, of a program and of a value."""
LARGEST_VALUE = 20_000
"""Numbers and characters in a value, however deep: a list of 40 texts of 500 characters has as many."""
WORK = 1_000_000
"""Numbers and characters in all values that a program makes or goes through: about a quarter of a second."""


class Program:
    """A program that has run; `printed` holds the lines of its output, `names` its variables at the end."""

    def __init__(self, source: str) -> None:
        self.printed: list[str] = []
        self.names: dict[str, Any] = {}
        self.trace: list[str] = []
        self._steps = 0
        self._work = 0
        self._block(_parsed(source, "exec").body)

    def _block(self, body: Iterable[ast.stmt]) -> None:
        for statement in body:
            self._run(statement)

    def _tick(self) -> None:
        self._steps += 1
        if self._steps > STEPS:
            raise Unprovable("the program takes too many steps")

    def _made(self, value: T) -> T:
        """The value, once it is known to be small enough, with what it has cost counted."""
        self._work += _size(_bounded(value))
        if self._work > WORK:
            raise Unprovable("the program makes too much")
        return value

    def _run(self, node: ast.stmt) -> None:
        self._tick()
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self._set(name, self.value(value))
            case ast.AugAssign(target=ast.Name(id=name), op=op, value=value):
                current = self._get(name)
                if isinstance(current, list):
                    raise Unprovable("a list that changes in place")
                self._set(name, self._made(_operate(op, current, self.value(value))))
            case ast.For(target=ast.Name(id=name), iter=over, body=body, orelse=[]):
                for item in _items(self.value(over)):
                    self.names[name] = item
                    self._block(body)
            case ast.While(test=test, body=body, orelse=[]):
                while self.value(test):
                    self._tick()
                    self._block(body)
            case ast.If(test=test, body=body, orelse=orelse):
                self._block(body if self.value(test) else orelse)
            case ast.Expr(value=ast.Call(func=ast.Name(id="print"), args=arguments, keywords=[])):
                self.printed.append(self._made(" ".join(str(_shown(self.value(a))) for a in arguments)))
            case ast.Expr(
                value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append"), args=[item], keywords=[])
            ):
                target = self._get(name)
                if not isinstance(target, list):
                    raise Unprovable("only a list can be appended to")
                self._set(name, self._made([*target, self.value(item)]))
            case _:
                raise Unprovable("a statement outside the grammar")

    def _set(self, name: str, value: Any) -> None:
        self.names[name] = value
        if len(self.trace) < 40 and not isinstance(value, range):
            self.trace.append(f"{name} = {value!r}")

    def _get(self, name: str) -> Any:
        if name not in self.names:
            raise Unprovable(f"the name {name} is not defined")
        return self.names[name]

    def value(self, node: ast.expr) -> Any:
        """The value of an expression."""
        self._tick()
        match node:
            case ast.Constant(value=bool() | int() | str() as value):
                return self._made(value)
            case ast.Name(id=name):
                return self._get(name)
            case ast.List(elts=elements):
                return self._made([self.value(e) for e in elements])
            case ast.BinOp(left=left, op=op, right=right):
                return self._made(_operate(op, self.value(left), self.value(right)))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -_number(self.value(operand))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not self.value(operand)
            case ast.BoolOp(op=op, values=parts):
                return self._logic(isinstance(op, ast.And), parts)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return _compare(op, self._made(self.value(left)), self._made(self.value(right)))
            case ast.Subscript(value=of, slice=place):
                return self._part(self.value(of), place)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self._made(_call(name, [self._made(self.value(a)) for a in arguments]))
            case ast.Call(func=ast.Attribute(value=of, attr=name), args=arguments, keywords=[]):
                return self._made(_method(name, self._made(self.value(of)), [self.value(a) for a in arguments]))
            case ast.ListComp(
                elt=element,
                generators=[ast.comprehension(target=ast.Name(id=name), iter=over, ifs=tests, is_async=0)],
            ):
                return self._comprehended(element, name, over, tests)
            case _:
                raise Unprovable("an expression outside the grammar")

    def _logic(self, both: bool, parts: list[ast.expr]) -> bool:
        for part in parts:
            value = self.value(part)
            if not isinstance(value, bool):
                raise Unprovable("a condition that is neither true nor false")
            if value is not both:
                return value
        return both

    def _part(self, of: Any, place: ast.expr) -> Any:
        if not isinstance(of, (list, str)):
            raise Unprovable("only lists and texts have parts")
        try:
            if isinstance(place, ast.Slice):
                ends = [None if e is None else _number(self.value(e)) for e in (place.lower, place.upper, place.step)]
                return self._made(of[slice(*ends)])
            return of[_number(self.value(place))]
        except (IndexError, ValueError):
            raise Unprovable("beyond the end") from None

    def _comprehended(self, element: ast.expr, name: str, over: ast.expr, tests: list[ast.expr]) -> list[Any]:
        outer = dict(self.names)
        found = []
        for item in _items(self.value(over)):
            self.names[name] = item
            if all(self.value(test) is True for test in tests):
                found.append(self.value(element))
        self.names = outer
        return self._made(found)


def evaluate(source: str) -> Any:
    """The value of a single expression without names."""
    tree = _parsed(source, "eval")
    program = Program("")
    return program.value(tree.body)


_WARNED = re.compile(r"\\|(?<![A-Za-z_0-9])\d+[A-Za-z_]")
"""What Python's parser warns of; a warning would reach the user, or be an error."""


def _parsed(source: str, mode: str) -> Any:
    if len(source) > 1500 or _depth(source) > DEEPEST:
        raise Unprovable("too long or nested too deep")
    if _WARNED.search(source):
        raise Unprovable("a backslash, or a number with letters")
    try:
        tree = ast.parse(source, mode=mode)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise Unprovable("no program") from None
    if _height(tree) > 3 * DEEPEST:
        raise Unprovable("nested too deep")
    return tree


def _depth(source: str) -> int:
    deepest = depth = 0
    for c in source:
        depth += (c in "([{") - (c in ")]}")
        deepest = max(deepest, depth)
    return deepest


def _height(tree: ast.AST) -> int:
    height, level = 0, [tree]
    while level:
        height += 1
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return height


def _number(value: Any) -> int:
    if type(value) is not int:
        raise Unprovable("not a whole number")
    return value


def _bounded(value: Any) -> Any:
    if isinstance(value, int):
        if abs(value) > LARGEST:
            raise Unprovable("too large a number")
    elif len(value) > LONGEST:
        raise Unprovable("too long a value")
    return value


def _size(value: Any) -> int:
    """How many numbers and characters there are in a value, what it holds more than once counted as often.

    Takes no more steps than `LARGEST_VALUE`, whatever is in it.
    """
    if not isinstance(value, list):
        return len(value) if isinstance(value, str) else 1
    size, level = 0, value
    for _ in range(DEEPEST):
        size += len(level)
        below: list[Any] = []
        for item in level:
            if isinstance(item, str):
                size += len(item)
            elif isinstance(item, list):
                below += item
                if size + len(below) > LARGEST_VALUE:
                    raise Unprovable("too large a value")
        if size > LARGEST_VALUE:
            raise Unprovable("too large a value")
        if not below:
            return size
        level = below
    raise Unprovable("a value nested too deep")


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, (list, range, str)):
        return value
    raise Unprovable("only lists, ranges and texts can be gone through")


def _shown(value: Any) -> Any:
    if isinstance(value, range):
        raise Unprovable("a range is not printed")
    return value


def _operate(op: ast.operator, left: Any, right: Any) -> Any:
    if isinstance(op, ast.Add) and type(left) is type(right) and isinstance(left, (str, list)):
        return left + right
    if isinstance(op, ast.Mult) and isinstance(left, (str, list)) and type(right) is int:
        if len(left) * max(right, 0) > LONGEST:
            raise Unprovable("too long a value")
        return left * right
    a, b = _number(left), _number(right)
    if isinstance(op, ast.Pow) and 0 <= b <= 20 and abs(a) <= 1000:
        return _bounded(a**b)
    if isinstance(op, (ast.FloorDiv, ast.Mod)) and b == 0:
        raise Unprovable("division by zero")
    table: dict[type, Callable[[int, int], int]] = {
        ast.Add: lambda x, y: x + y,
        ast.Sub: lambda x, y: x - y,
        ast.Mult: lambda x, y: x * y,
        ast.FloorDiv: lambda x, y: x // y,
        ast.Mod: lambda x, y: x % y,
    }
    if type(op) not in table:
        raise Unprovable("an operation outside the grammar")
    return table[type(op)](a, b)


def _compare(op: ast.cmpop, left: Any, right: Any) -> bool:
    if isinstance(op, (ast.In, ast.NotIn)):
        if not isinstance(right, (list, str)) or (isinstance(right, str) and not isinstance(left, str)):
            raise Unprovable("membership outside the grammar")
        return (left in right) is isinstance(op, ast.In)
    if type(left) is not type(right) or not isinstance(left, (int, str, list)):
        raise Unprovable("values of different kinds")
    if isinstance(op, ast.Eq):
        return bool(left == right)
    if isinstance(op, ast.NotEq):
        return bool(left != right)
    if isinstance(left, list):
        raise Unprovable("an order of lists")
    table: dict[type, Callable[[Any, Any], bool]] = {
        ast.Lt: lambda x, y: x < y,
        ast.LtE: lambda x, y: x <= y,
        ast.Gt: lambda x, y: x > y,
        ast.GtE: lambda x, y: x >= y,
    }
    if type(op) not in table:
        raise Unprovable("a comparison outside the grammar")
    return table[type(op)](left, right)


def _plain_list(value: Any) -> list[Any]:
    items = list(_items(value))
    if not items or len({type(item) for item in items}) != 1 or not isinstance(items[0], (int, str)):
        raise Unprovable("a list of different kinds, or an empty one")
    return items


def _call(name: str, arguments: list[Any]) -> Any:
    match name, arguments:
        case "len", [list() | str() | range() as of]:
            return len(of)
        case "abs", [int() as n]:
            return abs(n)
        case "range", [*ends] if 1 <= len(ends) <= 3 and all(type(e) is int for e in ends):
            if len(ends) == 3 and ends[2] == 0:
                raise Unprovable("a step of zero")
            return range(*ends)
        case "sum", [of]:
            return sum(_number(n) for n in _items(of))
        case "max" | "min", [*several] if len(several) > 1:
            numbers = [_number(n) for n in several]
            return max(numbers) if name == "max" else min(numbers)
        case "max" | "min", [of]:
            return max(_plain_list(of)) if name == "max" else min(_plain_list(of))
        case "sorted", [of]:
            return sorted(_plain_list(of))
        case "list", [list() | range() | str() as of]:
            return list(_bounded(of))
        case "str", [int() as n]:
            return str(n)
        case "int", [str() as text] if text.isascii() and text.isdigit() and len(text) < 15:
            return int(text)
        case _:
            raise Unprovable(f"the call of {name} is outside the grammar")


def _method(name: str, of: Any, arguments: list[Any]) -> Any:
    if isinstance(of, str):
        match name, arguments:
            case "upper", []:
                return of.upper()
            case "lower", []:
                return of.lower()
            case "title", [] if of.isascii() and of.replace(" ", "").isalpha():
                return of.title()
            case "count", [str() as part] if part:
                return of.count(part)
            case "replace", [str() as old, str() as new] if old:
                return of.replace(old, new)
            case "split", []:
                return of.split()
            case "join", [list() as items] if all(isinstance(i, str) for i in items):
                return of.join(items)
            case "startswith", [str() as part]:
                return of.startswith(part)
            case "endswith", [str() as part]:
                return of.endswith(part)
    if isinstance(of, list):
        match name, arguments:
            case "count", [int() | str() as item]:
                return of.count(item)
            case "index", [int() | str() as item] if item in of:
                return of.index(item)
    raise Unprovable(f"the method {name} is outside the grammar")
