"""What is embedded: twelve questions, and passages of real text."""
import lzma
import pathlib
import random

# 9 to 12 tokens each with BERT's vocabulary, special tokens included.
QUERIES = [
    "a person who studies insects for a living",
    "how do I reset my forgotten password",
    "the study of the stars and the planets",
    "what is the capital city of australia",
    "unable to read or to write a letter",
    "best way to cook rice without a lid",
    "a shape with eight sides and eight corners",
    "symptoms of a cold in small children",
    "when was the first railway line opened",
    "cheap flights from london to new york",
    "a word that means the opposite of another",
    "why does my computer start so slowly",
]

WORDNET = pathlib.Path(__file__).parents[2] / "data/wordnet.tsv.xz"


def dictionary_sentences(path=WORDNET):
    """Entries of the dictionary as running text."""
    with lzma.open(path, "rt", encoding="utf-8") as file:
        next(file)
        for line in file:
            _, lemmas, definition, examples, _ = line.rstrip("\n").split("\t")
            yield f"{lemmas}: {definition}. {examples.replace(' | ', '. ')}"


def dictionary_passages(count, tokenizer, seed=1):
    """count passages of 70 to 130 tokens, 100 in the mean: entries of the
    dictionary, shuffled, joined and cut to length."""
    source = random.Random(seed)
    sentences = list(dictionary_sentences())
    source.shuffle(sentences)
    sentences = iter(sentences)
    passages = []
    while len(passages) < count:
        wanted, words, tokens = source.randint(70, 130) - 2, [], 0
        while tokens < wanted:
            for word in next(sentences).split():
                # Not exact where a word meets the next one; near enough.
                tokens += len(tokenizer.encode(
                    word, add_special_tokens=False).ids)
                words.append(word)
                if tokens >= wanted:
                    break
        passages.append(" ".join(words))
    return passages


def read_passages(path, count):
    lines = [line for line in path.read_text(encoding="utf-8").splitlines()
             if line.strip()]
    if len(lines) < count:
        raise SystemExit(f"{path} has {len(lines)} passages, not {count}")
    return lines[:count]


def deal(passages, rounds, tokenizer):
    """The passages sorted by length, in parts of like distribution: each
    passage goes to the next part, so that all parts are as easy to batch."""
    ordered = sorted(passages,
                     key=lambda text: len(tokenizer.encode(text).ids))
    return [ordered[start::rounds] for start in range(rounds)]
