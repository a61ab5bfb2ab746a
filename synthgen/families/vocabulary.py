"""The words that tasks are about: people, places, things, and plain sentences made of them."""

from __future__ import annotations

import random


def _items(text: str, separator: str = " ") -> tuple[str, ...]:
    """The items, each once."""
    return tuple(dict.fromkeys(text.split(separator)))


NAMES = _items(
    "Ada Adil Aiko Alba Amara Amina Anders Anika Anton Aoife Arjun Astrid Aylin Bahar Baptiste Beatriz Benno Bogdan "
    "Boris Bruno Camila Carlos Chiara Chidi Clara Dalia Daniel Daria Deniz Dilan Dmitri Edith Eero Elena Elif Emeka "
    "Emil Esra Esteban Eva Fabio Farid Fatima Felix Femi Fiona Freja Gabriel Gemma Giorgio Greta Grace Gunnar Habiba "
    "Hanna Haruto Hassan Helga Hiro Hugo Ibrahim Idris Ilse Imani Ines Ingrid Irina Isaac Ismail Ivan Jamal Jana "
    "Jasper Javier Jelena Joao Jonas Judith Julia Kaito Kamala Karim Katya Kenji Kiran Klara Kofi Kwame Lamia Lars "
    "Laszlo Leila Leon Lin Lionel Livia Lucia Luka Magda Malik Manuel Marek Mariam Marta Mateo Maya Mehmet Mei Milan "
    "Mira Miriam Moses Nadia Naomi Nasser Nela Nia Nikos Nils Nina Noor Odile Olga Omar Oskar Otto Pablo Paolo Petra "
    "Pia Priya Quentin Rafael Rahel Ravi Renata Rosa Ruben Ruth Sadia Salma Samir Sandro Sanna Selma Simon Sina Sofia "
    "Stefan Suki Sven Tamara Tariq Teresa Theo Tilda Timo Tomas Uma Ursula Valentin Vera Viktor Wanda Wei Xenia Yara "
    "Yasmin Youssef Yuki Yusuf Zainab Zofia Zoltan",
)

CITIES = _items(
    "Aarhus Accra Adelaide Alicante Almaty Amman Antwerp Athens Auckland Baku Bamako Bari Basel Beirut Belfast Bergen "
    "Bern Bilbao Bogota Bologna Bonn Bordeaux Bremen Brest Brno Bruges Bucharest Busan Cairo Calgary Cardiff Cologne "
    "Colombo Coimbra Cork Cusco Dakar Darwin Delft Dresden Dublin Dundee Durban Erfurt Fez Fukuoka Galway Gdansk "
    "Geneva Genoa Ghent Girona Glasgow Graz Grenoble Guadalajara Hamburg Hanoi Havana Helsinki Hobart Innsbruck "
    "Istanbul Izmir Jaipur Kampala Kaunas Kigali Kobe Krakow Kyoto Lagos Lausanne Leeds Leipzig Liege Lima Linz "
    "Lisbon Ljubljana Lodz Lublin Lyon Madurai Malaga Malmo Manila Maputo Marseille Medellin Milan Minsk Montreal "
    "Mumbai Munich Nagoya Nairobi Nantes Naples Nicosia Odessa Oslo Ottawa Padua Palermo Parma Perth Pisa Porto "
    "Prague Pune Quito Rabat Reykjavik Riga Rostock Rotterdam Salzburg Sapporo Seville Sofia Split Tallinn Tampere "
    "Tbilisi Thessaloniki Tirana Toledo Toulouse Trieste Tunis Turin Turku Utrecht Valencia Verona Vienna Vilnius "
    "Warsaw Wellington Wroclaw York Zagreb Zurich",
)

JOBS = _items(
    "accountant, actor, animal keeper, apprentice, archaeologist, architect, archivist, astronomer, baker, barber, "
    "beekeeper, biologist, blacksmith, bookbinder, bookseller, botanist, bricklayer, bus driver, butcher, candle "
    "maker, carpenter, cashier, chemist, chess coach, choir leader, cleaner, clockmaker, cobbler, conductor, cook, "
    "dairy farmer, dancer, dentist, dressmaker, editor, electrician, engineer, farmer, ferry captain, firefighter, "
    "fisherman, florist, forester, furniture maker, game designer, gardener, geologist, glassblower, goldsmith, "
    "grocer, guide, hairdresser, historian, hotel clerk, illustrator, interpreter, jeweller, journalist, judge, "
    "juggler, kayak instructor, landscaper, lawyer, lecturer, librarian, lifeguard, lighthouse keeper, locksmith, "
    "magician, mechanic, midwife, miller, museum guard, nurse, optician, orchardist, park ranger, pharmacist, "
    "physicist, piano tuner, pilot, plumber, poet, postman, potter, printer, proofreader, puppeteer, referee, "
    "restaurant owner, roofer, sailor, salesman, school principal, sculptor, shepherd, shipbuilder, shoemaker, stage "
    "manager, statistician, storyteller, student, surgeon, surveyor, swimming teacher, tailor, teacher, tour "
    "operator, trainee, translator, tram driver, tutor, typist, upholsterer, veterinarian, violinist, waiter, warden, "
    "weaver, welder, window cleaner, winemaker, woodcarver, zoologist",
    ", ",
)

