"""Writes hostile texts with what open_clip and transformers make of them, for Tests/TokenizersTests.

    python Tools/reference/tokenizers_clip.py --seed 1 --count 420 Tests/TokenizersTests/Fixtures/clip/texts.json
    python Tools/reference/tokenizers_clip.py --characters Tests/TokenizersTests/Fixtures/clip/characters.json
    python Tools/reference/tokenizers_clip.py --folders Tests/TokenizersTests/Fixtures/clip/folders.json

The first line writes the committed texts, the second how the references see each Unicode scalar, the third what
transformers reads from folders. Any other seed and count compares more:

    python Tools/reference/tokenizers_clip.py --seed 2 --count 10000 /tmp/texts.json
    LIENZO_CLIP_TEXTS=/tmp/texts.json swift test --filter CLIPTokenizerTests

With the versions in requirements.txt and Python 3.11, whose tables of characters count. The vocabulary is that of the
installed open_clip; nothing of it is written.
"""

import argparse
import gzip
import html.entities
import json
import random
import re
import tempfile
import unicodedata
from pathlib import Path

import ftfy.badness
import ftfy.chardata
import open_clip.tokenizer
import regex
from tokenizers import Regex, normalizers, pre_tokenizers
from transformers import CLIPTokenizer

SCALARS = [*range(0xD800), *range(0xE000, 0x110000)]
NAMES = ["<|startoftext|>", "<|endoftext|>"]


def write(path, value):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    Path(path).write_text(text + "\n", encoding="utf-8")


# --- The references ---------------------------------------------------------------------------------------------------


def simple_tokenizer(names=None):
    """open_clip's; with OpenAI's names of start and end it is OpenAI's."""
    result = open_clip.tokenizer.SimpleTokenizer()
    if names:
        special = "|".join(map(regex.escape, names))
        result.pat = regex.compile(result.pat.pattern.replace("<start_of_text>|<end_of_text>", special),
                                   regex.IGNORECASE)
        result.cache = {name: name for name in names}
        for old, new in zip(["<start_of_text>", "<end_of_text>"], names):
            result.encoder[new] = result.encoder.pop(old)
    return result


def fast_tokenizer(**options):
    """transformers', from the same merges."""
    merges = gzip.open(open_clip.tokenizer.default_bpe()).read().decode("utf-8").split("\n")[1:48895]
    vocabulary = simple_tokenizer(NAMES).encoder
    return CLIPTokenizer(vocab=vocabulary, merges=[tuple(m.split()) for m in merges], **options)


def cleaned_fast(tokenizer, text):
    """What transformers splits into words: special tokens are found first, and the text between them is cleaned."""
    special = sorted((t.content for t in tokenizer.added_tokens_decoder.values()), key=len, reverse=True)
    parts = re.split("(" + "|".join(map(re.escape, special)) + ")", text)
    normalize = tokenizer.backend_tokenizer.normalizer.normalize_str
    return "".join(part if part in special else normalize(part) for part in parts if part)


# --- Texts that are hard ----------------------------------------------------------------------------------------------

