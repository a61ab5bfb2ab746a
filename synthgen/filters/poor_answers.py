"""Filters against what stands in place of an answer: a refusal, the task again, prose for code, a placeholder.

They know English where they look at words, and pass what they cannot judge.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated

from pydantic import Field as Setting

from synthgen.matching.words import FirstLook, normal, word_pattern
from synthgen.records import Drop, Record
from synthgen.text import common_length, tokenize

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


LEAST_ECHO = 6
"""Words: of less, the answer to a question may repeat all (`Is seven prime?`)."""

EDITS = re.compile(
    r"[\"“„]|\b(?:\w+_case|becom\w+|instead|in place of|again|upper|lower|re-?(?:writ|word|phras|order|arrang|plac|mov"
    r"|format|vis|peat|vers|stat|turn|do|cast|duc|organi|number|nam|struct|fin|tain|produc|cit|print|cord|use)\w*|correct\w*|edit\w*|fix\w*|chang\w*|add|adding|remov\w*|delet\w*"
    r"|insert\w*|sort\w*|order\w*|arrang\w*|convert\w*|transform\w*|transl\w*|format\w*|punctuat\w*|capital\w*|case"
    r"|spell\w*|gramma\w*|typos?|errors?|mistakes?|proofread\w*|improv\w*|complet\w*|continu\w*|finish\w*|expand\w*"
    r"|extend\w*|extract\w*|highlight\w*|mark\w*|bold|underlin\w*|active|passive|tense|plural|singular|person|formal"
    r"|informal|polite\w*|negat\w*|swap\w*|copy|quot\w*|echo\w*|encod\w*|decod\w*|split\w*|join\w*|combin\w*|merg\w*"
    r"|concat\w*|turn|make|modify\w*|updat\w*|fill\w*|clean\w*|simplif\w*|shorten\w*|condens\w*|clear\w*|concise|tag\w*"
    r"|label\w*|annotat\w*|adjust\w*|alter\w*|put|anonym\w*|mask\w*|censor\w*|debug\w*|bugs?|wrong|check\w*|indent\w*"
    r"|style|tone|output|filter\w*|dedup\w*|duplicat\w*|unique|trim\w*|parse|structur\w*|separat\w*|group\w*|organi[sz]\w*"
    r"|connect\w*|solve|each|every|all|lines?|bullet\w*)\b",
    re.IGNORECASE,
)
"""What may leave most of a text as it is."""

ENGLISH = re.compile(r"\b(?:the|of|this|these|what|how|why|with|your|you|is|are|for|its)\b", re.IGNORECASE)
MOST = 0.9
"""A share of words. It is lower in an answer that repeats the question in a sentence (`The capital of France is …`)."""


def echo(record: Record, *, share: Annotated[float, Setting(gt=0, le=1)] = MOST) -> Drop | None:
    """`input_echo` or `instruction_echo` where the output is the input or the instruction, nearly word for word; also
    `input_is_instruction` where the input is the instruction once more.

    `share` of the words of both have to be common, in the same order; or the output begins with the whole instruction,
    which makes up more than half of it. What asks for a change (`correct`, `continue`, `sort`) may leave a text nearly
    as it is; what is exactly the same is `input_equals_output`'s.
    """
    output = record.output or ""
    if alike := _alike(record.instruction, record.input, share):
        return Drop("input_is_instruction", score=alike, limit=share)
    if alike := _alike(record.instruction, output, share) or _begins(output, record.instruction):
        return Drop("instruction_echo", score=alike, limit=share)
    alike = _alike(record.input, output, share)
    if alike and ENGLISH.search(record.instruction) and not EDITS.search(record.instruction):
        return Drop("input_echo", score=alike, limit=share)
    return None


def _alike(a: str, b: str, share: float) -> float:
    """The share of common words, in order, in the longer text; 0 where that is below `share`, or one text is short."""
    if 2 * min(len(a), len(b)) < share * max(len(a), len(b)) or not a:
        return 0.0  # words are not twice as long in one of two equal texts
    words, others = tokenize(a), tokenize(b)
    longer = max(len(words), len(others))
    if min(len(words), len(others)) < max(LEAST_ECHO, share * longer):
        return 0.0
    common = common_length(words, others)
    return round(common / longer, 2) if common >= share * longer else 0.0


def _begins(output: str, instruction: str) -> float:
    """The instruction's share of an output that begins with it; 0 where it does not, or has more words of its own."""
    if not len(instruction) < len(output) < 3 * len(instruction):
        return 0.0
    words, others = tokenize(instruction), tokenize(output)
    n = len(words)
    return round(n / len(others), 2) if LEAST_ECHO <= n < len(others) < 2 * n and others[:n] == words else 0.0


