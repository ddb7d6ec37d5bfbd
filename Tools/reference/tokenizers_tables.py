"""Writes the tables of characters, code pages and entity names in Sources/Tokenizers as Swift files.

    python Tools/reference/tokenizers_tables.py       # with the versions in requirements.txt, Python 3.11

Only facts are written: which characters belong to a class, which byte of a code page is which character, which name
stands for which character. What is done with them is written by hand beside the tables.
"""

import html.entities
import re
import textwrap
import unicodedata
from pathlib import Path

import ftfy
import ftfy.badness
import ftfy.chardata
import ftfy.fixes
import regex
from tokenizers import Regex, pre_tokenizers

SOURCES = Path(__file__).resolve().parents[2] / "Sources/Tokenizers"
SCALARS = [*range(0xD800), *range(0xE000, 0x110000)]

# The names of this project for the classes of ftfy.
CLUES = {
    "common": ("common", "In many texts that are right; says something only beside the others."),
    "c1": ("control", "The control characters U+0080 to U+009F, which no text means."),
    "bad": ("bad", "Hardly ever stands beside another symbol or an accented letter in a text that is right."),
    "law": ("law", "Signs of legal texts."),
    "currency": ("currency", "Currency signs."),
    "start_punctuation": ("opening", "Punctuation that begins something."),
    "end_punctuation": ("closing", "Punctuation that ends something."),
    "numeric": ("numeric", "Signs of numbers and formulas."),
    "kaomoji": ("facial", "Letters from which faces are drawn."),
    "upper_accented": ("upperAccented", "Accented capital letters."),
    "lower_accented": ("lowerAccented", "Accented small letters."),
    "upper_common": ("upperForeign", "Capital letters of Greek and Cyrillic, and thorn."),
    "lower_common": ("lowerForeign", "Small letters of Greek and Cyrillic."),
    "box": ("box", "Line drawing and blocks."),
    "utf8_first_of_2": ("leadsTwo", "What the first byte of two in UTF-8 looks like in a code page."),
    "utf8_first_of_3": ("leadsThree", "What the first byte of three looks like."),
    "utf8_first_of_4": ("leadsFour", "What the first byte of four looks like."),
    "utf8_continuation": ("continues", "What a later byte looks like; a space may have been U+00A0."),
    "utf8_continuation_strict": ("continuesSurely", "What a later byte looks like and little else does."),
}


def ranges(values):
    """Hexadecimal ranges, both ends included: "A0 AD 2013-2015"."""
    result = []
    for value in sorted(values):
        if result and result[-1][1] == value - 1:
            result[-1][1] = value
        else:
            result.append([value, value])
    return " ".join(f"{a:X}" if a == b else f"{a:X}-{b:X}" for a, b in result)


def literal(text, indent=8):
    """A string literal over several lines."""
    pad = " " * indent
    lines = textwrap.wrap(text, 116 - indent, break_long_words=False, break_on_hyphens=False)
    return '"""\n' + "\n".join(pad + line + (" \\" if line is not lines[-1] else "") for line in lines) + f'\n{pad}"""'


def write(name, text):
    head = "// Written by Tools/reference/tokenizers_tables.py; do not edit.\n\n"
    (SOURCES / name).write_text(head + text.strip() + "\n", encoding="utf-8")