SENTENCES = """
a photo of a cat
A red apple, a green pear; two lemons!
an astronaut riding a horse on mars, artstation, hd, dramatic lighting, 4k
Don't can't it's I'M we'LL they'VE o'clock rock'n'roll 'S 'RE 'll'd''s
the dog's don’t “quoted” ‘single’ „low“ ‚low‘ «guillemets» ‹s› ʼn ′ ″ ´ `
un dibujo de una manzana roja; ¿dónde está el niño? ¡Ñandú, pingüino y cigüeña!
Ein Straßenbahnführer in Düsseldorf: GROẞE MAẞE, ÄÖÜ, Größe
Où est la bibliothèque? L'élève a mangé des crêpes à Noël, voilà
São Paulo: às vezes, àquele, àquela, àquilo, coração, não, à toa
İstanbul'da ışık IŞIK ıi İI İ̇ ŞĞ
ΟΔΥΣΣΕΥΣ Σίσυφος ΜΆΪΟΣ ὀξύς ΑΣ ΑΣ. ΑΣΑ Σ ΣΣ ΑΣ' ΑΣ-Β ΑΣ\u0301 ΑΣ\u00adΒ \u0345ΑΣ ᾼΣ
Съешь же ещё этих мягких французских булок, да выпей чаю ЂЃЄЅІЇЈЉЊЋЌЎЏҐ
Příliš žluťoučký kůň úpěl ďábelské ódy; Zażółć gęślą jaźń; Árvíztűrő tükörfúrógép
Jūsų Šiaurės Žąsys; Ķīšķēzers ņem ģitāru; Sveiki, pasaule — ā, ē, ī
北京大学的学生喜欢吃苹果。日本語のテスト、東京タワー！カタカナ ｶﾀｶﾅ ﾊﾞﾊﾟ ｳﾞ
안녕하세요 한국어 시험 각각 \u1100\u1161\u11a8 ﾡﾢￂ
שלום עולם מה שלומך בְּרֵאשִׁית \u202eabc\u202c \u200frtl\u200e
مرحبا بالعالم كيف حالك السَّلَامُ عَلَيْكُمْ ۱۲۳ ٤٥٦
हिन्दी में परीक्षण नमस्ते दुनिया १२३ क़ख़ \u0915\u093c
ภาษาไทย ทดสอบ กำลัง น้ำ ๑๒๓ မြန်မာ ខ្មែរ ລາວ བོད་ཡིག
Tiếng Việt: Nguyễn Phước Thị Hồng Ngọc Thi\u0302\u0323
ქართული ᲥᲐᲠᲗᲣᲚᲘ Հայերեն Ꭰꭰ ⴰⵎⴰⵣⵉⵖ አማርኛ ᓀᐦᐃᔭᐍᐏᐣ ꦧꦱ தமிழ் తెలుగు ಕನ್ನಡ മലയാളം සිංහල
😀 😀😃😄 👍🏽 👨‍👩‍👧‍👦 🇪🇸🇩🇪 🇪 ❤️ ☺️ ☹ ✂︎ 1️⃣ #️⃣ 🏴󠁧󠁢󠁥󠁮󠁧󠁿 🏳️‍🌈 👩🏾‍🚀
𝓗𝓮𝓵𝓵𝓸 𝔘𝔫𝔦 ⓗⒺ Ｈｅｌｌｏ　ｗｏｒｌｄ！＆ａｍｐ； ﬁﬂ ﬃ ﬅﬆ Ⅷ ⅷ ² ½ ↉ ™ ℃ Å K Ω ㎏ ｟｠ ￥￦ ￨￮
ǅ ǆ Ǆ Ǳ ŉ ẞ ß ſ Ĳ ĳ Ǉ ǈ ǉ Ǌ ǌ 'ſ 'ſt <|ſtartoftext|> <ſtart_of_text> <|endofteXT|>
t̷h̶i̵s̴ i͜s͝ z̸̢̧̛̗̖a̴͇͓͚l̶̙g̷͎ȯ́̂̃̄̅̆̇̈̉̊̋̌ q\u0307\u0323 \u0344 \u0340\u0341 \u0374 \u037e \u0387
豈 﨎 樂 𠀀 𪜀 𫝀 \U0002f800 〇 々 〆 ヶ \U00031350 \U0003d000
P&EACUTE;REZ &amp;amp;amp; &lt;b&gt; &notit; &not it &copy2024 &#233;&#xe9;&#XE9; &#0; &#128; &#59; &#x110000;
C++ C# F# node.js .NET #hashtag @mention snake_case camelCase kebab-case $100.00 + 20% = £120 €5 ¥300 ₿1
e-mail: someone@example.com https://example.com/a/b?c=d&e=f&amp=1&lt=2#g
3.14159 1,000,000 1e-5 0x1F 2026-11-24 12:34:56 ①②③ ⅣⅤ 一二三 ۴ ௧௨
\x1b[31mred\x1b[0m \x1b[1;31;4mbold\x1b[m \x1b[ \x1b[3x \x1b[１m \x1b[٣m \x1b]0;title\x07
a\x00b a\x0bb\x0cc\x1cd\x1de\x1ef\x1fg a\x85b a\x7fb \x1a
a\u00a0b\u1680c\u2003d\u2028e\u2029f\u202fg\u205fh\u3000i zero\u200bwidth\u200cjoin\u200der\u2060x\ufeffy
soft\u00adhyphen re\ufffdplaced private\ue000use\U000f0000x\U0010fffd non\uffff\ufdd0char\U0001ffff \ufff9\ufffc\u206a
âœ” No problems; sÃ³, voilÃ le travail; schÃ¶n; ã\x83\x84; â€œ like this â€\ufffd; cafÃ©; Ã la mode; Ã quele
a ° b Å b Â b Â« Â» ¡Â! ¿Ã? ÂŁ Ă© ГўВЂВњ вЂњ вЂ” β€™ ā€ Ð¿Ñ€Ð¸Ð²ÐµÑ‚ ÐŸÑ€Ð¸Ð²ÐµÑ‚ пїЅ рџЃ
(╯°□°)╯︵ ┻━┻ ¯\\_(ツ)_/¯ ಠ_ಠ ʕ•ᴥ•ʔ ヽ(´▽`)/ ┌П┐(ಠ_ಠ) (°ω°) ─░▒▓█
[PAD] <pad> </s> <|startoftext|> <|endoftext|> <start_of_text>x<end_of_text> <|startoftext|><|startoftext|>!!! a</w>
!<|endoftext|>! <|STARTOFTEXT|> <|EndOfText|>!!! <START_OF_TEXT> <|endoftext|\u0338> <|endoftext|>\u0338 < |endoftext|>
""".strip().split("\n")