_LANGUAGE = (
    r"python|java(?:script)?|typescript|c\+\+|c#|ruby|php|perl|rust|golang|kotlin|swift|scala|haskell|sql|mysql|bash|shell"
    r"|powershell|html5?|css|matlab|vba|regex|regular expression|react|node(?:\.js)?|jquery|latex|assembly|numpy|pandas"
)
_ASK = (
    r"(?:write|create|implement|develop|generate|code|build|compose|construct|give(?: me)?|provide|show(?: me)?|make)"
)
_GAP = r"(?:\s+(?!(?:outputs?|results?|values?|meaning|purpose|names?|errors?|description)\b)[\w'’+#.-]+){0,4}?"
_DOES = (
    r"(?:prints?|takes?|calculat\w+|comput\w+|reads?|outputs?|sorts?|finds?|checks?|converts?|returns?|counts?|generates?"
    r"|reverses?|simulates?|accepts?|sums?|adds?|removes?|parses?|loops?|iterates?|determines?|multipl\w+|swaps?)"
)
ASKS_FOR_CODE = re.compile(
    r"(?:^|[.!?:;,]\s*|\b(?:please|(?:need|have|asked|required|want you|like you) to|you|and|then)\s+)"
    rf"{_ASK}{_GAP}\s+(?:"
    rf"(?:{_LANGUAGE})(?:\s+[\w-]+)?\s+(?:function|program|script|code|class|query|method|statement|command|snippet|expression"
    r"|page|form|table|element|tag|app|application|loop|decorator|module)s?\b"
    r"|(?:function|program|script|code|class|algorithm|method|app)s?\s+(?:in|using|with)\s+"
    rf"(?:{_LANGUAGE}|c)(?![\w-])"
    rf"|(?:regex|regular expression|sql query|code snippet|html code|css code)\b"
    rf"|(?:computer )?(?:program|function|script)\s+(?:in [\w+#]+ )?(?:that|which|to)\s+{_DOES}\b)",
    re.IGNORECASE,
)
NO_CODE_WANTED = re.compile(
    r"\b(?:pseudo-?code|explain|describe|outline|without (?:any )?code|in words|name for|about)\b", re.I
)
CODE_SIGN = re.compile(
    r"```|~~~|^ {4}\S|^\t|[{}\\;^~|]|\$[a-zA-Z_({]|[<>!+*/:-]=|=|[\w\])]\(|</?\w|\w\[|->|\[[^\]\n]{1,200}\]"
    r"|^[ \t]*[#.@]\w?"
    r"|\b(?:SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP)\b|(?i:\bselect\b.{1,200}\bfrom\b)|/\S+/"
    r"|^[ \t]*(?:def|import|print|return|echo)\b"
    r"|^(?:sudo|git|ls|cd|grep|find|npm|pip|tar|chmod|docker|rm|cp|mv) ",
    re.MULTILINE,
)
"""Anything that may be code."""


def no_code(record: Record) -> Drop | None:
    """`no_code` where the instruction asks for a function, a program, a query, a regular expression or a page, in
    English, and nothing in the output looks like code.
    """
    if not record.output:
        return None
    found = ASKS_FOR_CODE.search(record.instruction)
    if found is None or CODE_SIGN.search(record.output) or NO_CODE_WANTED.search(record.instruction):
        return None
    return Drop("no_code", detail=f"the instruction asks for code ({found.group().strip(' .,;:')!r})")


