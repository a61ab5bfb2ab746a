from __future__ import annotations

import pytest

from synthgen.filters.no_task import find_request, non_text
from synthgen.records import Record

ASKED = [
    "Draw a cat wearing a hat.",
    "Please draw me a house",
    "Create an image of a sunset over the sea.",
    "Generate three realistic pictures of dogs",
    "Design a new company logo.",
    "Show me a photo of the Eiffel Tower",
    "Describe the image.",
    "What is shown in this picture?",
    "Classify the following photo as day or night.",
    "Given an image, list the objects in it.",
    "Look at the diagram below and name the parts.",
    "Plot the function y = x^2.",
    "Plot a graph of the sales figures.",
    "Make a flow-chart of the process.",
    "Draw a map of the neighbourhood.",
    "Create a short video about recycling.",
    "Transcribe the attached audio file.",
    "Play some relaxing music.",
    "Compose music for a film trailer.",
    "Upload the file to the server.",
    "Open the attached document and fix the typos.",
    "Go to the bank's website and check the rates.",
    "Click on the red button.",
    "Search the web for today's news.",
    "You are a designer. Create a poster about water.",
    "Send me a link to the recipe.",
    "Task: draw a cat",
    "Zeichne einen Hund.",
    "Erstelle ein Bild von einem Haus.",
    "Beschreibe das folgende Foto.",
    "Ein Logo für eine Bäckerei entwerfen",
    "Dessine un mouton.",
    "Dessine-moi un mouton",
    "Crée une image d'un château.",
    "Décris la photo ci-jointe.",
    "Dibuja un gato.",
    "Crea un logotipo para una panadería.",
    "Describe la imagen adjunta.",
    "Desenhe um gato.",
    "Crie uma imagem de uma praia.",
    "Disegna un gatto.",
    "Crea un'immagine di una spiaggia.",
    "Нарисуй кошку.",
    "Создай изображение заката.",
    "Что изображено на этой фотографии?",
    "画一只猫。",
    "请画一只猫",
    "生成一张日落的图片。",
    "描述这张图片。",
    "上传文件到服务器。",
    "猫の絵を描いてください。",
    "この写真を説明してください。",
    "고양이 그림을 그려 주세요.",
    "이 사진을 설명해 주세요.",
    "다음 그래프를 분석하세요.",
]
TEXT = [
    "File a complaint about a late delivery.",
    "Map each word to its opposite.",
    "Summarise the plot of Hamlet.",
    "Come up with a plot twist.",
    "Draw a conclusion from these facts.",
    "Draw up a contract for a flat.",
    "Draw a careful comparison between tea and coffee.",
    "What lessons can you draw from this?",
    "Write a title for a YouTube video about baking.",
    "Write a script for a short video.",
    "Write a review of a music festival.",
    "Suggest names for a photo album.",
    "How do I draw a straight line without a ruler?",
    "Give me tips for taking good pictures.",
    "List the steps to create a bar chart in a spreadsheet.",
    "Write Python code to draw a circle.",
    "Create a function that opens a file and counts its lines.",
    "Draw a tree in ASCII characters.",
    "Generate an SVG image of a circle.",
    "Explain image recognition to a child.",
    "What is the difference between a photo and a painting?",
    "Explain graph theory in two sentences.",
    "Which video game sold most copies?",
    "Create a character sketch of a retired sailor.",
    "Describe the image quality of old televisions.",
    "Write an email asking where the files are kept.",
    "Where did your parents go to school?",
    "I go to bed late. How can I change that?",
    "Find the links between buffalo, cattle and horse.",
    "Make a road map for learning Spanish.",
    "Rewrite the sentence in the passive: The artist painted this picture.",
    'Translate "Draw a cat" into French.',
    "Paint a scene with words.",
    "Is it worth it to build a positive image?",
    "Beschreibe ein Sprachbild in einem Gedicht.",
    "Bilde einen Satz mit dem Wort Haus.",
    "Erstelle ein Leitbild für einen Verein.",
    "Erstelle einen Titel für ein Video.",
    "Wie zeichnet man einen Kreis?",
    "Ziehe einen Schluss aus den Angaben.",
    "Écris un titre pour une vidéo de cuisine.",
    "Comment dessiner un chat ?",
    "Quelle image le poète emploie-t-il pour la mort ?",
    "Escribe un título para un vídeo.",
    "¿Cómo se dibuja un gato?",
    "Saca conclusiones de los datos.",
    "Escreva um título para um vídeo.",
    "Scrivi un titolo per un video.",
    "Come si disegna un gatto?",
    "Придумай название для видео.",
    "Как нарисовать кошку?",
    "写一段代码来画一个圆。",
    "如何画一只猫？",
    "为视频写一个标题。",
    "推荐一位画家。",
    "描述一个图书馆。",
    "猫の絵の描き方を説明してください。",
    "動画のタイトルを考えてください。",
    "그림자를 주제로 시를 쓰세요.",
    "사진을 잘 찍는 방법을 알려 주세요.",
]


@pytest.mark.parametrize("instruction", ASKED)
def test_requests_for_more_than_text_are_dropped(instruction: str) -> None:
    drop = non_text(Record(instruction=instruction))
    assert drop is not None
    assert drop.reason == "non_text_request"
    assert (drop.detail or "").startswith("instruction: ")


@pytest.mark.parametrize("instruction", TEXT)
def test_requests_for_text_are_kept(instruction: str) -> None:
    assert find_request(instruction) is None


def test_only_the_field_is_looked_at() -> None:
    record = Record(instruction="Shorten the text.", input="Draw a cat.")
    assert non_text(record) is None
    assert non_text(record, field="input") is not None
    assert non_text(record, field="output") is None


@pytest.mark.parametrize(
    ("instruction", "self_instruct", "alpaca"),
    [
        ("Map each word to its opposite.", False, False),
        ("File a complaint", False, False),
        ("Write a title for a video.", True, False),
        ("Describe photosynthesis.", True, True),
        ("The images were mapped.", False, False),
        ("Design a logo.", True, True),
    ],
)
def test_faithful_drops_by_the_published_words(instruction: str, self_instruct: bool, alpaca: bool) -> None:
    record = Record(instruction=instruction)
    assert (non_text(record, faithful="self_instruct") is None) == self_instruct
    assert (non_text(record, faithful="alpaca") is None) == alpaca


def test_long_texts_take_no_long_time() -> None:
    """A pattern that backtracks without bounds would not come back from these."""
    assert find_request("create " * 5000) is None
    assert find_request("生成" * 5000) is None
    assert find_request('"' * 5001 + "the the " * 2000) is None
