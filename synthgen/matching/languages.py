"""The words with which ten languages ask for pictures, sound, files and the web; `non_text_requests` joins them.

Alternatives of regular expressions, matched whatever the case. They hold what people write to an assistant
(imperatives, infinitives as commands, polite forms), not every form of a verb.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """What one language with spaces between its words brings.

    `make`: verbs whose object is one of `media`. `act`: whole phrases. Both must begin a clause, or follow one of
    `leads`. Between verb and object no word of `breaks` may stand (prepositions, conjunctions). `see`: phrases that
    point at a medium. `how`: a sentence with one of these asks how something is done. `after`: what may follow a
    medium, where nouns are put together without more ado (`video game`, `image quality`).
    """

    make: str
    media: str
    act: str
    see: str
    breaks: str
    leads: str
    how: str
    after: str = ""


_SHOWN = r"images?|pictures?|photos?|photographs?|screenshots?|gifs?|videos?|video clips?|animations?|illustrations?"
_BREAKS = (
    r"for|of|about|to|that|which|with|without|from|in|on|and|or|by|using|into|as|between|how|if|when|where|who"
    r"|whose|is|are|was|what|why|than|at|via|based"
)

ENGLISH = Words(
    make=r"create|make|generate|produce|design|build|construct|develop|prepare|compose|come up with|render"
    r"|show(?: me)?|display|give(?: me| us)?|provide(?: me with)?|find|send(?: me)?|share|post|attach|insert"
    r"|include|add|upload|download|open|save|rename|delete|edit|crop|resize|rotate|recreate|record|film|shoot"
    r"|take|play|want|need|draw|sketch|paint|write",
    media=rf"{_SHOWN}|drawings?|(?<!character )sketch(?:es)?|paintings?|logos?|icons?|posters?|wallpapers?|cartoons?"
    r"|comic strips?|infographics?|graphics?|visuals?|data visuali[sz]ations?|diagrams?|flow-? ?charts?"
    r"|(?:bar|pie|line) (?:charts?|graphs?)|charts? to visuali[sz]e|graphs?|(?<!site )(?<!road )maps?"
    r"|3d models?|qr codes?|audio|audio clips?|podcasts?|recordings?|soundtracks?|music|(?:pdf|image|audio"
    r"|video|word) files?|files?|pdfs?|attachments?|links?(?! between| together)",
    act=r"draw (?!up|on|from|out|near|back|attention|inspiration|(?:an? |the |any |some |your "
    r"|\w+ ){0,3}(?:conclusion|inference|comparison|parallel|analog|distinction|lesson|connection|insight"
    r"|contrast|line between|attention))|sketch (?:a|an|the|out|your)\b|paint (?:a|an|the)\b|plot (?:a|an|the"
    r"|these|this|following)\b(?! twist)|photograph\b|sing\b|play (?:the|a|some|me|this"
    r"|my)\b(?:\s+\w+){0,2}\s+(?:song|music|track|tune|playlist|melody|scale|chord)s?\b|listen to (?:the|this"
    r"|these)\b|watch (?:the|this|these)\b|click (?:on|the|here)\b|go to (?!sleep|bed)|visit (?:the|this"
    r"|following)\s+(?:\w+\s+){0,2}(?:web\w*|link|url|page)\b|(?:search|browse|scour) (?:the (?:web|internet"
    r"|net)|google|online)",
    see=r"(?:this|these|following|given|provided|supplied|attached|accompanying|enclosed|uploaded)(?: an?"
    rf"| the)?(?: \w+)? (?:{_SHOWN}|paintings?|drawings?|cartoons?|comic strip|diagrams?|flow-? ?charts?|logos?"
    r"|maps?|sketch|audio|audio (?:clip|file)s?|recordings?|attachments?|files?)|attached documents?"
    r"|(?:describe|analy[sz]e|examine|interpret|summari[sz]e|transcribe|caption|label|annotate|study|look at"
    rf"|see|in|from|for) the (?:{_SHOWN})(?! of)|(?:images?|pictures?|photos?|diagrams?|maps?|pdf) (?:above"
    r"|below|attached)|(?:in|from|at|via|behind|under|open|visit|on) (?:the|this|following) (?:links?|urls?)"
    r"|is pictured",
    breaks=_BREAKS,
    leads=r"please|kindly|then|and|also|you must|you should|can you|could you|would you|will you|need to"
    r"|needs to|have to|task is to|asked to|required to|want you to|like you to|help me|help me to|try to|now|just|i",
    how=r"how|steps|tutorial|instructions|tips|guide|ways? (?:to|of|in)",
    after=rf"{_BREAKS}|below|above|here|please|i|you|we|it|they|he|she|a|an|the|this|all|can|could|should|would"
    r"|has|have|had|will|i['’]ve|you['’]ve|\w+ed|showing|depicting|representing|illustrating|explaining"
    r"|describing|detailing|displaying|outlining|comparing|promoting|advertising|containing|featuring",
)

_GERMAN_MEDIA = (
    r"(?!\w*(?:leit|vor|welt|sinn|menschen|krankheits|spiegel|feind|schrift)bild)\w*bild(?:er)?|\w*fotos?"
    r"|\w*zeichnung(?:en)?|\w*diagramme?|\w*grafik(?:en)?|\w*plakate?|skizzen?|\w*landkarten?|mindmaps?|fotografien?"
    r"|\w*logos?|poster|gemälde|illustration(?:en)?|animation(?:en)?|videos?|gifs?|icons?|tonaufnahmen?"
    r"|\w*datei(?:en)?|musik|musikstück|3d-modelle?|links?|comics?|song|lied"
)

GERMAN = Words(
    make=r"erstelle?|erstellen sie|erzeuge|erzeugen sie|generiere|generieren sie|entwirf|entwerfen sie|gestalte"
    r"|gestalten sie|mache?|machen sie|produziere|zeige?(?: mir)?|zeigen sie(?: mir)?|schicke?(?: mir)?|sende"
    r"|senden sie|finde|suche|füge|schneide|bearbeite|speichere|öffne|lade|gib mir|nimm|spiele?|spielen sie",
    media=_GERMAN_MEDIA,
    act=r"(?:zeichne|zeichnen sie|male?|malen sie|skizziere|skizzieren sie)(?: mir)? (?:ein|den|die|das)\w*\b"
    r"|fotografiere\b|singe? (?:ein|das|mir)\b|klicken? (?:sie )?auf|besuchen? (?:sie )?die web\w+"
    r"|(?:suche|suchen sie) im (?:internet|netz|web)|durchsuchen? (?:sie )?das (?:internet|netz|web)"
    rf"|(?:ein\w*|das|den|die) (?:\w+ )?(?:{_GERMAN_MEDIA}) (?:[^.!?]* )?(?:entwerfen|erstellen|gestalten"
    r"|zeichnen|erzeugen|malen)",
    see=r"(?:diese[srmn]?|folgende[srmn]?|gegebene[srmn]?|angehängte[srmn]?|beigefügte[srmn]?|obige[srmn]?"
    r"|vorliegende[srmn]?) (?:\w+ )?(?:\w*bild(?:e?s|er|ern)?|\w*fotos?|\w*zeichnung(?:en)?|abbildung(?:en)?"
    r"|\w*diagramms?|gemäldes?|karikatur|videos?|\w*grafik|gifs?|logos?|comics?|datei(?:en)?)"
    r"|beschreiben? (?:sie )?(?:das (?:bild|foto|video)|die (?:abbildung|zeichnung|grafik))",
    breaks=r"für|von|vom|über|um|mit|ohne|zu|zum|zur|aus|anhand|und|oder|zwischen|nach|in|im|auf|an|am|bei|als"
    r"|ob|dass|wie|deren|dessen|worin",
    leads=r"bitte|und|dann|nun|jetzt|du sollst|du musst|kannst du|kannst du mir|sie sollen",
    how=r"wie|schritte?n?|anleitung(?:en)?|tipps|möglichkeit(?:en)?",
)

_FRENCH_MEDIA = (
    r"images?|photos?|photographies?|dessins?|logos?|affiches?|vidéos?|graphiques?|diagrammes?|organigrammes?"
    r"|schémas?|illustrations?|animations?|cartes? (?:mentales?|géographiques?)|bandes? dessinées?"
    r"|infographies?|gifs?|fichiers?|enregistrements?"
)

FRENCH = Words(
    make=r"crée[rz]?|génère|générez|générer|conçois|concevez|concevoir|fais(?:-moi)?|faites(?:-moi)?"
    r"|réalise[rz]?|produis|produisez|montre[rz]?(?:-moi)?|affiche[rz]?|envoie(?:-moi)?|envoyez(?:-moi)?"
    r"|trouve[rz]?|fournis|fournissez|donne[rz]?(?:-moi)?|ajoute[rz]?|joins|ouvre[rz]?|modifie[rz]?"
    r"|retouche[rz]?|enregistre[rz]?|écoute[rz]?|regarde[rz]?",
    media=rf"{_FRENCH_MEDIA}|musique|liens?(?! entre)",
    act=r"dessine[rz]?(?:-moi)? (?:un|une|le|la|les|des|l['’])|peins|peignez|esquisse[rz]? une?\b"
    r"|trace[rz]? (?:le|la|un|une) (?:graph\w+|courbe|carte)|photographie[rz]? \w|chante[rz]?\b|clique[rz]?\b"
    r"|visite[rz]? le site|(?:cherche|recherche)[rz]? sur (?:internet|le web|google)",
    see=rf"(?:cette|ces|ce|cet) (?:{_FRENCH_MEDIA})|(?:{_FRENCH_MEDIA}) (?:ci-dessous|ci-dessus|suivante?s?"
    r"|(?:ci-)?jointe?s?|fournie?s?|donnée?s?)|(?:décris|décrivez|décrire|analyse[rz]?) (?:l['’]image|la photo"
    r"|la vidéo|le dessin)",
    breaks=r"pour|de|des|du|sur|avec|sans|que|qui|dans|et|ou|par|à|au|aux|en|entre|comme|comment",
    leads=r"et|puis|ensuite|veuillez|merci de|peux-tu|pouvez-vous|tu dois|vous devez|maintenant",
    how=r"comment|étapes|conseils|tutoriel|instructions|façons?|manières?",
)

_SPANISH_MEDIA = (
    r"imagen|imágenes|fotos?|fotografías?|dibujos?|logos?|logotipos?|cartel(?:es)?|p[óo]sters?|v[ií]deos?"
    r"|gráfic[oa]s?|diagramas?|mapas?|ilustraci(?:ón|ones)|animaci(?:ón|ones)|infografías?|archivos?|audios?"
    r"|grabaci(?:ón|ones)|gifs?"
)

SPANISH = Words(
    make=r"cre(?:a|e|ar)|gener(?:a|e|ar)|diseñ(?:a|e|ar)|haz(?:me)?|haga|hacer|produ(?:ce|zca|cir)|elabor(?:a|e"
    r"|ar)|muestra|muestre|mostrar|muéstrame|envía|envíe|enviar|envíame|proporcion(?:a|e|ar)|da|dame"
    r"|encuentr[ae]|busc(?:a|ar)|añad(?:e|a|ir)|adjunt(?:a|e|ar)|edit(?:a|e|ar)|recort(?:a|e|ar)|sub(?:e|ir)"
    r"|descarg(?:a|ar)|grab(?:a|e|ar)|reprodu(?:ce|zca|cir)|escuch(?:a|e|ar)|mir(?:a|e|ar)|abr(?:e|a|ir)",
    media=rf"{_SPANISH_MEDIA}|música|enlaces?(?! entre)",
    act=r"dibuj(?:a|e|ar|ame)\b|pint(?:a|e|ar) (?:un|una|el|la)\b|boce(?:ta|te|tar) una?\b|(?:traz"
    r"|grafi[cq]u?)(?:a|e|ar) (?:el|la|un|una|los|las)\b|fotografí(?:a|e|ar) \w|(?:haz|haga) clic\b|cant(?:a|e"
    r"|ar) (?:un|una|la|el)\b|visit(?:a|e|ar) (?:el sitio|la página) web|busca en (?:internet|google|la web)",
    see=rf"(?:esta|estas|este|estos|siguientes?) (?:{_SPANISH_MEDIA})|(?:{_SPANISH_MEDIA}) (?:adjunt\w+"
    r"|siguientes?|anteriore?s?|proporcionad\w+|dad[oa]s?|de abajo|de arriba)|(?:describe|describa|analiza"
    r"|analice) (?:la (?:imagen|foto)|el v[ií]deo)(?! de)",
    breaks=r"para|de|del|sobre|con|sin|que|en|y|o|por|a|al|entre|como|cómo",
    leads=r"por favor|y|luego|después|debes|puedes|podrías|tienes que|ahora",
    how=r"cómo|pasos|consejos|tutorial|instrucciones|maneras?|formas?",
)

_PORTUGUESE_MEDIA = (
    r"imagem|imagens|fotos?|fotografias?|desenhos?|logos?|logotipos?|logomarcas?|cartaz(?:es)?|p[ôo]ster(?:es)?"
    r"|vídeos?|gráficos?|diagramas?|fluxogramas?|mapas?|ilustraç(?:ão|ões)|animaç(?:ão|ões)|infográficos?"
    r"|arquivos?|ficheiros?|áudios?|gravaç(?:ão|ões)|gifs?"
)

PORTUGUESE = Words(
    make=r"cri(?:e|a|ar)|ger(?:e|a|ar)|projet(?:e|ar)|faça|fazer|produz(?:a|ir)|elabor(?:e|ar)|mostr(?:e|a"
    r"|ar)(?:-me)?|envi(?:e|a|ar)(?:-me)?|forneça|fornecer|dê(?:-me)?|encontr(?:e|ar)|procure|adicione|anexe"
    r"|edit(?:e|a|ar)|recort(?:e|ar)|grav(?:e|ar)|reproduz(?:a|ir)|ouça|assista|abra|baixe",
    media=rf"{_PORTUGUESE_MEDIA}|música|links?(?! entre)",
    act=r"desenh(?:e|a|ar) (?:um|uma|o|a|os|as)\b|pint(?:e|ar) (?:um|uma|o|a)\b|esboce uma?\b|fotografe\b"
    r"|cante\b|clique\b|visite o site|(?:pesquise|procure) na (?:internet|web)",
    see=rf"(?:esta|estas|este|estes|essa|esse|seguintes?) (?:{_PORTUGUESE_MEDIA})"
    rf"|(?:{_PORTUGUESE_MEDIA}) (?:anexad\w+|em anexo|a seguir|acima|abaixo|fornecid\w+)|(?:descreva|descrever"
    r"|analise|analisar) (?:a (?:imagem|foto)|o vídeo)(?! d)",
    breaks=r"para|de|do|da|dos|das|sobre|com|sem|que|em|no|na|e|ou|por|entre|como",
    leads=r"por favor|e|depois|você deve|pode|poderia|agora",
    how=r"como|passos|dicas|tutorial|instruções|maneiras?|formas?",
)

_ITALIAN_MEDIA = (
    r"immagin[ei]|foto|fotografi[ae]|disegn[oi]|logo|loghi|manifest[oi]|poster|locandin[ae]|video|grafic[oi]"
    r"|diagramm[ai]|mapp[ae]|illustrazion[ei]|animazion[ei]|infografic(?:a|he)|fumetto|file|audio"
    r"|registrazion[ei]|gif"
)

ITALIAN = Words(
    make=r"cre(?:a|i|are)|gener(?:a|i|are)|progett(?:a|i|are)|realizz(?:a|i|are)|fai|faccia|fare|produ(?:ci"
    r"|rre)|mostr(?:a|i|are)|mostrami|invi(?:a|i|are)|inviami|fornisc[ia]|fornire|dammi|trov(?:a|are)"
    r"|aggiung(?:i|ere)|alleg(?:a|are)|modific(?:a|hi|are)|ritagli(?:a|are)|registr(?:a|i|are)|riprodu(?:ci"
    r"|rre)|ascolt(?:a|are)|guard(?:a|are)|apr(?:i|ire)|scaric(?:a|are)",
    media=rf"{_ITALIAN_MEDIA}|musica|link(?! tra)",
    act=r"disegn(?:a|i|are) (?:un|uno|una|il|lo|la|i|le|gli|l['’])|diping(?:i|ere) (?:un|una|il|la)\b"
    r"|abbozz(?:a|are) una?\b|fotograf(?:a|are) \w|cant(?:a|are) (?:un|una|la)\b|clicc(?:a|are)\b|visit(?:a"
    r"|are) il sito|cerc(?:a|are) (?:su internet|sul web|su google)",
    see=rf"(?:questa|queste|questo|questi|seguent[ei]) (?:{_ITALIAN_MEDIA})|(?:{_ITALIAN_MEDIA}) (?:allegat\w+"
    r"|seguent[ei]|qui sotto|fornit\w+)|(?:descrivi|descrivere|analizza|analizzare) (?:l['’]immagine|la foto"
    r"|il video)(?! d)",
    breaks=r"per|di|del|della|dei|delle|su|sul|sulla|con|senza|che|in|nel|nella|e|o|da|a|al|tra|fra|come",
    leads=r"per favore|e|poi|devi|puoi|potresti|ora",
    how=r"come|passaggi|passi|consigli|tutorial|istruzioni|mod[oi]",
)

_RUSSIAN_MEDIA = (
    r"изображени[ея]|картин(?:ку|ки|а|е)|фото|фотографи[юиея]|рисун(?:ок|ки|ке)|логотипы?|плакаты?|постеры?"
    r"|видео|видеоролик|диаграмм[уые]|блок-схем[уы]|иллюстраци[юи]|анимаци[юи]|комикс|инфографику|файлы?|аудио"
    r"|аудиозапись|аудиофайл"
)

RUSSIAN = Words(
    make=r"(?:создай|сделай|сгенерируй|спроектируй|разработай|покажи|пришли|отправь|загрузи|скачай|найди|дай"
    r"|предоставь|добавь|отредактируй|обрежь|открой|сохрани|сними|включи|построй)(?:те)?(?: мне)?|создать"
    r"|сделать|построить",
    media=rf"{_RUSSIAN_MEDIA}|график функции|карту мира|интеллект-карту|ссылк[уи](?! между)|гифку|музыку|песню",
    act=r"(?:нарисуй|начерти|сфотографируй|спой|нажми)(?:те)?\b|нарисовать\b|посети(?:те)? сайт"
    r"|(?:поищи|найди)(?:те)? в интернете",
    see=r"(?:эт[ауиойе]+|это[тмг]о?|следующ\w+|данн\w+|привед[её]нн\w+|приложенн\w+"
    rf"|прикрепл\w+) (?:{_RUSSIAN_MEDIA})|на (?:этой |этом )?(?:картинке|фото|фотографии|изображении|рисунке)"
    r"|опиши(?:те)? (?:картинку|фото\w*|изображение)",
    breaks=r"для|о|об|про|с|со|без|что|чтобы|в|во|на|и|или|по|к|из|от|между|как|котор\w+",
    leads=r"пожалуйста|и|затем|потом|ты должен|вы должны|можешь|можете|теперь",
    how=r"как|шаги|инструкци\w+|советы|способ\w*",
)

SPACED_LANGUAGES = (ENGLISH, GERMAN, FRENCH, SPANISH, PORTUGUESE, ITALIAN, RUSSIAN)

CHINESE = (
    r"(?:^|[，。；：！？、\s]|请|帮我|给我|并|再|然后|来)画(?![面家龙饼蛇])|绘制|手绘"
    r"|(?:生成|创建|制作|设计|创作|拍摄?|录制|发送?|上传|下载|提供|展示|显示|构建|编辑|裁剪|给我看?|播放|插入|找)"
    r"[^，。；：！？,;!?]{0,16}?(?:图片|图像|照片|图画|插图|插画|海报|标志|徽标|图标|视频|音频|录音|动画|图表"
    r"|流程图|思维导图|示意图|饼图|柱状图|折线图|地图|动图|漫画|logo|gif|链接)(?=$|[，。；：！？,.;!?\s）)]|来"
    r"|以|并|给我|吧)|(?:上传|下载|打开|保存)[^，。；：！？]{0,8}文件|播放[^，。；：！？]{0,10}(?:歌|音乐)"
    r"|唱(?:一首|首)|点击|搜索(?:网络|互联网|网上)|上网搜|(?<!了)(?:这|该|此|以下|下面|上面|给定的?|所给的?"
    r"|附件中?的?|提供的)一?[张幅个段份]?(?:gif图?|图片|图像|照片|漫画|视频|音频|录音|图表|地图|标志|插图"
    r"|画(?![面家廊])|图(?![书形案标谱腾]))|(?<!以)[上下]图(?![书形案标])"
)
CHINESE_HOW = r"如何|怎么|怎样|步骤|方法|教程|技巧|文案|的描述|描述文|脚本|标题|口号|名称"

JAPANESE = (
    r"(?:画像|写真|絵|イラスト|図|グラフ|フローチャート|動画|ビデオ|映像|音声|録音|音楽|ロゴ|ポスター|漫画"
    r"|アニメーション|地図|ファイル|リンク|曲)を[^。、！？]{0,8}?(?:作成|作っ|作り|生成|描|デザイン|撮|見せ"
    r"|表示|送|添付|アップロード|ダウンロード|再生|編集|提供|貼|開い|保存|聞|流し)|描いて|描きなさい|歌って"
    r"|クリックして|(?:この|次の|以下の|下の|上の|添付の|与えられた|提供された)(?:画像|写真|絵(?!本)|イラスト"
    r"|図(?![書式形表])|グラフ(?!理論)|動画|ビデオ|音声|漫画|ロゴ|地図|ファイル)"
)
JAPANESE_HOW = r"方法|手順|どのように|どうやって|やり方|コツ|描き方|作り方|説明文|タイトル|キャッチコピー|歌詞"

KOREAN = (
    r"(?:이미지|그림(?!자)|사진|로고|포스터|동영상|비디오|영상|음성|녹음|음악|노래|그래프|도표|다이어그램"
    r"|순서도|만화|지도|파일|링크|삽화)[을를]?\s*(?:\S+\s+){0,2}?(?:만들|생성|그려|그리|디자인|찍|보여|보내"
    r"|첨부|업로드|다운로드|재생|틀어|편집|제공|열어|저장)|그려\s?(?:줘|주세요|봐|보세요|라\b|주십시오)|(?:노래"
    r"|한 곡)\S*\s?불러|클릭(?:하|해)|인터넷(?:에서|을) (?:검색|찾)|(?:^|\s)(?:이|다음|아래|위|첨부된|주어진"
    r"|제공된)\s(?:이미지|그림(?!자)|사진|동영상|비디오|그래프|도표|다이어그램|만화|로고|지도|음성|파일)"
)
KOREAN_HOW = r"방법|어떻게|단계|요령|팁|제목|가사|문구|설명문"

UNSPACED_LANGUAGES = ((CHINESE, CHINESE_HOW), (JAPANESE, JAPANESE_HOW), (KOREAN, KOREAN_HOW))

CODE = (
    r"(?<!qr )\bcode\b(?! of conduct)|\b(?:python|java|javascript|typescript|html5?|css|svg|latex|tikz|mermaid"
    r"|graphviz|matplotlib|sql|bash|regex\w*|api|ascii|emojis?|matlab|json|xml|yaml|pseudocode)\b"
    r"|\b(?:write|create|develop|build|implement|design|make|construct"
    r"|generate)\s+(?:[\w-]+\s+){0,4}?(?:program|function|script that|script to|algorithm|command|class)s?\b"
    r"|\b(?:in|with|using) words\b|\b(?:programm|funktion|skript|algorithmus|befehl|abfrage|fonction|algorithme"
    r"|función|algoritmo|função|funzione|comando)\b|программ|функци[юи] |скрипт|алгоритм|代码|程序|函数|算法"
    r"|网页|コード|プログラム|関数|코드|프로그램|함수"
)
"""A text with one of these can be answered with text, whatever that shows in the end."""
