"""The tokens of chat templates, which a server that does not take them for what they are leaves in a model's text.

At the end of a reply such a token is the end that the server missed. In the middle, what follows it is another turn.
Text that speaks about such a token marks it as code, in backticks; that is how the two are told apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_BAR = r"[|｜]"
_ENDS = r"""
    im_end im_sep im_start eot_id eom_id eot eom end endoftext end_of_text endofturn end_of_turn endofprompt
    end_of_role start_of_role start_header_id end_header_id begin_of_text begin_of_sentence end_of_sentence
    end▁of▁sentence begin▁of▁sentence User Assistant user assistant system observation tool return call start channel
    message constrain EOT_TOKEN EOT END_OF_TURN_TOKEN START_OF_TURN_TOKEN CHATBOT_TOKEN USER_TOKEN SYSTEM_TOKEN
    END_RESPONSE START_RESPONSE END_TEXT START_TEXT END_ACTION tool_calls_end tool▁calls▁end tool▁call▁end
    endofsystem endofuser endofassistant turn_end end_of_solution role_end ▁pad▁ pad fim_middle
    eos eod EOS separator sep assistant_end user_end python_tag
"""
"""Words between `<|` and `|>` (or DeepSeek's wide bars) that end a turn or begin the next one."""
_BARRED = rf"<{_BAR}(?:{'|'.join(map(re.escape, dict.fromkeys(_ENDS.split())))}){_BAR}>"
_ANY_BARRED = (
    rf"<{_BAR}[A-Za-z_▁][A-Za-z0-9_▁.-]{{0,40}}{_BAR}>"
    rf"|<{_BAR}(?:turn|channel|think|tool_call)>|<(?:turn|channel|think|tool_call){_BAR}>"
)
_OTHERS = (
    r"<(?:start|end)_of_turn>|<eos>|<bos>|<EOS_TOKEN>|<BOS_TOKEN>|</?s>|<end_of_utterance>|<turn_end>|<endoftext>"
    r"|\[/?INST\]|\[/?SYSTEM_PROMPT\]|\[/?AVAILABLE_TOOLS\]|\[TOOL_CALLS\]|<</?SYS>>|\[gMASK\]|<sop>|<eop>|<eod>"
    r"|<\[(?:end|begin|PAD)[^\[\]<>]{0,30}\]>|</?\[seed:[a-z]+\]>|<seed:(?:eos|bos)>|<reserved_10[67]>|<extra_id_\d>"
    r"|<(?:_user|_bot|_end)>|<unk>|<pad>"
)
"""ChatML, Llama 2 and 3, Gemma, Phi, Mistral, Qwen, DeepSeek, Command-R, harmony, GLM, Granite, OLMo, Falcon, Yi, Seed,
Baichuan, SmolVLM …"""

_OPENING = re.compile(r"<(?=[|｜/<\[a-zA-Z_])|\[(?=[/A-Zg])")
_ANGLE, _SQUARE = re.compile(r"<[|｜/<\[a-zA-Z_]"), re.compile(r"\[[/A-Zg]")
_ROLES = ("assistant", "ASSISTANT", "model", "user")
_TOKEN = re.compile(rf"{_ANY_BARRED}|{_OTHERS}")
_AT_END = re.compile(rf"(?:{_BARRED}|<(?:turn|channel){_BAR}>|{_OTHERS})\s*\Z")
_PART_AT_END = re.compile(rf"<{_BAR}[A-Za-z_▁]{{2,40}}{_BAR}?\s*\Z")
_AT_START = re.compile(
    rf"\s*(?:{_BARRED}|<bos>|<BOS_TOKEN>|<s>|\[/INST\]|<start_of_turn>model\b|<{_BAR}turn>model\b)\s*"
    r"|(?:assistant|model|ASSISTANT)[ \t]*\n[ \t]*\n\s*"  # a header whose tokens the server did take out
)
_START_ROLE = re.compile(rf"\s*<{_BAR}(?:im_start|start_header_id|start_of_role|start){_BAR}>\s*assistant\s*")
_HEADER_LEFT = re.compile(r"(?<=[.!?…。！？)\]}])(?:assistant|user)\n\n")
_MARK = re.compile(r"[<\[]")
_HEAD = re.compile(r"\s*[<\[]|assistant|ASSISTANT|model")
_RUN = re.compile(r"`+|~~~+")
_LONGEST = 200
"""Characters at the end of a text in which its last token stands, with the white space around it."""
_STRUCK = re.compile(r"</?s>")


def without_ends(text: str) -> str:
    """The text without the tokens that open its turn and those that end it, and without the white space there."""
    if not (_MARK.search(text, max(0, len(text) - _LONGEST)) or _HEAD.match(text)):
        return text
    start, end = 0, len(text)
    while opening := _START_ROLE.match(text, start) or _AT_START.match(text, start):
        start = opening.end()
    struck = _strikes(text)
    while closing := _closing(text, start, end):
        if struck and closing.group().strip() == "</s>":
            break
        end = closing.start()
        while end > start and text[end - 1].isspace():
            end -= 1
    return text[start:end]


def may_stand_in(json: str) -> bool:
    """A quick look: False where certainly none of the strings in a JSON text holds or begins or ends with a token."""
    return (
        "\\u" in json
        or _ANGLE.search(json) is not None
        or _SQUARE.search(json) is not None
        or any(word in json for word in _ROLES)
    )


def find_token(text: str) -> str | None:
    """The first template token in the text that is not marked as code; None where there is none."""
    if not _may_hold(text):
        return None
    struck = _strikes(text)
    spans: list[tuple[int, int]] | None = None
    for matches in (_tokens(text), _HEADER_LEFT.finditer(text) if _left(text) else ()):
        reached = 0
        for match in matches:
            if struck and _STRUCK.fullmatch(match.group()):
                continue
            if spans is None:
                spans = _code(text)
            while reached < len(spans) and spans[reached][1] <= match.start():
                reached += 1
            if reached == len(spans) or match.start() < spans[reached][0]:
                return match.group().strip()
    return None


def _tokens(text: str) -> Iterator[re.Match[str]]:
    """All tokens, found by what they begin with: most texts have few of these characters."""
    for opening in _OPENING.finditer(text):
        token = _TOKEN.match(text, opening.start())
        if token is not None:
            yield token


def _left(text: str) -> bool:
    return "assistant\n" in text or "user\n\n" in text


def _may_hold(text: str) -> bool:
    """A quick look: False where the text certainly holds no template token."""
    return "<" in text or "[" in text or _left(text)


def _closing(text: str, start: int, end: int) -> re.Match[str] | None:
    tail = max(start, end - _LONGEST)
    return _AT_END.search(text, tail, end) or _PART_AT_END.search(text, tail, end)


def _strikes(text: str) -> bool:
    """Whether `<s>` and `</s>` are HTML, text struck out: they come in pairs, and not one around all."""
    opened = text.count("<s>")
    around = text.lstrip().startswith("<s>") and text.rstrip().endswith("</s>")
    return opened > around and opened == text.count("</s>")


def _code(text: str) -> list[tuple[int, int]]:
    """Where code stands: between equal runs of backticks or tildes, a short run's within one paragraph."""
    runs = [match.span() for match in _RUN.finditer(text)]
    following: dict[str, int] = {}
    nexts: list[int | None] = [None] * len(runs)
    for i in range(len(runs) - 1, -1, -1):
        mark = text[slice(*runs[i])]
        nexts[i] = following.get(mark)
        following[mark] = i
    spans: list[tuple[int, int]] = []
    i = 0
    while i < len(runs):
        j = nexts[i]
        start, end = runs[i]
        if j is None or (end - start < 3 and "\n\n" in text[end : min(runs[j][0], end + _LONGEST * 5)]):
            i += 1
            continue
        spans.append((start, runs[j][1]))
        i = j + 1
    return spans