BLOCKS = [(0x20, 0x7E), (0x20, 0x7E), (0xA0, 0x17F), (0x180, 0x24F), (0x250, 0x36F), (0x370, 0x3FF), (0x400, 0x52F),
          (0x530, 0x58F), (0x590, 0x6FF), (0x700, 0x8FF), (0x900, 0xDFF), (0xE00, 0xFFF), (0x1000, 0x10FF),
          (0x1100, 0x11FF), (0x1200, 0x167F), (0x1680, 0x1CFF), (0x1D00, 0x1DFF), (0x1E00, 0x1FFF), (0x2000, 0x206F),
          (0x2070, 0x24FF), (0x2500, 0x2BFF), (0x2C00, 0x2DFF), (0x3000, 0x33FF), (0x3400, 0x4DFF), (0x4E00, 0x9FFF),
          (0xA000, 0xABFF), (0xAC00, 0xD7FF), (0xE000, 0xE0FF), (0xF8F0, 0xFAFF), (0xFB00, 0xFDFF), (0xFE00, 0xFEFF),
          (0xFF00, 0xFFFF), (0x10000, 0x10FFF), (0x11000, 0x11FFF), (0x12000, 0x16FFF), (0x17000, 0x1BFFF),
          (0x1CC00, 0x1DFFF), (0x1E000, 0x1EFFF), (0x1F000, 0x1FAFF), (0x20000, 0x33FFF), (0x3D000, 0x3FFFF),
          (0xE0000, 0xE01FF), (0x10FF00, 0x10FFFF)]

MARKS = [v for v in SCALARS if unicodedata.combining(chr(v))]
ODD = [chr(v) for v in [*range(0x20), *range(0x7F, 0xA1), 0xAD, 0x345, 0x200B, 0x200C, 0x200D, 0x200E, 0x2028, 0x2029,
                        0x202E, 0x2060, 0x206A, 0xFE0F, 0xFEFF, 0xFFF9, 0xFFFC, 0xFFFD, 0xFFFE, 0xE0067, 0x1F3FD]]
