/// The words of a text that lists them with spaces between, each once.
func wordSet(_ list: String) -> Set<String> { Set(list.split(whereSeparator: \.isWhitespace).map(String.init)) }

/// English words that clip-art titles use and that neither CLDR nor the keywords have.
let everydayWords: Set<String> = wordSet(
    """
    of the with in on and or for at to by from over under up down left right front back side view small large big \
    tall long short round simple cute happy sad angry funny flying running sitting standing walking sleeping smiling \
    drinking eating driving riding playing man woman boy girl guy kid lady crane duck goose pheasant gull crow raven \
    heron stork sparrow canary pelican bison ox moose elk lynx jaguar puma echidna lizard chameleon iguana toad newt \
    clam mussel oyster lobster prawn crawfish salmon trout tuna cod eel ray manta wrench pliers plier screwdriver \
    saw drill chisel anvil shears rake shovel spade sickle tweezer tweezers multimeter hammer tape measuring cutter \
    nail spray ladder house church castle tower bridge gate wall fence barn mill windmill dam palace cathedral \
    pyramid temple fort memorial statue monument museum lighthouse igloo oboe clarinet bassoon tuba trombone cello \
    harp lute banjo accordion cymbal gong tambourine castanets bongo timpani organ horn recorder flute triangle \
    maracas harmonica butterfly vermilion crimson azure amber ivory jade ruby saffron sepia sienna indigo lilac \
    magenta mauve ochre olive plum purple rust sapphire turquoise vanilla violet cyan emerald coral cobalt chestnut \
    lavender lime mahogany navy aubergine apricot prune raspberry blackberry gooseberry fig date melon papaya \
    grapefruit pear asparagus celery radish turnip beet cabbage spinach zucchini leek sugarbox yogurt butter cookie \
    shake cup slice jar bottle mug kettle pan pot plate bowl tray bucket pillow cushion stool bench desk wardrobe \
    drawer curtain surfboard skateboard tricycle bicycle motorbike lorry van tram barge canoe kayak yacht submarine \
    helicopter glider balloon parachute rocket tank cannon pistol rifle user delete edit grid todo redo undo pen \
    width brush layer window tab font zoom rotate clear insert remove add sort table chart graph mail printer \
    scanner monitor keyboard modem router server disk floppy cassette battery speaker headphones terminal desktop \
    folder trashcan calendar clock calculator camera connector plug socket palette paint crayon eraser ruler compass \
    scissors stapler paperclip envelope stamp languages history shadow polygon line curve contents download upload \
    network package games sound music video movie photo screen wallpaper theme colors colours wagon hill forest \
    river village town sailor fireworks rollerblades exit escalator restaurant stairs customs immigration nursery \
    rental laserprinter scorpion carton roulette breakdance business binoculars scarecrow tent campfire cookbook \
    soap runner carpenter painter skyline pointer resistor resistors parchment corkscrew toaster blender mixer \
    locomotive carriage nugget footprint footprints sketch outline silhouette cartoon stylized black white grey gray
    """
)

/// Words of other languages that slipped into keywords.
let foreignWords: Set<String> = wordSet(
    """
    maison accueil casa gatto di la fiore rana orso zaino uccello il le cane
    """
)

