"""Writes Tests/TokenizersTests/Fixtures with transformers' BertTokenizer.

    python Tools/reference/tokenizers_wordpiece.py MINILM_FOLDER

MINILM_FOLDER holds the vocab.txt of all-MiniLM-L6-v2. The committed vocabulary is a part of it, in another order, so
that no id is where BERT has it.
"""

import json
import random
import sys
import unicodedata
from pathlib import Path

from tokenizers import normalizers, pre_tokenizers
from transformers import AutoTokenizer

FIXTURES = Path(__file__).resolve().parents[2] / "Tests/TokenizersTests/Fixtures"
random.seed(20)


def texts():
    plain = """
        a red apple
        A photo of a cat wearing sunglasses, riding a bicycle!
        unaffable unbelievably antidisestablishmentarianism electroencephalographically
        un dibujo de una manzana roja
        ¿Dónde está el niño? ¡Ñandú, pingüino y cigüeña!
        El corazón de la montaña; la acción del camión...
        Ein Straßenbahnführer in Düsseldorf: Größe, Maße, ÄÖÜ
        Où est la bibliothèque? L'élève a mangé des crêpes à Noël
        Ærøskøbing smørrebrød fjörður þórr ðæl łódź žluťoučký kůň
        İstanbul'da ışık IŞIK ıi İI
        ΟΔΥΣΣΕΥΣ Σίσυφος ΜΆΪΟΣ ὀξύς
        Съешь же ещё этих мягких французских булок, да выпей чаю
        北京大学的学生喜欢吃苹果
        日本語のテスト。東京タワー、ラーメン！カタカナ ｶﾀｶﾅ
        안녕하세요 한국어 시험 각각
        שלום עולם מה שלומך בְּרֵאשִׁית
        مرحبا بالعالم كيف حالك السَّلَامُ عَلَيْكُمْ
        हिन्दी में परीक्षण नमस्ते दुनिया
        ภาษาไทย ทดสอบ กำลัง น้ำ
        Tiếng Việt: Nguyễn Phước Thị Hồng Ngọc
        don't can't it's I'm we'll they've o'clock rock'n'roll
        e-mail: someone@example.com https://example.com/a/b?c=d&e=f#g
        $100.00 + 20% = £120 €5 ¥300 ₿1 ₹9
        3.14159 1,000,000 1e-5 0x1F 2026-11-24 12:34:56
        C++ C# F# node.js .NET #hashtag @mention snake_case camelCase kebab-case
        !!! ??? ... --- ___ *** ~~~ ``` ||| \\\\ ///
        "quoted" 'single' «guillemets» „low“ “curly” ‘single’ ‚low‛ ‹s›
        – — ― ‒ ‑ - − • · … ‥ ‧ ‰ ‱ ′ ″ ‽
        [CLS] [SEP] [PAD] [UNK] [MASK]
        hello[SEP]world[MASK]! [sep] [ SEP ] [[SEP]] [SEP [CLS]] ]SEP[
        [unused1] [unused999] unused
        ##ing ##s # ##a ## ###
        a[PAD]b[UNK]c
        😀 😀😃😄 👍🏽 👨‍👩‍👧‍👦 🇪🇸🇩🇪 ❤️ ☺️ ☹ ✂︎ 1️⃣ 🏴󠁧󠁢󠁥󠁮󠁧󠁿
        𝓗𝓮𝓵𝓵𝓸 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 ⓗⓔⓛⓛⓞ Ｈｅｌｌｏ　ｗｏｒｌｄ！ ﬁﬂ ﬃ Ⅷ ² ½ ™ ℃ Å K Ω
        ǅ ǆ Ǆ Ǳ ŉ ẞ ß ſ
        豈 﨎 樂 𠀀 𪜀 𫝀 𫠠 𫤠 㐀 䶵 鿿 〇 々 〆 ヶ
        t̷h̶i̵s̴ i͜s͝ z̸̢̧̛̗̖a̴͇͓͚l̶̙g̷͎ȯ́̂̃̄̅̆̇̈̉̊̋̌
        ‮right to left override‬ ‏rlm‎lrm ‭
    """
    result = [line.strip() for line in plain.strip().split("\n")]
    result += [
        "", " ", "\n", "\t\r\n ", "\x00", "\x00\x01\x02", "a\x00b", "a\x0bb\x0cc\x1cd\x1de\x1ef\x1fg", "a\x85b", "a\x7fb",
        "a\u00a0b\u1680c\u2003d\u2028e\u2029f\u202fg\u205fh\u3000i", "zero\u200bwidth\u200cjoin\u200der\u2060x\ufeffy",
        "soft\u00adhyphen", "re\ufffdplaced", "private\ue000use\U000f0000x\U0010fffd", "non\uffff\ufdd0char\U0001ffff",
        "\u0301", "\u0301a", "a\u0301", "e\u0301\u0327\u0323", "\u0323\u0301\u0327e", "n\u0303o", "\u1100\u1161\u11a8",
        "a\u0345\u0301", "\u302e\u302f a\u302f\u302e", "\U0001d165\U0001d16d\U0001d158", "\u0f71\u0f72\u0f74 \u0f73",
        "\u0958\u0959 \u2adc \ufb2a", "\u1e9b\u0323", "\u03d2\u0301", "\u212b\u2126\u212a",
        "a" * 99, "a" * 100, "a" * 101, "é" * 100, "é" * 101, "e\u0301" * 100, "e\u0301" * 101, "한" * 40, "한" * 60,
        "İ" * 50, "İ" * 100, "x" * 1000, "un" * 50, "un" * 51, "a" + "\u0301" * 5000, "中" * 300, "!" * 300, "[" * 200,
        "[SEP]" * 60, "[SEP" * 60, "ab " * 400, "supercalifragilisticexpialidocious" * 2, "aé" * 3 + "!" + "ñ",
        "\u1734\u1885\u1886\ua9bd\U000111c9\U0001171e\u166d", "a\u1885b a\u1734b a\u166db a\U0001171eb",
        "w " * 10_000, "ÁÉ " * 1_000,
    ]
    blocks = [(0x20, 0x7E), (0xA0, 0x24F), (0x250, 0x36F), (0x370, 0x52F), (0x590, 0x6FF), (0x900, 0x97F),
              (0xE00, 0xE7F), (0x1100, 0x11FF), (0x1E00, 0x1FFF), (0x2000, 0x2BFF), (0x3000, 0x30FF), (0x4E00, 0x4EFF),
              (0xAC00, 0xACFF), (0xF900, 0xFAFF), (0xFE00, 0xFFEF), (0x1D100, 0x1D7FF), (0x1F300, 0x1FAFF)]
    for index in range(300):
        parts = []
        for _ in range(random.randint(1, 12)):
            low, high = random.choice(blocks[: 2 + index // 20])
            parts.append("".join(chr(random.randint(low, high)) for _ in range(random.randint(1, 6))))
        result.append(random.choice(["", " "]).join(parts))
    words = "red blue old small cat dog house tree water night city king playing walked happiness quickly".split()
    for _ in range(60):
        result.append(" ".join(random.choice(words) + random.choice(["", "s", "!", "ing", "'s", "-", "é"])
                               for _ in range(random.randint(1, 40))))
    return result


def reduced_vocabulary(pieces, used):
    """Specials at unusual places, some unused entries, every piece the texts need but some left out on purpose."""
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    unused = [p for p in pieces if p.startswith("[unused")]
    singles = [p for p in pieces if len(p.removeprefix("##")) == 1 and not p.startswith("[unused")]
    rest = [p for p in pieces if p not in specials and not p.startswith("[unused") and p not in singles]
    kept = [p for p in rest if p in used] + rest[1000:2000:2]
    kept = list(dict.fromkeys(kept))
    singles = [p for p in singles if ord(p[-1]) < 0x2E80 or ord(p[-1]) % 3 == 0]
    return (unused[:3] + singles[:40] + ["[SEP]", "[MASK]"] + unused[3:7] + singles[40:] + ["[PAD]"] + kept
            + ["[CLS]", "[UNK]"] + unused[7:9])


def ranges(values):
    result = []
    for value in values:
        if result and result[-1][1] == value - 1:
            result[-1][1] = value
        else:
            result.append([value, value])
    return result


def character_classes():
    """How the reference sees each Unicode scalar."""
    off = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    step = lambda **on: normalizers.BertNormalizer(**(off | on))
    clean, chinese = step(clean_text=True), step(handle_chinese_chars=True)
    accents, lower = step(strip_accents=True), step(lowercase=True)
    split = pre_tokenizers.BertPreTokenizer()
    removed, whitespace, ideographs, marks, punctuation, lowered = [], [], [], [], [], {}
    for value in [*range(0xD800), *range(0xE000, 0x110000)]:
        c = chr(value)
        text = "a" + c + "b"
        cleaned = clean.normalize_str(text)
        if cleaned == "ab":
            removed.append(value)
        elif cleaned == "a b":
            whitespace.append(value)
        if chinese.normalize_str(c) != c:
            ideographs.append(value)
        if accents.normalize_str(text) == "ab":
            marks.append(value)
        if len(split.pre_tokenize_str(text)) == 3:
            punctuation.append(value)
        if lower.normalize_str(c) != c:
            lowered[f"{value:X}"] = lower.normalize_str(c)
    return dict(removed=ranges(removed), whitespace=ranges(whitespace), ideographs=ranges(ideographs),
                marks=ranges(marks), punctuation=ranges(punctuation), lowered=lowered)


def main(folder):
    full = AutoTokenizer.from_pretrained(folder)
    strings = texts()
    used = {token for text in strings for token in full.tokenize(text)}
    pieces = Path(folder, "vocab.txt").read_text(encoding="utf-8").split("\n")[:-1]
    target = FIXTURES / "reduced"
    target.mkdir(parents=True, exist_ok=True)
    (target / "vocab.txt").write_text("\n".join(reduced_vocabulary(pieces, used)) + "\n", encoding="utf-8")
    variants = {
        "uncased": {},
        "accented": {"strip_accents": False},
        "cased": {"do_lower_case": False},
        "caseless-accents": {"do_lower_case": False, "strip_accents": True},
        "joined-ideographs": {"tokenize_chinese_chars": False},
    }
    cases = {"texts": strings, "ids": {}}
    for name, options in variants.items():
        (target / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer", **options}) + "\n")
        tokenizer = AutoTokenizer.from_pretrained(target)
        cases["ids"][name] = [tokenizer(text).input_ids[1:-1][:200] for text in strings]
    (target / "tokenizer_config.json").unlink()
    dump = lambda name, value: (FIXTURES / name).write_text(json.dumps(value, separators=(",", ":")) + "\n")
    dump("texts.json", cases)
    dump("characters.json", character_classes())


main(sys.argv[1])
