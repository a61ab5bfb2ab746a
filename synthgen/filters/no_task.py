"""Filters against instructions that nobody could follow: no task, nothing to work on, asking for what is not text.

`not_a_task` and `missing_input` know English (and a colon at the end in any language) and pass what they cannot judge.
They look for what shows that something is wrong, never for the lack of a verb that they know: verbs are too many.

For `non_text` a word alone says little: `file a complaint`, `map each word`, `the plot of a film` and `a video's title`
are all text. So a sentence counts only where a verb that makes or shows has a medium as its object (`design a logo`),
where it points at one that is not there (`describe this photo`), or where it tells the reader to act (`click here`,
`search the web`). Left alone are sentences that ask how something is done, texts that ask for code or for a picture
written as text, and what stands in quotation marks or after a colon: that is material, not the request.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

from synthgen.filters.incomplete import COLONS
from synthgen.matching.languages import CODE, SPACED_LANGUAGES, UNSPACED_LANGUAGES, Words
from synthgen.matching.words import Field, FirstLook, text_of
from synthgen.records import Drop, Record

GAP = 4
"""How many words (articles, adjectives) may stand between a verb and its object."""

QUOTED = re.compile(
    r"\"[^\"\n]*\"|“[^”]{0,500}”|„[^“”]{0,500}[“”]|«[^»]{0,500}»|「[^」]{0,500}」|《[^》]{0,500}》|'(?<=\s')[^'\n]*'(?!\w)"
)
MATERIAL = re.compile(r"(?<=.{8})[:：](?=\s|$|[^\x00-\x7f]).*", re.DOTALL)
"""A colon and all after it, unless it follows a short label (`Task: draw a cat`)."""

SENTENCES = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")


def find_request(text: str) -> str | None:
    """The words with which the text asks for more than text; None where it does not."""
    if not _first_look().may_match(text):
        return None
    for sentence in SENTENCES.split(MATERIAL.sub("", QUOTED.sub(" ", text))):
        for number in sorted(_first_look().may_match(sentence)):
            asks, how = _rules()[number]
            found = asks.search(sentence)
            if found and not how.search(sentence):
                return None if _code().search(text) else found.group().strip(" ,;(")
    return None


@cache
def _first_look() -> FirstLook:
    return FirstLook([asks.pattern for asks, _ in _rules()])


@cache
def _code() -> re.Pattern[str]:
    return re.compile(CODE, re.IGNORECASE)


@cache
def _rules() -> tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]:
    """Pairs: what asks for more than text, and what in the same sentence takes it back."""
    spaced = [(_asks(words), re.compile(rf"\b(?:{words.how})\b", re.IGNORECASE)) for words in SPACED_LANGUAGES]
    return (*spaced, *((re.compile(a, re.IGNORECASE), re.compile(how)) for a, how in UNSPACED_LANGUAGES))


def _asks(words: Words) -> re.Pattern[str]:
    clause = rf"(?:^\s*|[.!?;:,(]\s*|\b(?:{words.leads})\s+)"
    gap = rf"(?:\s+(?!(?:{words.breaks})\b)[\w'’-]+){{0,{GAP}}}?"
    after = rf"(?=\s*$|\s*[^\w\s'’-]|\s+(?:{words.after})\b)" if words.after else r"(?!['’-])"
    made = rf"{clause}(?:{words.make}){gap}\s+(?:(?:l|un)['’])?(?:{words.media})\b{after}"
    acted = rf"{clause}(?:{words.act})"
    seen = rf"\b(?:{words.see})\b{after}"
    return re.compile(f"{made}|{acted}|{seen}", re.IGNORECASE)


SELF_INSTRUCT = (
    *("image", "images", "graph", "graphs", "picture", "pictures", "file", "files", "map", "maps"),
    *("draw", "plot", "go to"),
)
ALPACA = (*SELF_INSTRUCT, "video", "audio", "music", "flowchart", "diagram")
"""The words of Self-Instruct (arXiv 2212.10560) and of Stanford Alpaca, as their code lists them."""


def non_text(
    record: Record, *, field: Field = "instruction", faithful: Literal[False, "self_instruct", "alpaca"] = False
) -> Drop | None:
    """`non_text_request` where the text asks for, or points at, what is not text; `detail` quotes it.

    Made for requests in English, German, French, Spanish, Portuguese, Italian, Russian, Chinese, Japanese and Korean.
    `faithful` takes one of the published English word lists instead, wherever the word stands (`a film's plot` too).
    """
    text = text_of(record, field)
    if not text:
        return None
    if faithful:
        match = _published(faithful).search(text)
        found = match.group() if match else None
    else:
        found = find_request(text)
    return Drop("non_text_request", detail=f"{field}: {found!r}") if found else None


@cache
def _published(method: Literal["self_instruct", "alpaca"]) -> re.Pattern[str]:
    words = ALPACA if method == "alpaca" else SELF_INSTRUCT
    return re.compile(rf"\b(?:{'|'.join(words)})\b", re.IGNORECASE)


SENTENCE_END = re.compile(r"(?<=[.!])[\"”’)]*\s+|\n+")
MOST_SENTENCES = 12
"""A longer text without a task is material: it is left to `length`."""

ASKS = re.compile(
    r"[?？;]|->|=>|→|_{2,}|:\s|[:：]$|\b(?:should|must|needs?|want(?:ed|s)?|would like|wish|please|let['’]?s|let us"
    r"|(?<!here to )help"
    r"|your (?:task|job|goal|objective|assignment|mission|turn)"
    r"|looking for|trying to|(?:have|has|asked|required|supposed"
    r"|going|told|instructed|challenged|expected|able) to|given|provided with|presented with|assume|suppose|imagine"
    r"|wonder(?:ing)?|how to|pretend|task is to|goal is to|answer|ideas?|suggestions?|recommend\w*|advice|tips"
    r"|tell me|give me)\b",
    re.IGNORECASE,
)
"""What asks for something without an imperative, or hands something over."""

_ROLE = (
    r"assistant|chatbot|language model|ai(?: model| system| assistant)?|artificial intelligence|bot|model|llm|expert"
    r"|teacher|tutor|writer|author|student|scientist|programmer|developer|engineer|researcher|doctor|chef|person|user"
    r"|manager|professional|specialist|consultant|agent|tool|system|program|machine"
)
DESCRIBES_THE_READER = re.compile(
    rf"\s*(?:you(?: are|['’]re) (?:now )?(?:an?|the|my|our) (?:[\w-]+ ){{0,4}}(?:{_ROLE})s?\b"
    r"|you (?:(?:can|could|will|may|do|also|always|never|only|often|cannot|can['’]t|don['’]t) ){0,2}(?:are|were|be"
    r"|know|knows|understand|speak|read|write|love|like|enjoy|work|live|provide|offer|assist|support|specialize|specialise|use"
    r"|have)\b|you['’]re (?!asked|given)\w+"
    rf"|as an? (?:[\w-]+ ){{0,3}}(?:{_ROLE}),? (?:you|i)\b"
    r"|your (?:role|purpose|name|knowledge|personality|tone|style|language|skills?|expertise|responses?|replies)\b"
    r"[^.]{0,80}?\b(?:is|are)\b)",
    re.IGNORECASE,
)
SPEAKS_AS_ASSISTANT = re.compile(
    r"\s*(?:(?:sure|certainly|of course|absolutely|great|okay)[,!.]"
    r"|here(?:['’]s| is| are) (?:the|an?|some|your|one|my)\b"
    r"|i(?: am|['’]m) (?:here to|glad|happy|sorry|an? (?:ai|language|assistant|helpful|chatbot))"
    r"|i hope (?:this|that|it)|thank you for|as an (?:ai|artificial)"
    r"|i (?:can|will|could|would)(?: be happy to| gladly)? (?:assist|provide you))",
    re.IGNORECASE,
)
STATES = re.compile(
    r"[\"'“‘(]?(?!(?i:what|who|whom|whose|which|when|where|why|how|is|are|was|were|do|does|did|can|could|would|will)\b)"
    r"(?:(?:(?i:it|he|she|they|we|there|this|that|these|those|everyone|everybody|nobody|nothing|people)\s+"
    r"|(?i:the|this|that|these|those|an?|his|her|their|our|its|some|many|most|all)\s+(?:[\w'’-]+(?:\s+|,\s*)){1,8}?"
    r"|(?:[A-Z][\w'’-]*\s+(?:of\s+|the\s+|and\s+)*){1,4}?)"
    r"(?:is|are|was|were|has|had|will be|has been|have been|can be|may be|became|said|does not|doesn['’]t|did not)\s"
    r"|(?i:it|he|she)\s+(?:[a-z]+ly\s+)?[a-z]{2,}[a-rt-z]s\s"
    r"|(?:It['’]s|He|She|They|We|Nobody|Nothing|Someone|Somebody|However|But|Although|Not because)\b,?\s+[a-z]"
    r"|[A-Z][a-z]+[^\Wsu_]s\s+(?:[\w'’-]+\s+){0,3}?(?:is|are|was|were|have|can|will|may)\s"
    r"|(?!Using|Considering|Assuming|Starting|Judging)[A-Z][a-z]+ing\s+(?:[\w'’-]+\s+){0,6}?(?:is|are|was|were|has|can|will|helps?|makes?)\s"
    r"|I\s+(?:love|like|enjoy|think|believe|feel|was|went|live|work|saw|felt|always|never|will)\s)"
)
"""A subject and a finite verb. `have` and `can` with a plural subject are left out: too many orders look like that."""

HEADING = re.compile(
    r"\s*(?:#{1,6}\s[^\n]*|\*\*[^*\n]{1,100}\*\*:?|__[^_\n]{1,100}__|-{3,}|={3,}"
    r"|(?:task|chapter|section|part|step|exercise|question|example|instruction|title|unit|lesson|problem|prompt)s?"
    r"\s*#?\d*\s*[.:]?|(?:new )?(?:instruction|task|input|output|question|answer)s?\s*[.:]?)\s*",
    re.IGNORECASE,
)
SMALL = frozenset(
    ("a", "an", "and", "as", "at", "by", "for", "from", "in", "into", "of", "on", "or", "the", "to", "with")
)
TITLE_OPENS = re.compile(
    r"(?:The|A|An|Introduction to|History of|Overview of|Benefits of|Importance of|Effects? of|Impact of|Understanding|"
    r"Exploring|Unlocking|Mastering|Navigating|Discovering|Embracing|Unveiling|Harnessing)\s"
)


def not_a_task(record: Record) -> Drop | None:
    """`not_a_task` where the instruction asks for nothing: it describes the model, speaks as an assistant does, states
    something, or is a heading or a title. `detail` says which.

    All its sentences have to be of that kind. Questions, patterns to complete (`big ->`, `Q: …`, `____`), wishes and a
    record with earlier turns pass, and so does whatever is not English.
    """
    text = record.instruction.strip()
    if not text or record.history:
        return None
    if HEADING.fullmatch(text):
        return _no_task("it is a heading")
    if ASKS.search(text):
        return None
    if _title(text):
        return _no_task("it is a title")
    sentences = [s for s in SENTENCE_END.split(text, MOST_SENTENCES) if s.strip()]
    if len(sentences) > MOST_SENTENCES:
        return None
    for pattern, what in (
        (DESCRIBES_THE_READER, "it describes the model"),
        (SPEAKS_AS_ASSISTANT, "an assistant speaks"),
    ):
        if pattern.match(sentences[0]) and all(_states(s) for s in sentences[1:]):
            return _no_task(what)
    return _no_task("it states something") if all(_states(s) for s in sentences) else None


def _states(sentence: str) -> bool:
    return bool(STATES.match(sentence) or DESCRIBES_THE_READER.match(sentence) or SPEAKS_AS_ASSISTANT.match(sentence))


def _no_task(what: str) -> Drop:
    return Drop("not_a_task", detail=f"the instruction asks for nothing: {what}")


def _title(text: str) -> bool:
    if len(text) > 120 or text.endswith((".", "!")) or not TITLE_OPENS.match(text):
        return False
    words = re.findall(r"[^\W\d_][\w'’-]*", text)
    return len(words) > 2 and all(word[0].isupper() or word.lower() in SMALL for word in words)


_MATERIALS = (
    r"(?:sentences?|texts?|paragraphs?|passages?|articles?|e-?mails?|letters?|stor(?:y|ies)|poems?|haikus?"
    r"|code(?: snippets?| blocks?)?|snippets?|programs?|functions?|numbers?|words?|phrases?|clauses?|statements?"
    r"|questions?|reviews?|tweets?|conversations?|dialogues?|data(?:set| set)?s?|tables?|equations?|expressions?|items?"
    r"|options?|excerpts?|documents?|messages?|headlines?|recipes?|quotes?|quotations?|essays?|reports?|abstracts?"
    r"|strings?|arrays?|json|xml|lists?|sets?|inputs?|lyrics?|transcripts?|descriptions?|facts?|information|terms?"
    r"|adjectives?|nouns?|verbs?|names?|animals?|ingredients?|products?|titles?|bullet points?|pairs?|sequences?"
    r"|categor(?:y|ies)|prompts?|scenarios?|situations?|summar(?:y|ies)|topics?|quer(?:y|ies)|values?|examples?)\b"
)
_WORDS = r"(?:[\w'’-]+\s+){0,3}?"
POINTS_AT = re.compile(
    rf"\b(?:the|these|those|this)\s+(?:following|below|above|given|provided|supplied|attached)\s+{_WORDS}(?P<a>{_MATERIALS})"
    rf"|\b(?:the|these|this|those)\s+{_WORDS}(?P<b>{_MATERIALS})\s+"
    r"(?:(?:that (?:is|are) |which (?:is|are) )?(?:given |provided |listed |shown |written )?(?:below|above)"
    r"|provided|given|that follows?)\b(?!\s+(?:by|to|in|from|at|that|age|sea|average)\b)"
    r"|(?<!from )(?<!in )(?<!for )\bthis\s+(?:[\w'’-]+\s+){0,2}?(?P<c>(?:sentence|text|paragraph|passage"
    r"|article|e-?mail|letter|poem|story|code|list|excerpt|document|tweet|review|headline|conversation|dialogue|quote|equation|message"
    r"|expression|snippet|phrase|statement|essay|abstract|transcript|complaint|comment|recipe|notice|speech))\b"
    rf"|\bgiven\s+(?:the|these|this)\s+{_WORDS}(?P<d>{_MATERIALS})(?:\s+below)?\s*,",
    re.IGNORECASE,
)
SHOWS = re.compile(
    r"[:：]\s*\S|\n\s*\S|[\"“”„«»「」『』`]|(?<!\w)['‘]\w[^'’\n]{2,}['’](?!\w)|_{2,}|\.{3}|…|[=|<>{}\[\]]|\d[^\n]{0,40}\d"
    r"|\([^()\n]{3,}\)|;|https?:|\be\.g\.|\s[-–—]\s"
)
"""Material, or what may be some: after a colon or a line break, in quotation marks or brackets, numbers, code."""

PROGRAMS = re.compile(
    r"\b(?:function|program|script|algorithm|code|method|class|quer(?:y|ies)|regex|regular expression|api|app"
    r"|application|sql|python|java(?:script)?|c\+\+|template|formula)\b(?! (?:snippet|below|above))",
    re.IGNORECASE,
)
"""Who asks for a program speaks of inputs that it will have (`that sorts the given list`)."""

QUOTES = re.compile(r"[\"“”„«»「」`]")
FOLLOWS = re.compile(
    r"\A\s+[A-Z][a-z]*\s|[.!?]\s+(?!(?i:use|make|include|output|give|write|explain|provide|do|don['’]t|be|ensure|keep|try|add|remove|list|name"
    r"|find|identify|choose|select|answer|classify|rewrite|edit|correct|change|replace|convert|translate|summari[sz]e|sort"
    r"|rank|return|print|show|highlight|suggest|state|say|tell|think|take|start|begin|end|avoid|label|mark|generate|create"
    r"|describe|justify|compare|determine|specify|limit|assume|please|note|only|your|if|for each|then|also|finally"
    r"|you (?:should|must|can|may|need)"
    r"|(?:the|each|all|it|they|this) (?:[\w-]+ ){0,3}?(?:should|must|needs?|has to|can))\b)\S"
)
"""Behind it, a sentence that is no further order: what the task works on (`Negate the given sentence. It rains.`)."""

CONTINUED = re.compile(
    r"(?:you|my|an?|the|i|it|this|here|we|our|he|she|they|there|in|when|if|one|some)\b", re.IGNORECASE
)
"""How a text begins that is to be continued (`My favourite joke is this:`): its colon points at the answer."""

LONG = 60
"""Words. A longer instruction often holds its material without a mark."""


def missing_input(record: Record) -> Drop | None:
    """`missing_input` where there is no input, and the instruction points at a text, a list or the like (`the following
    sentence`, `this paragraph`, `the list below`) that it does not hold either, or ends with a colon.

    Passes what may hold it: something after a colon or a line break, in quotation marks or brackets, numbers, code; a
    request for a program, which speaks of inputs to come; a thing that the instruction itself has named before (`Write
    a letter. This letter …`); a record with earlier turns or with tools.
    """
    text = record.instruction.strip()
    if record.input.strip() or record.history or record.tools or not text:
        return None
    if text.endswith(COLONS) and "\n" not in text and not (CONTINUED.match(text) or QUOTES.search(text)):
        return Drop("missing_input", detail="the instruction ends with a colon, and there is no input")
    found = POINTS_AT.search(text)
    if found is None or SHOWS.search(text) or PROGRAMS.search(text):
        return None
    if FOLLOWS.search(text[found.end() :]):
        return None
    if found["c"] and re.search(rf"\b{re.escape(found['c'])}", text[: found.start()], re.IGNORECASE):
        return None
    if len(text.split()) > LONG:
        return None
    return Drop("missing_input", detail=f"the instruction speaks of {found.group()!r}, and there is no input")