NAMES_OF_ENTITIES = sorted(html.entities.html5)
SPECIAL = [*NAMES, "<start_of_text>", "<end_of_text>", "<|STARTOFTEXT|>", "<End_Of_Text>", "<|endoftext", "|>", "</w>"]
CLUES = {key: [v for v in range(0x10000) if not 0xD800 <= v < 0xE000 and re.match(f"[{members}]", chr(v))]
         for key, members in {**ftfy.badness.MOJIBAKE_CATEGORIES, **ftfy.chardata.UTF8_CLUES}.items()}
# Every character that the rules for bad text name, also outside the classes.
NAMED = sorted({ord(c) for c in ftfy.badness.BADNESS_RE.pattern if ord(c) > 0x7F}.union(*CLUES.values()))


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def text(self):
        pick = self.random
        kinds = [self.sentence, self.words, self.block, self.block, self.soup, self.marks, self.entities, self.special,
                 self.mojibake, self.mojibake, self.mojibake, self.garble, self.garble, self.rules, self.odd, self.long,
                 self.cased, self.any]
        parts = [pick.choice(kinds)() for _ in range(pick.choice([1, 1, 1, 2, 2, 3, 5]))]
        text = pick.choice(["", " ", " ", "\n", "  ", ", "]).join(parts)
        if pick.random() < 0.1:
            text = pick.choice([" ", "\n", "\t", "\x1c", "\u3000", "'"]) + text
            text += pick.choice([" ", "\n", "\r\n", "\x85"])
        return "".join(c for c in text if not 0xD800 <= ord(c) < 0xE000)

    def characters(self, low, high, count):
        return "".join(chr(self.random.randint(low, high)) for _ in range(count))

    def sentence(self):
        line = self.random.choice(SENTENCES)
        words = line.split(" ")
        start = self.random.randrange(len(words))
        return " ".join(words[start:start + self.random.randint(1, 6)])

    def words(self):
        count = self.random.randint(1, 12)
        return " ".join(self.random.choice(self.random.choice(SENTENCES).split()) for _ in range(count))

    def block(self):
        return self.random.choice(["", " "]).join(
            self.characters(*self.random.choice(BLOCKS), self.random.randint(1, 6))
            for _ in range(self.random.randint(1, 5)))

    def any(self):
        return "".join(chr(self.random.choice(SCALARS)) for _ in range(self.random.randint(1, 12)))

    def soup(self):
        return "".join(chr(self.random.choice(NAMED)) if self.random.random() < 0.7 else self.characters(0x20, 0x7E, 1)
                       for _ in range(self.random.randint(1, 20)))

    def odd(self):
        return "".join(self.random.choice([self.random.choice(ODD), self.characters(0x21, 0x7E, 2), "\x1b[", "1;",
                                           "m", "\r\n"])
                       for _ in range(self.random.randint(1, 10)))

    def marks(self):
        result = ""
        for _ in range(self.random.randint(1, 6)):
            result += self.characters(*self.random.choice(BLOCKS[:30]), 1)
            result += "".join(chr(self.random.choice(MARKS)) for _ in range(self.random.randint(0, 5)))
        return result if self.random.random() < 0.5 else unicodedata.normalize("NFD", result)

    def cased(self):
        letters = ["Σ", "σ", "ς", "İ", "I", "ı", "i", "\u0307", "'", ".", "\u00ad", "A", "ß", "ẞ", "ʼ", "ʕ", "\u0345",
                   "ͅ", "1",
                   "\U0001171e", " ", "ᾳ", "ǰ", "Ŀ", ":", "ª", "Ⓐ", "Ა", "Ꭰ"]
        return "".join(self.random.choice(letters) for _ in range(self.random.randint(1, 12)))

    def entities(self):
        pick = self.random
        result = ""
        for _ in range(pick.randint(1, 6)):
            name = pick.choice(NAMES_OF_ENTITIES)
            digits = str(pick.choice([pick.randint(0, 300), pick.randint(0, 0x11FFFF), 38, 59, 0xFFFE, 10**20, 0xD800]))
            result += pick.choice([
                "&" + name, "&" + name.upper(), "&" + name.rstrip(";"),
                "&" + name.rstrip(";") + self.characters(0x61, 0x7A, 3),
                "&amp;" + name, "&#" + digits + ";", "&#" + digits, "&#x" + f"{int(digits):x}" + ";",
                "&#X" + f"{int(digits):X}",
                "&#" + digits + "ab;", "&#x;", "&;", "&" * pick.randint(1, 3), "&" + name[:pick.randint(1, 8)],
                "&#38;#" + digits + ";",
                "&amp;amp;amp;lt;", "&" + "x" * pick.randint(20, 40) + ";", "&#0" + "0" * pick.randint(1, 30) + "65;",
                "&" + name.rstrip(";") + "é;", "<", "&#" + digits[:1] + "&#5" + digits[1:2] + ";;", "&semi;", "&num;"])
            result += pick.choice(["", "", " ", "a", "=", "\n"])
        return result

    def special(self):
        return "".join(self.random.choice(SPECIAL + [self.sentence(), "!", "'s", " "])
                       for _ in range(self.random.randint(1, 4)))

    def long(self):
        pick = self.random
        unit = pick.choice(["a", "ab", "!", "1", "é", "中", "<", "'", "A'", "\u0301", "😀", "un", "ha", "Ã©", "&amp;",
                            "&", "Σ", "\u00a0"])
        return unit * pick.randint(10, 300)

    def garbled(self, text):
        """UTF-8 read with another encoding; what that has not is lost, left, or read as a sloppy program would."""
        page = self.random.choice(ftfy.chardata.CHARMAP_ENCODINGS + ["sloppy-windows-1252"] * 3 + ["latin-1"])
        data = text.encode("utf-8", "surrogatepass")
        if self.random.random() < 0.15:
            utf16 = text.encode("utf-16-be", "surrogatepass")
            units = [int.from_bytes(utf16[i:i + 2], "big") for i in range(0, len(utf16), 2)]
            data = b"".join(b"\xc0\x80" if u == 0 else chr(u).encode("utf-8", "surrogatepass") for u in units)
        text = data.decode(page, "replace")
        if self.random.random() < 0.25 and page.startswith("sloppy"):
            text = data.decode(page.removeprefix("sloppy-"), "replace")
        return text

    def mojibake(self):
        pick = self.random
        source = pick.choice([self.sentence, self.words, self.sentence, self.cased, self.marks, self.block])
        text = source()
        for _ in range(pick.choice([1, 1, 1, 2, 3])):
            if len(text) > 400:
                break
            text = self.garbled(text)
            change = pick.random()
            if change < 0.15:
                text = text.replace("\xa0", " ")
            elif change < 0.2:
                text = text.replace("\ufffd", pick.choice(["?", "", "\x1a"]))
            elif change < 0.25:
                text = text.replace("\x85", "...").replace("…", "...")
            elif change < 0.3:
                text = text.lower() if pick.random() < 0.5 else text.upper()
            elif change < 0.35 and text:
                cut = pick.randrange(len(text))
                text = text[:cut] + text[cut + 1:]
            elif change < 0.4:
                text = "".join(c if ord(c) < 0x80 else f"&#{ord(c)};" for c in text)
        if pick.random() < 0.3:
            text = pick.choice([self.sentence, self.soup, self.block])() + pick.choice(["", " "]) + text
        return text

    def garble(self):
        """Bytes that are nearly UTF-8, seen through a code page."""
        pick = self.random
        page = pick.choice(ftfy.chardata.CHARMAP_ENCODINGS)
        data = b""
        for _ in range(pick.randint(1, 6)):
            lead = pick.choice([0xC0, 0xC2, 0xC3, 0xC3, 0xC5, 0xCE, 0xD0, 0xD9, 0xE0, 0xE1, 0xE2, 0xE3, 0xED, 0xEF,
                                0xF0, 0xF3,
                                pick.randint(0x80, 0xFF)])
            count = {0xC: 1, 0xD: 1, 0xE: 2, 0xF: 3}.get(lead >> 4, 0)
            rest = [pick.choice([pick.randint(0x80, 0xBF)] * 5 + [0x20, 0x20, 0x1A, 0x3F, 0xA0, 0x85,
                                                                  0x80]) for _ in range(count)]
            if lead == 0xED and pick.random() < 0.6:
                rest = [pick.randint(0xA0, 0xAF), pick.choice([0x80, 0xBF, 0x1A, 0x3F]), 0xED, pick.randint(0xB0, 0xBF),
                        pick.choice([0x80, 0xB5, 0x1A, 0x3F, 0x0A])]
            data += bytes([lead, *rest]) + pick.choice([b"", b"", b"a", b" ", b"la ", b"quele", b"s ", b"\n", b"e",
                                                        b"?", b"."])
        text = data.decode(page, "replace")
        if page.startswith("sloppy") and pick.random() < 0.3:
            text = text.replace("\ufffd", "\x1a")
        return text

    def rules(self):
        """Neighbours from the classes by which bad text is known."""
        pick = self.random
        around = ["", " ", "a", "Z", "1", "_", "\u00a0", "é", ".", "!", "ж", "中", "\n", "\t"]
        result = pick.choice(around)
        for _ in range(pick.randint(1, 4)):
            name = pick.choice(list(CLUES))
            result += chr(pick.choice(CLUES[name])) if pick.random() < 0.8 else chr(pick.choice(NAMED))
        return result + pick.choice(around)