TOPICS = _items(
    "alpine flowers, ancient coins, antique clocks, apple varieties, astronomy, badgers, ballet, bamboo, basket "
    "weaving, bats, beach safety, beekeeping, birdwatching, board games, bookbinding, bread baking, bridges, bus "
    "timetables, butterflies, camping, candles, canoeing, castles, caves, ceramics, cheese, chess, choir rehearsals, "
    "chocolate, cider, city parks, coastal walks, coffee roasting, comets, composting, cooking for crowds, coral "
    "reefs, country fairs, cricket, crime novels, cycling, dairy farming, desert plants, dinosaurs, dog training, "
    "door hinges, dragonflies, earthquakes, eclipses, embroidery, fencing, fermented food, ferries, fire drills, "
    "first aid, fishing, folk dances, fossils, fountains, gardening, glaciers, glass making, goats, gymnastics, "
    "harbour history, hedgehogs, herbal tea, hiking, home repairs, honey, horses, hot springs, house plants, ice "
    "skating, insulation, irrigation, jam making, jazz clubs, jewellery, kayaking, kite building, knitting, lace, "
    "lanterns, leather work, lighthouses, locks and keys, lunar phases, magnets, marathon training, market stalls, "
    "meadows, medieval armour, microscopes, migrating birds, minerals, moss, mountain huts, mushrooms, needlework, "
    "night trains, nutrition, oak trees, olive oil, orchards, origami, owls, paper recycling, pasta, penguins, "
    "perfume, pickles, pinball, poetry, ponds, pottery, puppets, quilts, rabbits, radio plays, railways, rain "
    "barrels, rice fields, river otters, robotics, rock climbing, roof tiles, rowing, sailing, school lunches, "
    "scooters, seabirds, seashells, second-hand books, sheep, shoe repair, silk, singing, skiing, sledges, soap "
    "making, solar power, sourdough, space travel, spices, spiders, squash recipes, stamps, steam engines, street "
    "food, sundials, surfing, swimming, table tennis, tailoring, tea ceremonies, telescopes, tents, theatre, tides, "
    "tomatoes, toy trains, traffic safety, tree houses, tulips, tunnels, turtles, typewriters, umbrellas, urban "
    "foxes, vegetable soups, vineyards, violins, volcanoes, volleyball, walnuts, water polo, water quality, "
    "waterfalls, weather records, weaving, wetlands, whales, wheelchair sport, wild garlic, wind turbines, wolves, "
    "wooden toys, woodland birds, wool, yoga, zebras",
    ", ",
)

PLACES = _items(
    "allotment garden, animal shelter, aquarium, arts centre, bakery, barber shop, bicycle workshop, bird sanctuary, "
    "boat yard, book club, bookshop, botanical garden, bowling alley, bus depot, campsite, canteen, castle museum, "
    "charity shop, chess club, chocolate factory, city archive, climbing hall, clinic, community kitchen, concert "
    "hall, corner shop, cottage hospital, cycling club, dairy, dance school, day nursery, debating society, drama "
    "group, evening school, farm shop, ferry terminal, fire station, fish market, flower shop, football club, garden "
    "centre, guest house, hardware store, hiking club, hostel, ice rink, joinery, kindergarten, language school, "
    "laundry, library, lighthouse museum, market hall, mountain hut, nursing home, observatory, opera house, orchard, "
    "packing plant, parish hall, pharmacy, pizzeria, planetarium, post office, pottery studio, primary school, "
    "printing house, railway museum, repair shop, research station, restaurant, riding school, rowing club, sailing "
    "school, sawmill, science fair, scout group, seed bank, shoe shop, sports hall, stationery shop, summer camp, "
    "swimming pool, tailor's shop, tea house, teachers' college, theatre, town hall, toy shop, travel agency, "
    "university, vet's practice, village school, vineyard, water works, weather station, wine cellar, wool mill, "
    "youth centre, zoo",
    ", ",
)