/// Foreign titles that the clip art uses and CLDR has other words for.
let foreignNames: [String: String] = [
    "acquila": "eagle", "cigno": "swan", "tacchino": "turkey", "coccinella": "ladybug", "insetto": "insect",
    "mantide religiosa": "praying mantis", "zanzara": "mosquito", "dino": "dinosaur", "dinosauro": "dinosaur",
    "dinosauri": "dinosaurs", "lucertola": "lizard", "lucertolone": "lizard", "orso": "bear", "leone": "lion",
    "tigre": "tiger", "cavallo": "horse", "gatto": "cat", "gatto cat": "cat", "pecora": "sheep", "rana": "frog",
    "mobile": "cupboard", "casa": "house", "casa dei sogni": "dream house", "cubo rosso": "red cube",
    "finestra": "window", "stampante": "printer", "cesto": "basket", "macchina caffe": "coffee machine",
    "la prugna": "plum", "prugna": "plum", "pomodori": "tomatoes", "clessidra": "hourglass", "fabbrica": "factory",
    "dente": "tooth", "nonno sport": "grandfather", "signorina": "young lady", "siringa": "syringe",
    "portafoglio": "wallet", "calamita": "magnet", "ruota dentata": "gear", "bicicletta cycle": "bicycle",
    "bicicletta": "bicycle", "farfalla": "butterfly", "farfalla semplice": "butterfly", "coniglio": "rabbit",
    "lucchetto grigio": "grey padlock", "lucchetto": "padlock", "fiore": "flower", "gateau": "cake",
    "glace": "ice cream", "glace italienne": "soft ice cream", "flamand": "cake", "arbre modern": "modern tree",
    "toro al tramonto": "bull at sunset", "gallo di profilo": "rooster", "gallo": "rooster", "cane": "dog",
    "uccello": "bird", "pesce": "fish", "albero": "tree", "stella": "star", "sole": "sun", "luna": "moon",
    "nave": "ship", "barca": "boat", "aereo": "airplane", "macchina": "car", "vestito rosa": "pink dress",
    "zaino per montagna": "mountain backpack", "zaino": "backpack", "giardinaggio": "gardening tools",
    "metro avvolgibile": "tape measure", "calzettoni": "socks", "cronometro": "stopwatch",
    "lattine di birra": "beer cans", "utensili chiave e cacciavite": "wrench and screwdriver", "pansement": "bandage",
    "papera": "duck", "maiale": "pig", "mucca": "cow", "topo": "mouse", "elefante": "elephant", "scimmia": "monkey",
    "tartaruga": "turtle", "squalo": "shark", "delfino": "dolphin", "balena": "whale", "ape": "bee", "ragno": "spider",
    "formica": "ant", "serpente": "snake", "cappello": "hat", "scarpa": "shoe", "scarpe": "shoes", "chiave": "key",
    "libro": "book", "matita": "pencil", "penna": "pen", "orologio": "clock", "sedia": "chair", "tavolo": "table",
    "letto": "bed", "porta": "door", "lampada": "lamp", "telefono": "telephone", "mela": "apple", "pera": "pear",
    "uva": "grapes", "fragola": "strawberry", "ciliegia": "cherry", "limone": "lemon", "arancia": "orange",
    "antilope": "antelope", "vacca pezzata rossa": "red and white cow", "zucca": "pumpkin", "mondo": "globe",
    "anelli": "rings", "viti": "screws", "palloncini": "balloons", "orologio da parete": "wall clock",
    "camicia in seta": "silk shirt", "libro di ricette di cucina": "cookbook", "fuoco da campeggio": "campfire",
    "casco con microfono": "headset", "cubo giallo": "yellow cube", "lettera": "letter", "tabella": "table",
    "diagramma": "diagram", "asse da stiro": "ironing board", "elefante in corsa": "running elephant",
    "foglie rosse": "red leaves", "gabbiano piccolo": "seagull", "imbianchino in piedi": "house painter",
    "pinzatrice grigia": "grey stapler", "profilo della citta": "city skyline", "ragazza rossa": "red-haired girl",
    "sapone liquido": "liquid soap", "serratura": "keyhole", "signorina in viola": "lady in purple",
    "spaventapasseri": "scarecrow", "tenda da campeggio": "camping tent", "tramezzino": "sandwich",
    "carpentiere": "carpenter", "corridore": "runner", "blocco ghiaccio": "ice block", "pattino": "skate",
    "binocolo bn": "binoculars", "lucertola arrotolata": "curled lizard", "utenti": "users", "appunti": "notes",
    "cestino pieno": "full waste basket", "schermo macintosh": "computer screen",
    "pallone aerestatico": "hot air balloon",
    "defense de fumer": "no smoking sign", "corrosif": "corrosive warning sign", "tres toxique": "toxic warning sign",
    "sortie issue de secours": "emergency exit sign", "interdiction pietons": "no pedestrians sign",
    "facilement inflammable": "flammable warning sign", "entree interdite": "no entry sign",
    "matieres explosives": "explosives warning sign", "baloon": "balloon", "stappler": "stapler",
    "pane": "bread", "formaggio": "cheese", "uovo": "egg", "pesca": "peach", "torta": "cake", "gelato": "ice cream",
]
