"""Replies as the originals had them: numbered lists, "###" blocks and labels, read with all their losses.

Used where `faithful: true` is set. Sources: Self-Instruct (arXiv:2212.10560, yizhongw/self-instruct) and Alpaca
(tatsu-lab/stanford_alpaca). What each reader loses is named in its docstring; docs/methods.md measures it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from synthgen.forms.parsed import Item, Parsed, bounded, broken

LIST_NUMBER = re.compile(r"(?:\A|\n)(\d{1,3})\.\s*\Z")
BLOCK_NUMBER = re.compile(r"(?:\A|\n)(\d{1,3})\. Instruction:\s*\Z")
"""How a prompt ends whose list or row of blocks the model is to carry on."""

_DROPPED_WHOLE = "the reply was cut, so all of it is dropped"
_DROPPED_LAST = "the reply was cut, so its last item is dropped"


@dataclass(frozen=True, eq=False)
class Numbered:
    """Instructions as a numbered list that the model carries on (Self-Instruct).

    A cut reply is dropped whole. An entry's white space is collapsed, and `str.capitalize` lower-cases all but its
    first letter. A number with a dot at the start of a line begins an entry wherever it stands.
    """

    name: str = "numbered_instructions"
    sentence: str = "Carry on with this list of varied tasks, up to number {count}:"
    response_format: None = None

    def parse(self, text: str, *, cut: bool = False, first: int = 1) -> Parsed:
        """The instructions; never raises."""
        if cut:
            return Parsed((), (broken(text, _DROPPED_WHOLE, cut=True),))
        # A chat model repeats the number that the prompt ends with; a completion model writes on from it.
        text = re.sub(rf"^\s*{first}\s?\.\s", "", text)
        entries = (" ".join(entry.split()).capitalize() for entry in re.split(r"\n\d+\s?\. ", text))
        items = tuple({"instruction": entry} for entry in entries if entry)
        return bounded(items, ()) if items else Parsed((), (broken(text, "the reply holds no entry"),))

    def write(self, items: list[Item], first: int = 1) -> str:
        """The list from number `first` on, whose number the prompt has written already."""
        return "\n".join(f"{first + i}. {item['instruction']}" for i, item in enumerate(items))[len(f"{first}. ") :]


@dataclass(frozen=True, eq=False)
class Blocks:
    """Tasks as numbered blocks parted by "###" (Alpaca).

    A block must fall into exactly seven pieces around its three labels, so "###" within an answer ends it, and a wrong
    number loses it. The last block of a cut reply is dropped.
    """

    name: str = "blocks"
    sentence: str = "Write {count} tasks in all, each as a block of the same layout as those shown."
    response_format: None = None

    def parse(self, text: str, *, cut: bool = False, first: int = 1) -> Parsed:
        """The tasks; never raises."""
        opening = f"{first}. Instruction:"
        blocks = (text if text.lstrip().startswith(opening) else opening + text).split("###")
        items: list[Item] = []
        pieces = []
        for number, block in enumerate(blocks, first):
            if cut and number == first + len(blocks) - 1:
                pieces.append(broken(block, _DROPPED_LAST, cut=True))
                continue
            parts = re.split(rf"{number}\.\s+(Instruction|Input|Output):", block)
            if len(parts) != 7:
                if block.strip():
                    pieces.append(broken(block, f"the block falls into {len(parts)} pieces, not 7"))
                continue
            instruction, given, output = (parts[i].strip() for i in (2, 4, 6))
            items.append(
                {
                    "instruction": instruction,
                    "input": "" if given.lower() == "<noinput>" else given,
                    "output": output,
                }
            )
        return bounded(items, pieces) if items or pieces else Parsed((), (broken(text, "no block"),))

    def write(self, items: list[Item], first: int = 1) -> str:
        """The blocks from number `first` on, whose first label the prompt has written already."""
        blocks = (
            f"{n}. Instruction: {item['instruction']}\n{n}. Input:\n{item.get('input') or '<noinput>'}\n"
            f"{n}. Output:\n{item['output']}\n"
            for n, item in enumerate(items, first)
        )
        return "###\n".join(blocks)[len(f"{first}. Instruction:") :]


@dataclass(frozen=True, eq=False)
class YesNo:
    """The label as a bare word (Self-Instruct). Everything but Yes, yes and YES means no, an empty reply too."""

    name: str = "yes_no"
    sentence: str = "Say after each task whether it is one of classification, Yes or No."
    response_format: None = None

    def parse(self, text: str, *, cut: bool = False, first: int = 1) -> Parsed:
        """The label; never raises, and never finds fault."""
        return Parsed(({"label": "yes" if text.strip() in ("Yes", "yes", "YES") else "no"},))

    def write(self, items: list[Item], first: int = 1) -> str:
        """The word."""
        return " " + items[0]["label"].capitalize()


@dataclass(frozen=True, eq=False)
class InputFirst:
    """Instances as numbered examples with labelled input and output (Self-Instruct, tasks that classify nothing).

    Text without an `Output:` label is one output without input, if it stands under an `Example`; otherwise nothing.
    The last instance of a cut reply is dropped.
    """

    name: str = "labelled_input_first"
    sentence: str = "Give examples of each task, up to {count}, input before output."
    response_format: None = None

    def parse(self, text: str, *, cut: bool = False, first: int = 1) -> Parsed:
        """The instances; never raises."""
        parts = [p.strip() for p in re.split(r"Example\s?\d*\.?", text)]
        found = [p for p in parts if p] if len(parts) > 1 else [text] if re.search(r"Output\s*\d*\s*:", text) else []
        if not found:
            return Parsed((), (broken(text, "neither an example nor an output", cut=cut),))
        last = [broken(found.pop(), _DROPPED_LAST, cut=True)] if cut else []
        return bounded([*map(self._instance, found)], last)

    def _instance(self, text: str) -> Item:
        parts = re.split(r"Output\s*\d*\s*:", text)
        if len(parts) == 1:
            return {"input": "", "output": text.strip()}
        return {"input": re.sub(r"^Input\s*\d*\s*:", "", parts[0].strip()).strip(), "output": parts[1].strip()}

    def write(self, items: list[Item], first: int = 1) -> str:
        """The examples, numbered."""
        return "".join(
            f"Example {n}\n" + (f"Input: {item['input']}\n" if item["input"] else "") + f"Output: {item['output']}\n"
            for n, item in enumerate(items, 1)
        )


@dataclass(frozen=True, eq=False)
class OutputFirst:
    """Instances as labels, each with an input below it (Self-Instruct, classification).

    The label is one line. Text without a label is dropped, and the last instance of a cut reply.
    """

    name: str = "labelled_output_first"
    sentence: str = "Give examples of each task, up to {count}: first the label, then an input that deserves it."
    response_format: None = None

    def parse(self, text: str, *, cut: bool = False, first: int = 1) -> Parsed:
        """The instances; never raises."""
        if "Label:" not in text:
            return Parsed((), (broken(text, "no label", cut=cut),))
        found = [part.strip() for part in text.split("Label:")[1:]]
        last = [broken(found.pop(), _DROPPED_LAST, cut=True)] if cut else []
        items = []
        for part in found:
            label, _, given = part.partition("\n")
            items.append({"input": given.strip(), "output": label.strip()})
        return bounded(items, last)

    def write(self, items: list[Item], first: int = 1) -> str:
        """The labels with their inputs."""
        return "".join(f"Label: {item['output']}\n{item['input']}\n" for item in items)