THINGS = _items(
    "almanac, anniversary booklet, annual report, bulletin, calendar, card game, catalogue, checklist, code book, "
    "course booklet, crossword, diary, dictionary entry, escape game, exam, exhibition label, fact sheet, field "
    "guide, guest book, guidebook, handbook, handout, homework sheet, information leaflet, invitation, jubilee "
    "brochure, learning game, leaflet, lesson, letter to members, logbook, magazine page, manual, memory game, menu, "
    "museum label, newsletter, notice board, party game, phrase book, pocket guide, practice test, programme, puzzle "
    "corner, puzzle page, questionnaire, quiz, quiz night, recipe collection, register, report, revision sheet, "
    "riddle page, rota, rule book, schedule, school play, scoreboard, speech, statistics page, summary sheet, survey, "
    "talk, teaching unit, test paper, timetable, tournament, training course, treasure hunt, trivia evening, visitor "
    "survey, wall calendar, warm-up exercise, weekly column, word game, workbook, workshop, yearbook",
    ", ",
)

GOODS = _items(
    "apples apricots avocados bagels balloons baskets beads bells blankets bolts books bottles bowls bricks brooms "
    "brushes buckets buns buttons cabbages cakes candles caps cards carpets carrots chairs cherries coats coins "
    "cookies crates cucumbers cups curtains cushions envelopes erasers feathers figs flags forks frames gloves grapes "
    "hammers hats helmets hooks jars jigsaws jugs kettles keys kites knives ladders lamps lanterns lemons lids "
    "magnets mangoes marbles melons mirrors mugs muffins nails napkins needles notebooks onions oranges paddles pans "
    "parcels peaches pears pebbles pencils peppers pies pillows pins plates plums postcards pots pumpkins puzzles "
    "ribbons rings ropes rulers sandals saucers scarves screws shells shirts shovels socks spades spoons stamps "
    "stickers stools tables tents tickets tiles tokens tomatoes torches towels toys trays tulips umbrellas vases "
    "wheels whistles",
)
"""Things that are counted, in the plural."""

NOUNS = _items(
    "actor admiral ambassador artist aunt baker band banker barrel beetle bicycle blanket boat bridge brother bucket "
    "butterfly cabin camel captain carpenter carriage castle cellar chapel child clerk clock cloud coach colonel "
    "cottage courier cousin crane crow dancer deer doctor dog dolphin donkey door dragon driver duck eagle engine "
    "falcon farmer father ferry fiddler fox friend gardener garden gate giant goat goose guard guest guide hamster "
    "harbour harvest hedgehog heron horse hotel hunter island jacket jester judge jug kettle king kitchen kitten "
    "ladder lamp lantern lawyer lizard lodger magpie mayor meadow mechanic merchant messenger mill minister mirror "
    "monkey mother mouse neighbour nephew newspaper nurse orchard orchestra otter owl painter parrot passenger pebble "
    "pedlar penguin pianist pigeon pilot pirate planet poet pony porter potter prince princess professor pupil queen "
    "rabbit raven referee river robin sailor scholar seagull shepherd singer sister soldier spider sparrow squirrel "
    "stove stranger student surgeon swan tailor teacher tiger tortoise tower tractor trader train traveller turtle "
    "uncle vicar violin visitor waiter walrus wagon weaver whale widow window wizard wolf zebra",
)

ADJECTIVES = _items(
    "amber ancient angry blue bold brave bright broad broken brown calm careful cheerful clever clumsy cold crooked "
    "curious dark dusty eager early elegant empty faded faithful famous fierce foggy foreign fragile friendly gentle "
    "golden graceful green grey grumpy hasty heavy hidden hollow honest hungry icy jolly kind large lazy lean light "
    "little lively lonely loud lucky merry mighty modern muddy narrow nervous noisy northern old orange pale patient "
    "peaceful plain playful polite proud purple quick quiet red restless rich round royal rusty sandy scarlet serious "
    "shallow sharp shiny short shy silent silver sleepy slender slim slow small smooth soft southern splendid spotted "
    "steep stormy strange striped strong stubborn sturdy sunny sweet tall tame tidy tiny tired twisted upright warm "
    "weary wet white wild windy wise wooden yellow young",
)

VERBS = _items(
    "admired approached avoided borrowed bought brought built called carried carved caught chased circled claimed "
    "cleaned collected counted covered crossed decorated defended delivered described discovered dragged entered "
    "examined explored fetched filled followed forgot found greeted guarded helped hid ignored inspected invited "
    "joined kept kicked led left lifted lost loved measured mended missed moved noticed offered opened ordered packed "
    "painted passed planted polished praised protected pulled pushed raised reached recognised remembered repaired "
    "rescued rolled saved searched sold spotted stole studied surprised teased tested thanked touched traded trusted "
    "visited warned washed watched welcomed",
)

ADVERBS = _items(
    "again, at dawn, at dusk, at midnight, at noon, before breakfast, before lunch, behind the barn, beside the "
    "fountain, beside the river, by accident, by candlelight, during the storm, every morning, every winter, in "
    "April, in August, in October, in secret, in silence, in the attic, in the fog, in the forest, in the rain, in "
    "the shade, last night, last summer, near the bakery, near the border, near the harbour, on Friday, on Monday, on "
    "Sunday, on the beach, on the hill, once more, outside the village, over the weekend, this morning, under the "
    "bridge, until sunset, with great care, with two friends, without a sound, without a word, yesterday",
    ", ",
)

