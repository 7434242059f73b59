#!/usr/bin/env python3
"""Makes the goldens of the tokenizer and its table of character classes.

    tokenizer.py --chinese VOCAB --wordnet FILE

VOCAB is the vocab.txt of bert-base-chinese, of which a part is kept; FILE is
data/wordnet.tsv, decompressed. Run by hand, never by the tests, with
    tokenizers 0.23.3, xxhash 3 or later.

It writes src/core/text/unicode_ranges.c, and in test/golden/tokenizer:
    chinese.vocab.txt  the part of bert-base-chinese that the texts need
    cases.json         {"tokenizers": {NAME: {"vocab": FILE, "json":
                       tokenizer.json without its vocabulary}}, "cases":
                       [[NAME, text, ids, [start, stop, …]], …]}
    digests.json       of every line of FILE and of every code point
Offsets are in bytes of UTF-8, −1 for special tokens around the text. A digest
is the XXH3 of, for each text in turn, the ids as int32, then all starts, then
all stops as int64, little-endian.

A vocabulary of bert-base-uncased lies in test/golden. That of the code points
has the five special tokens, then c and ##c for every c below U+20000 but NUL,
surrogates, U+000A and U+000D.
"""
import argparse
import copy
import json
import pathlib
import random
import struct

import xxhash
from tokenizers import Tokenizer, normalizers, pre_tokenizers

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
GOLDEN = TOP / "test" / "golden"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
CODE_POINTS = [c for c in range(1, 0x110000) if not 0xD800 <= c < 0xE000]

# ---- the table of character classes ------------------------------------------


def ranges(code_points):
    out = []
    for c in sorted(code_points):
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def bert_normalizer(**on):
    options = dict(clean_text=False, handle_chinese_chars=False,
                   strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**dict(options, **on)).normalize_str


def character_classes():
    clean = bert_normalizer(clean_text=True)
    strip = bert_normalizer(strip_accents=True)
    nfd = normalizers.NFD().normalize_str
    split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    classes = {"CONTROL": {0}, "MARK": set(), "ORDERED": set(),
               "PUNCTUATION": set()}
    for c in CODE_POINTS:
        s = chr(c)
        decomposed = nfd(s) != s
        if clean("a" + s + "b") == "ab":
            classes["CONTROL"].add(c)
        elif not decomposed and strip("a" + s + "b") == "ab":
            classes["MARK"].add(c)
        elif not decomposed and (nfd("a\u0345" + s) != "a\u0345" + s
                                 or nfd("a" + s + "\u0334") != "a" + s + "\u0334"):
            classes["ORDERED"].add(c)
        if len(split("a" + s + "b")) == 3:
            classes["PUNCTUATION"].add(c)
    return classes


def write_ranges(path):
    rows = sorted((first, last, name) for name, members
                  in character_classes().items()
                  for first, last in ranges(members))
    lines = [
        "/* Written by test/golden/tokenizer.py, which asks tokenizers for every code",
        " * point; then formatted. */",
        '#include "core/text/unicode.h"',
        "",
    ]
    lines += ["#define %s ANGLE_CHAR_%s" % (name[0], name) for name
              in ("CONTROL", "MARK", "ORDERED", "PUNCTUATION")]
    lines += ["", "const AngleCharRange angle_char_ranges[] = {"]
    lines += ["{0x%X, 0x%X, %s}," % (first, last, name[0])
              for first, last, name in rows[:-1]]
    lines += ["{0x%X, 0x%X, %s}};" % (rows[-1][0], rows[-1][1], rows[-1][2][0]),
              "", "const size_t angle_char_range_count =",
              "sizeof(angle_char_ranges) / sizeof(angle_char_ranges[0]);", ""]
    path.write_text("\n".join(lines))


# ---- tokenizers --------------------------------------------------------------


def read_vocab(path):
    return path.read_text(encoding="utf-8").split("\n")[:-1]


def added(content, token_id, **flags):
    token = {"id": token_id, "content": content, "single_word": False,
             "lstrip": False, "rstrip": False, "normalized": False,
             "special": True}
    return dict(token, **flags)