def fixed_texts():
    """Texts that every set has, whatever the seed."""
    result = [*SENTENCES, "", " ", "\n", "\t\r\n ", "\x00", "\x00\x01\x02", "'", "''", "'s", "&", "<", "é", "\u0301",
              "\ufeff"]
    result += ["a" * 1000, "supercalifragilisticexpialidocious" * 4, "un" * 200, "é" * 300, "e\u0301" * 300, "中" * 100,
               "!" * 300, "ab " * 100, "a" + "\u0301" * 500, "😀" * 100, "<|endoftext|>" * 90, "1" * 100, "Σ" * 100]
    result += ["a <b> &eacute;\n&eacute; &lt;", "&eacute;\n<\n&eacute;", "&#xC3;&#xA9;", "Ã©&amp;eacute;", "À\u0080",
               "À\n", "í ° \n",
               "Ã", "Ã ", "Ã\u00a0", " Ã ", "Ã la", "Ã  la", "Ã s ", "Ã quele", "fÃ cil", "Â", "a Â b", "¿Â", "œa",
               "œ", "œ.", "œ\n",
               "\u0402", "ГўВЂВњa", "ГўВЂВњ", "ГўВЂВ\n ", "β€™", "×²", "√±", "≈°", "‚Äî", "‚âà", "вЂ", "ā€", "ØªØ±",
               "Øª Ø±", "à²",
               "\u00ed\u00a0\u0080\u00ed\u00b0\u0080", "í\u00a0½í¸\x80", "\x80\x81\x82", "café\x81", "\x93quoted\x94",
               "ï»¿bom",
               "ï¿½", "â\u0080\u0099", "â€\x9d", "â€?", "Ã?", "Ä?", "ð\x9f\x98?", "ð ˜€", "ðŸ˜ ", "Å ", "Î ", "Ð ",
               "Ù ", "â „",
               "&ATILDE;&COPY;", "&Aacute;&aacute;&AACUTE;&aACUTE;", "&SZLIG; &NGE; &FJLIG;", "BUNDESSTRA&SZLIG;E",
               "&nGt;&nLt;"]
    return result


