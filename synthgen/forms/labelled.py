"""Items in replies that hold no JSON although it was asked for: numbered lists and labelled blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from synthgen.forms.parsed import Broken, Item, Parsed, broken

LABELS = {
    "task_type": "task type|type|aufgabentyp|tipo de tarea|type de tâche|任务类型|类型|タスクの種類|유형"
    "|тип задачи|тип",
    "instruction": "instruction|task|anweisung|aufgabe|instrucción|instruccion|tarea"
    "|consigne|tâche|instrução|tarefa|istruzione|compito|instructie|opdracht|instrukcja|zadanie|指令|指示|任务|命令"
    "|タスク|지시|지시사항|과제|инструкция|задание|التعليمات|المهمة|निर्देश|कार्य",
    "input": "input|eingabe|entrada|entrée|ingresso|invoer|wejście|输入|輸入|入力|입력"
    "|ввод|входные данные|المدخلات|इनपुट",
    "output": "expected output|output|label|answer|response|ausgabe|antwort|salida|respuesta"
    "|sortie|réponse|saída|resposta|risposta|uitvoer|antwoord|wyjście|odpowiedź|输出|輸出|回答|答案|标签|出力|答え"
    "|출력|답변|вывод|ответ|المخرجات|الإجابة|आउटपुट|उत्तर",
}
"""What each field is called in replies that label them."""
FIELD_OF = {name: field for field, names in LABELS.items() for name in names.split("|")}

_COUNTED = (
    "task|example|exercise|problem|question|item|instance|sample|entry|case|scenario|instruction|no|number|part"
    "|aufgabe|beispiel|übung|frage|nummer|nr|tarea|ejemplo|ejercicio|pregunta|tâche|exemple|exercice|question|tarefa"
    "|exemplo|exercício|compito|esempio|esercizio|opdracht|voorbeeld|opgave|taak|uppgift|exempel|oppgave|zadanie"
    "|przykład|úkol|příklad|görev|örnek|задание|задача|пример|任务|任務|示例|例子|例|题|問題|タスク|과제|예시|작업"
    "|مثال|المهمة|مهمة|उदाहरण|कार्य"
)
"""What models count their items as."""
_NUMBER = r"(?:\d{1,4}|[ivxlc]{1,6}|one|two|three|four|five|six|seven|eight|nine|ten|[一二三四五六七八九十]{1,3})"
_ORDINAL = (
    "first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|next|last|final|another|erste|zweite|dritte|vierte"
    "|fünfte|nächste|letzte|primera?|segunda?|tercera?|próxima|premi(?:er|ère)|deuxième|troisième|dernière|другой"
)
_MARK = r"[^\w\n]{0,20}"
COUNTED = re.compile(
    rf"{_MARK}(?:(?:the\s)?(?:{_ORDINAL})\s(?:{_COUNTED})"
    rf"|第?\s?(?:{_COUNTED})\s?(?:no\.|nr\.|n°|№|#)?\s?(?P<of>{_NUMBER})(?:\s?(?:of|/|von|de|из)\s?{_NUMBER})?"
    rf"|第\s?{_NUMBER}\s?(?:{_COUNTED}|个|個|条|道|つ目)?(?:{_COUNTED})?"
    rf"|(?:{_NUMBER}|\d{{1,4}}(?:st|nd|rd|th|º|ª|er|e))[.)]?\s(?:{_COUNTED})|(?P<bare>\d{{1,4}})(?=\W))"
    rf"{_MARK}(?:[:：.)\-–—|]{_MARK}(?P<named>[^\n]{{0,80}}))?",
    re.IGNORECASE,
)
"""A line that numbers an item: `**Task 2**`, `### Example 3: Geography`, `2.`, `第二题`, `Second task`."""
MARKED = re.compile(r"\s{0,3}(?:#{1,6}\s[^\n]{1,80}|(\*\*|__)[^\n]{1,80}?\1:?|={3,} ?[^\n=]{1,60} ?={3,})\s*")
"""A line that its markup makes a heading."""
RULE = re.compile(r"[ \t]*(?:[#*=_\-–—~•·.+◆]{3,80}|(?:[-*_] ){2,40}[-*_]|<hr ?/?>)[ \t]*", re.IGNORECASE)
"""A line that only parts."""

_TO_USER = (
    r"(?:i|we) (?:sincerely )?hope\b|hope (?:this|these|that|it)|let me know|please let me know|feel free to"
    r"|would you like"
    r"|do you want me to|if you (?:need|want|would like|'d like|’d like|have any)|should you (?:need|want|have)"
    r"|(?:these|the above|all of these|each of these|those|here are) (?:\w+ ){0,3}(?:tasks|examples|instructions)"
    r"|shall i|is there anything else|(?:i can|happy to|i'm happy to|glad to)\b|note(?: that)?:? (?:these|the|all) "
    r"|ich hoffe|lass mich wissen|lassen sie mich wissen|sag(?:en sie)? (?:mir )?bescheid|möchtest du|möchten sie"
    r"|wenn (?:du|sie) (?:noch |mehr |weitere )|diese (?:aufgaben|beispiele)|j'espère|j’espère|n'hésite|n’hésite"
    r"|faites-moi savoir|dites-moi|souhaitez-vous|ces (?:tâches|exemples)|espero que|av[íi]s(?:a|e)me|h[áa]zmelo saber"
    r"|déjame saber|si necesitas|si quieres|estas (?:tareas|instrucciones)|me avise|se precisar|spero che|fammi sapere"
    r"|se hai bisogno|ik hoop|laat (?:het )?me weten|mam nadzieję|daj mi znać|надеюсь|дайте (?:мне )?знать|если вам"
    r"|希望|如果您|如果你|请告诉我|需要更多|お役に立て|ご要望|他に|도움이 되|필요하시면|آمل|आशा है"
)
TO_USER = re.compile(rf"{_MARK}(?:{_TO_USER})", re.IGNORECASE)
"""How a paragraph begins that closes a reply and speaks to whoever asked for it."""
ABOUT_TASKS = re.compile(
    r"\b(?:tasks?|examples?|instructions?|instances?|more|further|another|additional|adjust|format|aufgaben|beispiele"
    r"|weitere|mehr|tareas|ejemplos|instrucciones|más|tâches|exemples|consignes|tarefas|exemplos|mais|compiti|esempi|altri"
    r"|opdrachten|taken|zadania|przykłady|задания|задач|примеры)\b|任务|示例|指令|更多|タスク|例|과제|예시|작업",
    re.IGNORECASE,
)
"""What tells such a paragraph from the close of a letter."""


# Repetitions are bounded, so that a long run of one character costs no more than its length.
_NUMBERED = re.compile(r"^[ \t]{0,8}\*{0,2}(\d{1,3})[.)]\*{0,2}[ \t]{1,8}", re.MULTILINE)
_BULLET = re.compile(r"^[ \t]{0,8}[-*•][ \t]{1,8}", re.MULTILINE)

_CUT = "the reply was cut in this item"
_UNSURE = "it cannot be told whether the last lines belong to this item"
_LONGEST_HEADING, _LONGEST_CLOSE = 80, 600
"""Characters of a line that heads an item, and of a paragraph that closes a reply."""

_LABEL = re.compile(
    r"^(?P<marks>[#>*_\-• \t]{0,12})(?:\d{1,3}[.)][ \t]{0,8})?[*_【\[]{0,3}"
    rf"(?P<name>{'|'.join(sorted(map(re.escape, FIELD_OF), key=len, reverse=True))})"
    r"[ \t]{0,8}#?(?P<number>\d{0,3})[*_】\]]{0,3}[ \t]{0,8}"
    r"(?:(?P<colon>[:：])[*_]{0,3}[ \t]{0,8}|(?P<bare>[*_]{0,3}[ \t]{0,8}$))",
    re.MULTILINE | re.IGNORECASE,
)


def numbered(text: str, cut: bool) -> Parsed:
    """The entries of a numbered list as instructions, or of a bulleted one; what stands before it is chatter.

    A number counts only where it goes on from the one before, so that a list within an entry stays there.
    """
    marks: list[re.Match[str]] = []
    following = None
    for match in _NUMBERED.finditer(text):
        number = int(match[1])
        if following is None or number == following:
            marks.append(match)
            following = number + 1
    if not marks:
        marks = list(_BULLET.finditer(text))
    if not marks:
        return Parsed()
    entries = [text[mark.end() : end].strip() for mark, end in _stretches(marks, text)]
    last = [broken(entries.pop(), _CUT, cut=True)] if cut else []
    return Parsed(tuple({"instruction": entry} for entry in entries), tuple(last))


def labelled(text: str, cut: bool) -> Parsed:
    """The items of blocks like `Instruction: … Output: …`; a label that an item has already begins the next one.

    Lines that number or name the next item, rules, and what is said to the user behind the last item belong to none.
    Where that cannot be told, the item is broken.
    """
    marks = [mark for mark in _LABEL.finditer(text) if _is_label(mark)]
    before = text[: marks[0].start()] if marks else ""
    headed, first = _ends_in_heading(before), _number_of(before.rstrip().rpartition("\n")[2]) or 1
    items: list[Item] = []
    pieces: list[Broken] = []
    doubtful: set[int] = set()
    for i, (mark, end) in enumerate(_stretches(marks, text)):
        name = FIELD_OF[mark["name"].lower()]
        value = text[mark.end() : end]
        following = FIELD_OF[marks[i + 1]["name"].lower()] if i + 1 < len(marks) else None
        if following == "instruction" and name == "instruction" and _only_names(mark, value):
            continue
        if not items or name in items[-1]:
            items.append({})
        last = following is None
        if last or following in items[-1] or following == name or following == "instruction":
            value, sure = _without_heading(value, headed=headed, following=0 if last else first + len(items))
            if not sure:
                doubtful.add(len(items) - 1)
        items[-1][name] = _within(value)
    if items and cut:
        pieces.append(broken("\n".join(items.pop().values()), _CUT, cut=True))
    unsure = [broken("\n".join(items[i].values()), _UNSURE) for i in sorted(doubtful) if i < len(items)]
    return Parsed(tuple(item for i, item in enumerate(items) if i not in doubtful), (*unsure, *pieces))


def _is_label(mark: re.Match[str]) -> bool:
    """Whether a line labels a field: with a colon, or alone on its line and marked as a heading."""
    return mark["colon"] is not None or (("#" in mark["marks"] or "**" in mark[0]) and not mark["number"])


def _only_names(mark: re.Match[str], value: str) -> bool:
    """Whether a label with its value only heads an item whose instruction follows: `Task 2:`, `Task 2: Geography`."""
    shown = value.strip().strip("*_#=- \t")
    return not shown or (bool(mark["number"]) and len(shown) <= _LONGEST_HEADING and "\n" not in shown)


def _stretches(marks: list[re.Match[str]], text: str) -> Iterator[tuple[re.Match[str], int]]:
    """Each mark with the place where what it marks ends: at the next mark, or with the text."""
    for i, mark in enumerate(marks):
        yield mark, marks[i + 1].start() if i + 1 < len(marks) else len(text)


def _ends_in_heading(before: str) -> bool:
    """Whether the text before the first label ends in a heading, so that the others may have one too."""
    lines = [line for line in before.split("\n") if line.strip() and not RULE.fullmatch(line)]
    return bool(lines) and not lines[-1].rstrip().endswith((":", "：", ".", "!", "。")) and _short(lines[-1])


def _short(line: str) -> bool:
    return len(line.strip()) <= _LONGEST_HEADING


def _without_heading(value: str, *, headed: bool, following: int) -> tuple[str, bool]:
    """The value of an item's last field without what heads the next item (`following` is its number) or closes the
    reply (0), and whether that is sure.
    """
    lines = value.rstrip().split("\n")
    if not following:
        return _without_close(lines)
    parted = False
    while len(lines) > 1:
        if not lines[-1].strip() or RULE.fullmatch(lines[-1]):
            parted = True
        elif not _heads(lines, following, parted=parted or not lines[-2].strip()):
            break
        lines.pop()
    sure = True
    if headed and len(lines) > 2 and not lines[-2].strip() and _short(lines[-1]):
        # the first item was headed by a line without marks, so this may be the next one's, or the end of the answer
        sure = lines[-1].rstrip().endswith((".", "!", "?", "。", ")", "`", '"', ";", "}"))
    return "\n".join(lines), sure


def _heads(lines: list[str], following: int, *, parted: bool) -> bool:
    """Whether the last line is the heading of item number `following`; `parted`: something parts it from the text."""
    line = lines[-1]
    if not _short(line):
        return False
    counted = COUNTED.fullmatch(line)
    if counted is None:
        return parted and MARKED.fullmatch(line) is not None
    if counted["bare"] is None:
        return parted or (not counted["named"] and _number_of(line) in (None, following))
    if int(counted["bare"]) != following:
        return parted and MARKED.fullmatch(line) is not None
    return not counted["named"] or (parted and not any(_NUMBERED.match(other) for other in lines[:-1]))


def _number_of(line: str) -> int | None:
    """The number that a heading gives its item, in digits."""
    counted = COUNTED.fullmatch(line)
    digits = (counted["bare"] or counted["of"] or "") if counted else ""
    return int(digits) if digits.isdecimal() else None


def _without_close(lines: list[str]) -> tuple[str, bool]:
    """The last value of a reply without the paragraphs at its end that speak to whoever asked for the tasks."""
    sure = True
    while True:
        while len(lines) > 1 and (not lines[-1].strip() or RULE.fullmatch(lines[-1])):
            lines.pop()
        start = next((i + 1 for i in range(len(lines) - 1, -1, -1) if not lines[i].strip()), 0)
        ruled = start > 1 and any(RULE.fullmatch(line) for line in lines[max(0, start - 3) : start] if line.strip())
        paragraph = "\n".join(lines[start:])
        if not start or len(paragraph) > _LONGEST_CLOSE or not TO_USER.match(paragraph):
            return "\n".join(lines), sure
        if not ruled and not ABOUT_TASKS.search(paragraph):
            return "\n".join(lines), False
        del lines[start:]


def _within(value: str) -> str:
    """The value without white space, rules at its end, and the marks that are left of a bold label."""
    lines = value.split("\n")
    while len(lines) > 1 and (not lines[-1].strip() or RULE.fullmatch(lines[-1])):
        lines.pop()
    if len(lines) > 1 and lines[-1].strip() == "```" and value.count("```") % 2:
        lines.pop()  # it closes a fence around the whole reply
    return "\n".join(lines).strip()


def yes_or_no(text: str, cut: bool) -> Parsed:
    """The label where the text opens with yes or no, or holds only one of the two words."""
    said = [word.lower() for word in re.findall(r"\b(?:yes|no)\b", text, re.IGNORECASE)]
    opens = re.match(r"\W{0,20}(?:yes|no)\b", text, re.IGNORECASE)
    if said and (opens or len(set(said)) == 1):
        return Parsed(({"label": said[0]},))
    return Parsed()


def whole(text: str, cut: bool) -> Parsed:
    """The text as an answer without reasoning."""
    text = text.strip()
    if not text:
        return Parsed()
    return Parsed((), (broken(text, _CUT, cut=True),)) if cut else Parsed(({"reasoning": "", "answer": text},))