def settings(vocab, extra=(), **options):
    """A tokenizer.json without its vocabulary."""
    normalizer = {"type": "BertNormalizer", "clean_text": True,
                  "handle_chinese_chars": True, "strip_accents": None,
                  "lowercase": True}
    cls, sep = vocab.index("[CLS]"), vocab.index("[SEP]")
    piece = {name: {"SpecialToken": {"id": name, "type_id": 0}}
             for name in ("[CLS]", "[SEP]")}
    text = {"Sequence": {"id": "A", "type_id": 0}}
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [added(t, vocab.index(t)) for t in SPECIAL]
        + list(extra),
        "normalizer": dict(normalizer, **options),
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [piece["[CLS]"], text, piece["[SEP]"]],
            "pair": [piece["[CLS]"], text, piece["[SEP]"],
                     {"Sequence": {"id": "B", "type_id": 1}}, piece["[SEP]"]],
            "special_tokens": {
                "[CLS]": {"id": "[CLS]", "ids": [cls], "tokens": ["[CLS]"]},
                "[SEP]": {"id": "[SEP]", "ids": [sep], "tokens": ["[SEP]"]}},
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]",
                  "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100},
    }


def load(definition, vocab):
    definition = copy.deepcopy(definition)
    definition["model"]["vocab"] = {t: i for i, t in enumerate(vocab)}
    return Tokenizer.from_str(json.dumps(definition))


def encode(tokenizer, texts):
    """Ids, starts and stops in bytes of each text."""
    for text, encoding in zip(texts, tokenizer.encode_batch(texts)):
        at = [0]
        for c in text:
            at.append(at[-1] + len(c.encode()))
        special = encoding.special_tokens_mask
        whole = [i == 1 and o == (0, 0) for i, o
                 in zip(special, encoding.offsets)]
        yield (encoding.ids,
               [-1 if w else at[a] for w, (a, _) in zip(whole, encoding.offsets)],
               [-1 if w else at[b] for w, (_, b) in zip(whole, encoding.offsets)])


def digest(tokenizer, texts):
    state = xxhash.xxh3_64()
    for i in range(0, len(texts), 1000):
        for ids, starts, stops in encode(tokenizer, texts[i:i + 1000]):
            n = len(ids)
            state.update(struct.pack("<%di%dq%dq" % (n, n, n),
                                     *ids, *starts, *stops))
    return state.hexdigest()


# ---- texts -------------------------------------------------------------------