DAYS = _items("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
MONTHS = _items("January February March April May June July August September October November December")

WORDS: dict[str, tuple[str, ...]] = {
    "cities": CITIES,
    "names": NAMES,
    "animals": _items(
        "badger beaver bison camel cheetah cobra coyote crab dingo dolphin eagle falcon ferret gecko gibbon hare heron "
        "hyena ibex jaguar kestrel koala lemur leopard llama lynx magpie marten mole moose newt ocelot osprey otter "
        "panda "
        "pelican puffin python quail raven salmon seal shark skunk sloth stoat stork tapir tiger toad trout viper "
        "walrus "
        "weasel yak zebra"
    ),
    "fruits": _items(
        "apple apricot avocado banana blackberry blueberry cherry clementine cranberry currant date elderberry fig "
        "gooseberry grape grapefruit guava kiwi kumquat lemon lime lychee mango medlar melon mulberry nectarine olive "
        "orange papaya peach pear persimmon pineapple plum pomegranate quince raspberry rhubarb strawberry tangerine"
    ),
    "tools": _items(
        "anvil auger axe bellows brush chisel clamp crowbar drill funnel gauge hammer hatchet hoe jigsaw ladder lathe "
        "level mallet pickaxe plane pliers pulley rake rasp razor ruler saw scissors scraper screwdriver shears shovel "
        "sickle spade spanner tongs trowel tweezers vice wedge wheelbarrow whetstone wrench"
    ),
    "colours": _items(
        "amber aqua azure beige black blue bronze brown burgundy copper coral cream crimson cyan emerald fuchsia gold "
        "green grey indigo ivory jade lavender lilac lime magenta maroon mauve navy ochre olive orange peach pink plum "
        "purple red rose ruby rust salmon scarlet sepia sienna silver tan teal turquoise umber violet white yellow"
    ),
    "countries": _items(
        "Albania Algeria Angola Argentina Armenia Austria Belgium Bhutan Bolivia Botswana Brazil Bulgaria Cambodia "
        "Canada "
        "Chad Chile Colombia Croatia Cuba Cyprus Denmark Ecuador Egypt Estonia Ethiopia Fiji Finland France Gabon "
        "Georgia "
        "Germany Ghana Greece Guatemala Guyana Honduras Hungary Iceland India Indonesia Ireland Italy Jamaica Japan "
        "Jordan Kenya Laos Latvia Lebanon Lesotho Liberia Lithuania Malawi Mali Malta Mexico Mongolia Morocco Namibia "
        "Nepal Nicaragua Niger Nigeria Norway Oman Panama Paraguay Peru Poland Portugal Romania Rwanda Samoa Senegal "
        "Serbia Slovakia Slovenia Somalia Spain Sudan Sweden Switzerland Syria Tanzania Thailand Togo Tunisia Turkey "
        "Uganda Ukraine Uruguay Vietnam Yemen Zambia Zimbabwe"
    ),
    "vegetables": _items(
        "artichoke asparagus aubergine beetroot broccoli cabbage carrot cauliflower celery chard chicory courgette "
        "cress "
        "cucumber endive fennel garlic kale kohlrabi leek lettuce okra onion parsnip pea pepper potato pumpkin radish "
        "shallot spinach squash swede tomato turnip watercress yam"
    ),
}
"""Single words by kind."""


def a_word(rng: random.Random) -> str:
    """A single word of small letters."""
    return rng.choice(rng.choice((NOUNS, NOUNS, ADJECTIVES, WORDS["vegetables"])))


def a_phrase(rng: random.Random) -> str:
    """A noun behind one or two adjectives, in small letters."""
    return " ".join([*rng.sample(ADJECTIVES, rng.choice((1, 1, 2))), rng.choice(NOUNS)])


def sentence(rng: random.Random, words: int = 0) -> str:
    """A plain sentence without punctuation, of at least that many words (6 to 14 without)."""
    parts = [rng.choice(("The", "Our", "My", "Every", "Some", "Their")), rng.choice(ADJECTIVES), rng.choice(NOUNS)]
    parts += [rng.choice(VERBS), rng.choice(("the", "his", "her", "this", "that", "our", "one")), rng.choice(NOUNS)]
    adverbs = rng.sample(ADVERBS, 4)
    while len(parts) < words or rng.random() < 0.5:
        kind = rng.random()
        if adverbs and (kind < 0.6 or len(parts) > 14):
            parts += adverbs.pop().split()
        else:
            parts += ["and", rng.choice(VERBS), "the", rng.choice(ADJECTIVES), rng.choice(NOUNS)]
    return " ".join(parts)