def repair_tables():
    classes = {**ftfy.badness.MOJIBAKE_CATEGORIES, **ftfy.chardata.UTF8_CLUES}
    assert list(classes) == list(CLUES), "ftfy has other classes than this script knows"
    out = ["""
/// What characters tell about text that was decoded with the wrong encoding: lists of hexadecimal ranges.
///
/// Source: ftfy 6.3.1, `badness.py` and `chardata.py`.
enum MojibakeTables {
    /// The characters of each class of `MojibakeClue`, the class of bit 0 first."""]
    out.append("    static let classes = [")
    for name, (swift, comment) in CLUES.items():
        members = [v for v in SCALARS if re.fullmatch("[" + classes[name] + "]", chr(v))]
        out.append(f"        // {swift}: {comment}\n        {literal(ranges(members))},")
    out.append("    ]\n")

    out.append("    /// For each code page, in the order in which they are tried, what the bytes 0x80 to 0xFF mean.")
    out.append("    static let codePages = [")
    for page in ftfy.chardata.CHARMAP_ENCODINGS:
        high = bytes(range(0x80, 0x100)).decode(page)
        out.append(f"        // {page}\n        {literal(' '.join(f'{ord(c):X}' for c in high))},")
    out.append("    ]\n")

    # One character at a time: C1 controls, ligatures, widths, quotes, single line breaks.
    pairs = []
    for value in SCALARS:
        text = chr(value)
        for fix in (ftfy.fixes.fix_c1_controls, ftfy.fixes.fix_latin_ligatures, ftfy.fixes.fix_character_width,
                    ftfy.fixes.uncurl_quotes, ftfy.fixes.fix_line_breaks):
            text = fix(text)
        if text != chr(value):
            pairs.append(f"{value:X}={'+'.join(f'{ord(c):X}' for c in text)}")
    out.append("    /// What stands for a character in repaired text: plain quotes, letters for ligatures, the usual\n"
               "    /// width, windows-1252 for C1 controls, a line feed for other line breaks.")
    out.append(f"    static let replacements = {literal(' '.join(pairs))}\n}}")
    write("Repair/MojibakeTables.swift", "\n".join(out))


def entity_names():
    names = html.entities.html5
    full = {k[:-1]: v for k, v in names.items() if k.endswith(";")}
    bare = [k for k in names if not k.endswith(";")]
    assert all(full[k] == names[k] for k in bare)
    entries = " ".join(f"{k}={'+'.join(f'{ord(c):X}' for c in v)}" for k, v in sorted(full.items()))
    write("Repair/HTMLEntityNames.swift", f"""
/// The named character references of HTML 5.
///
/// Source: HTML Living Standard, section "Named character references"; Python 3.11, `html.entities.html5`.
enum HTMLEntityNames {{
    /// The names, without the semicolon that ends them, and the scalars they stand for, hexadecimal.
    static let all = {literal(entries)}

    /// The names that are also understood where the semicolon is missing.
    static let withoutSemicolon = {literal(' '.join(sorted(bare)))}
}}
""")


def canonical_tables():
    entries, excluded = [], []
    for value in SCALARS:
        parts = unicodedata.decomposition(chr(value)).split()
        if not parts or parts[0].startswith("<"):
            continue
        entries.append(f"{value:X}={'+'.join(f'{int(part, 16):X}' for part in parts)}")
        if len(parts) == 2 and unicodedata.normalize("NFC", chr(value)) != chr(value):
            excluded.append(value)
    classes = {}
    for value in SCALARS:
        classes.setdefault(unicodedata.combining(chr(value)), []).append(value)
    ordered = [f"{number:X}: {ranges(values)}" for number, values in sorted(classes.items()) if number]
    write("Repair/CanonicalTables.swift", f"""
/// What canonical composition goes by: lists of hexadecimal numbers.
///
/// Syllables of Hangul are not listed; they are reckoned.
///
/// Source: Unicode {unicodedata.unidata_version}, UnicodeData.txt and CompositionExclusions.txt, as the Python module
/// unicodedata has them.
enum CanonicalTables {{
    /// Characters and the one or two characters that they decompose to, in one step.
    static let decompositions = {literal(' '.join(entries))}

    /// Characters that decompose to two, but that these do not compose to.
    static let compositionExclusions = {literal(ranges(excluded))}

    /// The combining classes but 0, each followed by its characters.
    static let combiningClasses = {literal(' '.join(ordered))}
}}
""")


def character_tables():
    # Oniguruma, which tokenizers uses, knows Unicode 16; the module regex knows later letters and numbers as well.
    def onig(pattern):
        split = pre_tokenizers.Split(Regex(pattern), behavior="removed", invert=True)
        return {v for v in SCALARS if split.pre_tokenize_str(chr(v))}

    def later(name):
        old, new = onig(rf"[\p{{{name}}}]"), {v for v in SCALARS if regex.match(rf"\p{{{name}}}", chr(v))}
        assert old <= new
        return literal(ranges(new - old))

    write("CLIP/YoungCharacters.swift", f"""
/// Letters and numbers that are younger than Unicode 16: lists of hexadecimal ranges.
///
/// Source: the Python module regex 2026.11.19, classes `\\p{{L}}` and `\\p{{N}}`.
enum YoungCharacters {{
    static let letters = {later('L')}

    static let numbers = {later('N')}
}}
""")


repair_tables()
entity_names()
canonical_tables()
character_tables()