INSERT = re.compile(
    r"\[\s*(?:insert|enter|paste|put|fill in|type|add|your [\w ]{1,30} here|\w+ (?:goes )?here)\b"
    r"[^\[\]\n]{0,80}\](?!\()|<\s*(?:insert|enter|your|put|paste|fill in|type)[ _][^<>\n]{0,60}>"
    r"|\((?:insert|enter|paste|fill in)\s[^()\n]{1,60}\)"
    r"|\{\s*(?:insert|your|enter)[ _][^{}\n]{0,60}\}|\blorem ipsum\b",
    re.IGNORECASE,
)
MAY_HAVE_GAPS = re.compile(r"[\[<({]|psum")
GAP = re.compile(
    r"\[\s*(?:your|name|company|describe|provide|specify|include|topic|title|product|placeholder|recipient|location"
    r"|city|date|address)\b[\w '’/-]{0,60}\](?!\()",
    re.IGNORECASE,
)
"""A gap that its reader fills in: no flaw in what is given for rewriting."""

BARE = re.compile(
    r"(?:\d+[.)]\s*|[-*•]\s*)?(?:(?:your|the|some|sample|example|an?|this is|this is the) )?(?:(?:sentence|paragraph"
    r"|item|text|word|option|point|answer|example|question|instruction|input|output|line|idea|reason|step|name|title|string"
    r"|description|placeholder|article|passage|review|story|email)s?"
    r"(?: ?\d+| here| goes here)|x{3,}|todo|tbd|\.{2,}|…+)"
    r"[.:]?",
    re.IGNORECASE,
)
LINE = 60
"""Characters: a longer line says more."""

FILLED_BY_READER = re.compile(
    r"\b(?:templates?|placeholders?|blanks?|fill\w*|forms?|letters?|e-?mails?|messages?|invit\w+|contracts?|agreements?"
    r"|resum\w+|résum\w+|cv|cover|bio\w*|profiles?|(?:re)?tweets?|captions?|posts?|notes?|memos?|announce\w*|invoices?"
    r"|speech\w*|toasts?|scripts?|repl(?:y|ies)|respon\w+|polic\w+|notices?|certificates?|cards?|introduc\w+|advert\w*"
    r"|ads?|outlines?|formats?|structure|patterns?|syntax|code|html|latex|markdown|function|command|regex|query|lorem"
    r"|ipsum|dummy|sample|mad ?libs?|to-?do|todo|report|text|document|statement|pitch|press|proposals?|will|phrases?"
    r"|greetings?|apolog\w+|thank\w*)\b",
    re.IGNORECASE,
)
"""Tasks whose answers have gaps that their reader fills in."""


def placeholders(record: Record) -> Drop | None:
    """`placeholder_text` where an input or an output has a gap in place of content: `[insert your text here]`, `[Your
    name]`, `Lorem ipsum`, or lines that say nothing but `Sentence 1`, `...` or `TODO`.

    Passes tasks for templates, letters, posts and all that their reader completes, gaps of a text that is given
    (`[date]`), lines that the task itself has, and code.
    """
    for name, text in (("input", record.input), ("output", record.output or "")):
        shown = _bare_line(text) or _gap(text, given=name == "input")
        if not shown or FILLED_BY_READER.search(record.instruction):
            continue
        task = record.instruction if name == "input" else f"{record.instruction}\n{record.input}"
        if shown.rstrip(" :").casefold() not in task.casefold():
            return Drop("placeholder_text", detail=f"{name}: {shown[:80]!r}")
    return None


def _gap(text: str, *, given: bool) -> str:
    if not MAY_HAVE_GAPS.search(text) or "```" in text:
        return ""
    found = INSERT.search(text) or (None if given else GAP.search(text))
    return found.group() if found else ""


def _bare_line(text: str) -> str:
    """The first line that stands for another, where most of the lines do."""
    lines = [line for line in text.splitlines() if line and not line.isspace()]
    bare = [line for line in lines if len(line) < LINE and BARE.fullmatch(line.strip())]
    return bare[0].strip() if 2 * len(bare) > len(lines) else ""
