"""What labelled replies call their fields and the headings between their items, in the languages that models mix in."""

from __future__ import annotations

import re

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
