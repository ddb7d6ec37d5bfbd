"""Writes Tests/TokenizersTests/Fixtures/xlm-roberta: a tiny SentencePiece model, and the ids of transformers.

Run with transformers 5.23 and sentencepiece 0.2.3: python -P Tools/reference/tokenizers_xlm_roberta.py
"""

import io
import json
import pathlib

import sentencepiece
from transformers import XLMRobertaTokenizer

OUT = pathlib.Path(__file__).parents[2] / "Tests/TokenizersTests/Fixtures/xlm-roberta"

CORPUS = [
    "a red apple", "una manzana roja en la mesa", "ein roter Apfel auf dem Tisch", "a photo of a cat",
    "una foto de un gato", "красное яблоко", "红色的苹果", "the quick brown fox jumps over the lazy dog",
    "el perro corre por el parque", "¿Dónde está la biblioteca?",
]
TEXTS = [
    "a red apple", "", "  two  spaces ", "zebra 🦓 xyz", "ＡＢＣ ﬁ", "a <mask> b", "x</s>y", "<s>", "a\nb\tc",
    "\u200bzero", "é e\u0301", "▁under ▁", "a\u00a0b", "\u0000a", "<pad> q <unk>", "日本語テキスト", "a<mask><mask>",
    "<maskk", "красное 红色", "the quick brown fox " * 6,
]


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS * 20), model_writer=model, vocab_size=150, model_type="unigram",
        normalization_rule_name="nmt_nfkc", hard_vocab_limit=False, num_threads=1,
    )
    (OUT / "sentencepiece.bpe.model").write_bytes(model.getvalue())
    tokenizer = XLMRobertaTokenizer.from_pretrained(OUT)
    encoded = tokenizer(TEXTS, padding="max_length", truncation=True, max_length=40)
    content = {"texts": TEXTS, "ids": encoded["input_ids"], "counts": [sum(mask) for mask in encoded["attention_mask"]],
               "rows": len(tokenizer)}
    (OUT / "expected.json").write_text(json.dumps(content) + "\n")


main()