def texts(seed, count):
    maker = Maker(seed)
    result = fixed_texts()[:count]
    while len(result) < count:
        result.append(maker.text())
    return result


def write_texts(path, seed, count):
    strings = texts(seed, count)
    simple, openai = simple_tokenizer(), simple_tokenizer(NAMES)
    fast, exclaiming = fast_tokenizer(), fast_tokenizer(pad_token="!")
    ids = {
        "open_clip": [simple.encode(text) for text in strings],
        "openai": [openai.encode(text) for text in strings],
        "transformers": [fast(text).input_ids[1:-1] for text in strings],
        "stable-diffusion-2": [exclaiming(text).input_ids[1:-1] for text in strings],
    }
    # The second of each pair is written only where it differs from the first.
    for first, second in (("open_clip", "openai"), ("transformers", "stable-diffusion-2")):
        ids[second] = [None if a == b else b for a, b in zip(ids[first], ids[second])]
    cleaned = {
        "open_clip": [simple.clean_fn(text) for text in strings],
        "transformers": [cleaned_fast(fast, text) for text in strings],
    }
    padded = ["a photo of a cat", "", "a" * 3000 + " b", "word! " * 80]
    rows = {
        "openai": open_clip.tokenizer.SimpleTokenizer()(padded).tolist(),
        "huggingface": fast(padded, padding="max_length", truncation=True, max_length=77).input_ids,
        "stable-diffusion-2": exclaiming(padded, padding="max_length", truncation=True, max_length=77).input_ids,
    }
    value = dict(texts=strings, cleaned=cleaned, ids=ids, padded=dict(texts=padded, ids=rows))
    write(path, value)


