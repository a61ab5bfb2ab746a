"""Drops answers in which an assistant declines or speaks of itself instead of doing the task."""

from __future__ import annotations

import re
from functools import cache

from synthgen.matching.words import FirstLook, normal, word_pattern
from synthgen.records import Drop, Record

_HELP = (
    r"(?:assist|help(?! but\b| it\b| \w+ing\b)|fulfil+|comply|provide|generate|create|produce|answer|complete"
    r"|do (?:that|this)|access|browse|view|see|open|play|process|engage|continue|support|write|offer|give you)\b"
)
_CANNOT = (
    r"(?:can(?:['’]t|not| not)|(?:am|['’]m) (?:unable|not able) to|won['’]t(?: be able to)?|will not(?: be able to)?)"
)
_SORRY = r"(?:(?:i['’]m|i am)(?: very| so| truly)? sorry|sorry|i apologi[sz]e|unfortunately|my apologies)"

DECLINES = (
    rf"{_SORRY}[,.]?(?: but)?,? i {_CANNOT} {_HELP}"
    rf"|i {_CANNOT} (?:assist|help(?! but\b| it\b| \w+ing\b)|fulfil+|comply|access|browse|view|see (?:the "
    r"|any )?(?:image|picture|photo)|engage)\b|i (?:do not|don['’]t) have (?:access to|the ability to|personal"
    r"|real-time|feelings|opinions)|(?:es )?tut mir leid,? (?:aber )?(?:ich kann|dabei kann ich|das kann ich)\b"
    r"|ich kann (?:ihnen |dir )?dabei (?:leider )?nicht helfen"
    r"|(?:je suis )?désolée?,? (?:mais )?je ne (?:peux|suis)|lo siento,? (?:pero )?no puedo"
    r"|(?:desculpe|sinto muito|lamento),? (?:mas )?não posso|mi dispiace,? (?:ma )?non posso"
    r"|(?:извините|простите|к сожалению),? (?:но )?я не могу"
    r"|很?(?:抱歉|对不起)[，,]?(?:但是?)?我(?:无法|不能|没有办法)"
    r"|申し訳(?:ありません|ございません)が、[^。]{0,40}(?:できません|いたしかねます|できかねます)"
    r"|죄송(?:하지만|합니다만|합니다)[,.]?\s[^.]{0,40}(?:없습니다|어렵습니다)"
)
"""How a declining answer begins; anything but letters and an opening quotation mark may stand before it."""

SPEAKS_OF_ITSELF = (
    r"\bas an? (?:ai(?: language)?(?: model| assistant| chatbot|,)"
    r"|artificial intelligence(?: language)?(?: model| assistant|,)|(?:large )?language model)|\bi(?: am"
    r"|['’]m) (?:just |only )?an? (?:ai|artificial intelligence|language model)\b|\bals (?:ki(?:-\w+)?"
    r"|künstliche intelligenz|(?:großes )?sprachmodell)\b|\ben tant qu(?:e |['’])(?:ia"
    r"|intelligence artificielle|modèle (?:de langage|linguistique)|assistant virtuel)\b|\bcomo (?:una? "
    r"|uma? )?(?:ia|inteligencia artificial|inteligência artificial|modelo de (?:lenguaje|linguagem))\b"
    r"|\bin quanto (?:ia|intelligenza artificiale|modello linguistico|assistente virtuale)\b"
    r"|\bкак (?:языковая модель|ии|искусственный интеллект)\b|作为(?:一个|一名)?(?:ai|人工智能|大?语言模型)"
    r"|ai(?:アシスタント|言語モデル)として|(?:ai|인공지능) (?:언어 모델|어시스턴트|비서)(?:로서|으로서|이기)"
)
"""Counts wherever it stands near the beginning, unless the task itself speaks of such a thing."""

ASKED_FOR = re.compile(
    r"\b(?:apolog\w*|declin\w*|refus\w*|reject\w*|turn(?:ing)? down|sorry|say no|excuse\w*|absage\w*"
    r"|entschuldig\w*|ablehn\w*|disculpa\w*|rechaz\w*|recus\w*|desculp\w*|rifiut\w*|scus\w*|извин\w*"
    r"|отказ\w*)\b|道歉|拒绝|婉拒|断|謝|거절|사과",
    re.IGNORECASE,
)
ITSELF_ASKED_FOR = re.compile(
    r"\b(?:ai|a\.i\.|artificial intelligence|chatbot|language model|assistant|ki|ia|ии)\b"
    r"|人工智能|助手|语言模型|アシスタント|인공지능",
    re.IGNORECASE,
)


def refusal(record: Record, *, phrases: tuple[str, ...] = (), within: int = 200) -> Drop | None:
    """`refusal` where the output begins by declining, or speaks of itself as a model in its first `within` characters.

    Knows English, German, French, Spanish, Portuguese, Italian, Russian, Chinese, Japanese and Korean; `phrases` are
    further ones, looked for as whole words. A task that asks for an apology, or about an assistant, gets what it asked
    for. A refusal may be the right answer: keep this filter out where a dataset should teach declining.
    """
    start = normal((record.output or "").lstrip())[:within]
    declines, itself = _patterns()
    may = _first_look().may_match(start)
    asked = f"{record.instruction}\n{record.input}" if may else ""
    found = declines.match(start) if _DECLINES in may and not ASKED_FOR.search(asked) else None
    if found is None and _ITSELF in may and not ITSELF_ASKED_FOR.search(asked):
        found = itself.search(start)
    if found is None and phrases:
        found = word_pattern(tuple(phrases)).search(start)
    return Drop("refusal", detail=f"output: {found.group()!r}") if found else None


_DECLINES, _ITSELF = range(2)


@cache
def _first_look() -> FirstLook:
    return FirstLook([DECLINES, SPEAKS_OF_ITSELF])


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    return re.compile(rf"[^\w\"“„«「]*(?:{DECLINES})", re.IGNORECASE), re.compile(SPEAKS_OF_ITSELF, re.IGNORECASE)