NASTY = [
    "", " ", "\n\t \r\n", "Hello, World!", "unaffable embeddings",
    "caf\u00e9 cafe\u0301 CAF\u00c9", "\u00c5ngstr\u00f6m A\u030angstro\u0308m",
    "\u0130stanbul I\u0307stanbul \u0131stanbul", "Stra\u00dfe STRA\u1e9eE \u017fs",
    "\u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2 \u03a3\u0399\u03a3\u03a5\u03a6\u039f\u03a3",
    "soft\u00adhyphen zero\u200bwidth zero\u200djoiner \ufeffmark",
    "a\u0000b", "a\u0001b\u001fc\u007fd\u0080e\u009ff", "a\u000bb\u000cc\u0085d",
    "a\u00a0b\u1680c\u2003d\u2028e\u2029f\u202fg\u205fh\u3000i", "bad \ufffd char",
    "\u4f60\u597d\uff0c\u4e16\u754c\u3002", "mixed\u4e2d\u6587text", "\u4e2d\u6587 \u4e2d \u6587",
    "\uf900\ufa0e\U00020000\U0002f800", "\u3042\u3044\u3046 \u30ab\u3099\u30ac \u30fb",
    "\ud55c\uad6d\uc5b4 \u1112\u1161\u11ab\u1100\u116e\u11a8\u110b\u1165", "\uac01\u0301 \uac00\u11a8",
    "\U0001f600 \U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea \u2764\ufe0f",
    "q\u0307\u0323 q\u0323\u0307 \u1e69 s\u0323\u0307 s\u0307\u0323", "\u0301a \u0301", "\u0344 \u0340\u0341",
    "a\u302e\u0334b \u302e\u0301\u302f", "\u302e\u0001\u0334x", "\u0f73\u0f71 \u0f76\u0f77",
    "\u0915\u094d\u0937 \u0939\u093f\u0928\u094d\u0926\u0940", "\u0e44\u0e17\u0e22\u0e20\u0e32\u0e29\u0e32",
    "\u0627\u0644\u0639\u064e\u0631\u064e\u0628\u0650\u064a\u0629", "\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd",
    "a" * 99, "a" * 100, "a" * 101, "x " + "b" * 150 + " y", "\u00e9" * 100, "e\u0301" * 100,
    "\u00e9" * 101, "-" * 120, "\u4e2d" * 120, "a" + "\u0301" * 300 + "b",
    "[SEP]", "[CLS] a [SEP]b[MASK]c[UNK] [PAD]", "[sep] [ SEP ] [SE P] [SEP", "[[SEP]] [SEP][SEP]",
    "x[MASK]\u0301y", "\u4e2d[SEP]\u6587", "##ing ##", "don't won't we'll", "$9.99 3,141.59 50% #tag @you",
    "http://example.com/a?b=c&d=e#f", "e-mail: a.b@c-d.org", "snake_case CamelCase kebab-case",
    "\u201cquotes\u201d \u2018single\u2019 \u2013 \u2014 \u2026", "a\u2013b\u2014c\u2212d\u00b1e\u00d7f",
    "x\u00b2 + y\u00b3 = \u221az \u2248 \u221e", "\u2122 \u00ae \u00a9 \u2103 \u212b \u212a \u2126",
    "\u00bd \u00be \u2460 \u24b6 \u2160 \u32c0", "\ufb01 \ufb03 \uff21\uff22\uff43 \uff0c\uff01",
    "\u01c4\u01c5\u01c6 \u0149 \u1fb3\u1fbc \u1f88", "\u13a0\uab70 \u10a0\u2d00 \u1c90\u10d0",
    "\u1c89\u1c8a \ua7cb\ua7cc\ua7dc \U00010d50\U00010d70 \U00016ea0", "\U00010400\U00010428 \U0001e900\U0001e922",
    "\u166d \U000111c9 \u2e52 \u0c77 \u1734", "\u0890 \u08e2 \U000110cd \U00013430",
    "\U00011938 \U00011935\U00011930 \U000105c9", "\U0001d15e \U0001d165\U0001d16d",
    "\ue000 \U000f0000 \U0010ffff \uffff \u0378", "tab\tnew\nline\rreturn", "  leading and trailing  ",
    "The quick brown fox jumps over the lazy dog.", "new york New York NEW  YORK newyork",
    "foo foobar barfoo foo. _foo_ foo", "a  <s>  b<s>c", "\u00c9 \u00e9 e", "<X> <x>  <X>y",
]


def nasty_texts(seed, count):
    """Random texts of the same kind."""
    rng = random.Random(seed)
    blocks = [(0x61, 0x7a), (0x20, 0x7e), (0xc0, 0x24f), (0x300, 0x36f),
              (0x370, 0x5ff), (0x600, 0x1200), (0x1100, 0x11ff),
              (0x1e00, 0x2bff), (0x3000, 0x30ff), (0x4e00, 0x9fff),
              (0xac00, 0xd7a3), (0xf900, 0xffff), (0x1d000, 0x1d2ff),
              (0x1f300, 0x1faff), (0x2f800, 0x2fa1f)]
    out = []
    for _ in range(count):
        text = ""
        for _ in range(rng.randint(1, 8)):
            first, last = rng.choice(blocks)
            text += "".join(chr(rng.randint(first, last))
                            for _ in range(rng.randint(1, 4)))
            text += rng.choice(["", "", " ", rng.choice(SPECIAL)])
        out.append(text)
    return out