# --- Characters -------------------------------------------------------------------------------------------------------


def ranges(values):
    result = []
    for value in values:
        if result and result[-1][1] == value - 1:
            result[-1][1] = value
        else:
            result.append([value, value])
    return result


def write_characters(path):
    """How the references see each Unicode scalar; ranges include both ends."""
    def matching(pattern):
        compiled = regex.compile(pattern, regex.IGNORECASE)
        return [v for v in SCALARS if compiled.fullmatch(chr(v))]

    def onig(pattern):
        split = pre_tokenizers.Split(Regex(pattern), behavior="removed", invert=True)
        return [v for v in SCALARS if split.pre_tokenize_str(chr(v))]

    patterns = dict(letter=r"[\p{L}]+", number=r"[\p{N}]", other=r"[^\s\p{L}\p{N}]+")
    # A sigma becomes a final one after a cased letter; what is neither cased nor ends that is skipped.
    final = lambda text: text.lower().endswith("ς")
    python = dict(
        whitespace=[v for v in SCALARS if chr(v).isspace()],
        word=[v for v in SCALARS if re.fullmatch(r"\w", chr(v))],
        digit=[v for v in SCALARS if re.fullmatch(r"\d", chr(v))],
        cased=[v for v in SCALARS if final(chr(v) + "Σ")],
        ignorable=[v for v in SCALARS if final("A" + chr(v) + "Σ") and not final(chr(v) + "Σ")],
    )
    lower = normalizers.Lowercase().normalize_str
    value = dict(
        regex={name: ranges(matching(p)) for name, p in patterns.items()},
        oniguruma={name: ranges(onig(p)) for name, p in patterns.items()},
        python={name: ranges(values) for name, values in python.items()},
        pythonLowered={f"{v:X}": chr(v).lower() for v in SCALARS if chr(v).lower() != chr(v)},
        # Only where it differs from Python's, which is older.
        rustLowered={f"{v:X}": lower(chr(v)) for v in SCALARS if lower(chr(v)) != chr(v).lower()},
    )
    write(path, value)


# --- Folders ----------------------------------------------------------------------------------------------------------


def token(content, normalized):
    return dict(content=content, lstrip=False, normalized=normalized, rstrip=False, single_word=False)