EXTRA = [
    added("foo", 29379, single_word=True, normalized=True, special=False),
    added("foobar", 30522, normalized=True, special=False),
    added("new york", 30523, normalized=True, special=False),
    added("<s>", 30524, lstrip=True, rstrip=True),
    added("\u00c9", 30525, normalized=True, special=False),
    added("<X>", 30526, lstrip=True, rstrip=True, normalized=True,
          special=False),
]

VARIANTS = {
    "uncased": {},
    "cased": dict(lowercase=False),
    "accents": dict(strip_accents=False),
    "strip": dict(lowercase=False, strip_accents=True),
    "plain": dict(clean_text=False, handle_chinese_chars=False),
}


def write_cases(chinese):
    english = read_vocab(GOLDEN / "bert-base-uncased.vocab.txt")
    path = "bert-base-uncased.vocab.txt"
    tokenizers = {name: (path, english, settings(english, **options))
                  for name, options in VARIANTS.items()}
    tokenizers["added"] = (path, english, settings(english, EXTRA))
    tokenizers["chinese"] = ("tokenizer/chinese.vocab.txt", chinese,
                             settings(chinese, lowercase=False))
    cases = []
    for name, (_, vocab, definition) in tokenizers.items():
        texts = NASTY + nasty_texts(name, 20)
        results = encode(load(definition, vocab), texts)
        for text, (ids, starts, stops) in zip(texts, results):
            spans = [x for pair in zip(starts, stops) for x in pair]
            cases.append(json.dumps([name, text, ids, spans],
                                    separators=(",", ":")))
    head = json.dumps({name: {"vocab": path, "json": definition}
                       for name, (path, _, definition) in tokenizers.items()},
                      indent=1)
    (GOLDEN / "tokenizer" / "cases.json").write_text(
        '{"tokenizers": %s,\n"cases": [\n%s\n]}\n' % (head, ",\n".join(cases)))


def chinese_part(path):
    """The vocabulary's special tokens and what the texts can use."""
    used = set("".join(NASTY + nasty_texts("chinese", 20)))
    used |= set("\u7684\u4e00\u662f\u4e0d\u4e86\u4eba\u6211\u5728\u6709\u4ed6")
    return [t for t in read_vocab(path)
            if t in SPECIAL or set(t.removeprefix("##")) <= used]


# ---- digests -----------------------------------------------------------------


def code_point_vocab():
    vocab = list(SPECIAL)
    for c in CODE_POINTS:
        if c < 0x20000 and c not in (10, 13):
            vocab += [chr(c), "##" + chr(c)]
    # the last of equal tokens counts, as in a vocab.txt
    return vocab


def code_point_texts():
    """Runs of 64 code points, each inside a word, between marks and alone."""
    return ["".join("a%cb e\u0323%c\u0301 %c " % (c, c, c) for c
                    in range(first, first + 64))
            for first in range(0, 0x110000, 64)
            if not 0xD800 <= first < 0xE000]


def write_digests(wordnet):
    english = read_vocab(GOLDEN / "bert-base-uncased.vocab.txt")
    lines = wordnet.read_text(encoding="utf-8").split("\n")[:-1]
    vocab = code_point_vocab()
    out = {"wordnet": digest(load(settings(english), english), lines)}
    for name in ("uncased", "cased", "accents", "strip"):
        tokenizer = load(settings(vocab, **VARIANTS[name]), vocab)
        out[name] = digest(tokenizer, code_point_texts())
    (GOLDEN / "tokenizer" / "digests.json").write_text(
        json.dumps(out, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--chinese", type=pathlib.Path, required=True)
    parser.add_argument("--wordnet", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    chinese = chinese_part(arguments.chinese)
    (GOLDEN / "tokenizer" / "chinese.vocab.txt").write_text(
        "".join(t + "\n" for t in chinese), encoding="utf-8")
    write_ranges(TOP / "src" / "core" / "text" / "unicode_ranges.c")
    write_cases(chinese)
    write_digests(arguments.wordnet)


main()