def folders():
    """Small files as published folders have them, and some that none has; the vocabulary comes beside them."""
    start, end = NAMES
    typed = {"__type": "AddedToken"}
    yield {}
    yield {"tokenizer_config.json": {"tokenizer_class": "CLIPTokenizer", "pad_token": "!", "model_max_length": 77}}
    # Stable Diffusion 2.
    yield {
        "special_tokens_map.json": {"bos_token": token(start, True), "eos_token": token(end, True), "pad_token": "!",
                                    "unk_token": token(end, True)},
        "tokenizer_config.json": {"add_prefix_space": False, "bos_token": typed | token(start, True),
                                  "do_lower_case": True,
                                  "eos_token": typed | token(end, True), "errors": "replace", "model_max_length": 77,
                                  "pad_token": end, "tokenizer_class": "CLIPTokenizer",
                                  "unk_token": typed | token(end, True)},
    }
    # Stable Diffusion XL, as it is saved since.
    yield {
        "special_tokens_map.json": {"pad_token": "?", "bos_token": "a"},
        "tokenizer_config.json": {"added_tokens_decoder": {"0": token("!", False) | {"special": True},
                                                           "49406": token(start, True) | {"special": True},
                                                           "49407": token(end, True) | {"special": True}},
                                  "bos_token": start, "eos_token": end, "pad_token": "!", "unk_token": end,
                                  "clean_up_tokenization_spaces": True, "tokenizer_class": "CLIPTokenizer"},
    }
    # OpenAI's models on the hub.
    yield {
        "tokenizer.json": [dict(id=49406, special=True) | token(start, True),
                           dict(id=49407, special=True) | token(end, False)],
        "special_tokens_map.json": {"bos_token": token(start, True), "eos_token": token(end, True), "pad_token": end,
                                    "unk_token": token(end, True)},
        "tokenizer_config.json": {"unk_token": typed | token(end, True), "bos_token": typed | token(start, True),
                                  "eos_token": typed | token(end, True), "pad_token": end, "do_lower_case": True},
    }
    # Words that somebody has added.
    yield {
        "added_tokens.json": {"<cat-toy>": 49408, "<Big-Dog>": 49409, "é": 49410},
        "tokenizer_config.json": {"additional_special_tokens": ["<Special>", "wow"], "pad_token": "[PAD]"},
    }
    yield {"tokenizer.json": [], "special_tokens_map.json": {"mask_token": "<mask>", "cls_token": "Photo"}}
    yield {"special_tokens_map.json": {"additional_special_tokens": ["wow", "<Special>"]}}
    yield {"special_tokens_map.json": {"extra_special_tokens": ["wow"], "unk_token": "<mask>"},
           "tokenizer_config.json": {"extra_special_tokens": ["<Special>"], "eos_token": "<mask>",
                                     "tokenizer_class": None}}


FOLDER_TEXTS = ["a photo of a cat!", "A <|startoftext|> B <|EndOfText|>! <|endoftext|>!!!",
                "<|STARTOFTEXT|><cat-toy><CAT-TOY><big-dog>x",
                "<Big-Dog>?<Special><special> É é e\u0301 WOW wow", "photo Photo <mask>[PAD][pad] ?!", "", "!",
                "word! " * 80]


def write_folders(path):
    merges = gzip.open(open_clip.tokenizer.default_bpe()).read().decode("utf-8").split("\n")[1:48895]
    vocabulary = simple_tokenizer(NAMES).encoder
    cases = []
    for files in folders():
        with tempfile.TemporaryDirectory() as folder:
            for name, value in files.items():
                if name == "tokenizer.json":
                    model = dict(type="BPE", end_of_word_suffix="</w>", vocab=vocabulary, merges=merges,
                                 unk_token=NAMES[1])
                    value = dict(version="1.0", added_tokens=value, model=model)
                Path(folder, name).write_text(json.dumps(value))
            if "tokenizer.json" not in files:
                Path(folder, "vocab.json").write_text(json.dumps(vocabulary))
                Path(folder, "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", encoding="utf-8")
            tokenizer = CLIPTokenizer.from_pretrained(folder)
            ids = tokenizer(FOLDER_TEXTS, padding="max_length", truncation=True, max_length=77).input_ids
            cases.append(dict(files={name: json.dumps(value) for name, value in files.items()}, ids=ids))
    write(path, dict(texts=FOLDER_TEXTS, folders=cases))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--characters", action="store_true", help="write how each Unicode scalar is seen instead")
    parser.add_argument("--folders", action="store_true", help="write what folders give instead")
    parser.add_argument("path")
    arguments = parser.parse_args()
    if arguments.characters:
        write_characters(arguments.path)
    elif arguments.folders:
        write_folders(arguments.path)
    else:
        write_texts(arguments.path, arguments.seed, arguments.count)


main()
