"""Make the files that bench/model/train trains on.

usage: bench/model/make-data.py SOURCES OUTPUT

SOURCES holds the sets as bench/README.md lists them (sts/, nli/, pairs/,
corpus/, retrieval/scifact/; TSV, each also with .xz behind its name). OUTPUT gets the
training files, the clean part of the development set of STS-B, and dropped.tsv, which
says how many rows of each source fell for what.

No text of a reported test set is trained on: a row is dropped if one of its texts, in
lower case and without all but letters and digits, is a text of STS12-16, of the test
sets of STS-B and SICK, or a test query of SciFact.
"""

import lzma
import os
import random
import re
import sys
import unicodedata

TESTS = ["sts12", "sts13", "sts14", "sts15", "sts16", "stsb.test", "sickr.test"]
GRADES = {"entailment": "1", "neutral": "0.5", "contradiction": "0"}


def read(*path):
    """The rows of a TSV file, each a dictionary."""
    name = os.path.join(*path)
    packed = not os.path.exists(name)
    with (lzma.open(name + ".xz", "rt", encoding="utf-8", newline="\n") if packed
          else open(name, encoding="utf-8", newline="\n")) as lines:
        header = next(lines).rstrip("\n").split("\t")
        for line in lines:
            yield dict(zip(header, line.rstrip("\n").split("\t")))


def key(text):
    """What two writings of one text share."""
    text = unicodedata.normalize("NFKC", text).lower()
    return "".join(c for c in text if c.isalnum())


def pair_key(first, second):
    return tuple(sorted((key(first), key(second))))


class Clean:
    """Knows the texts of the test sets, writes rows without them, and counts."""

    def __init__(self, sources, output):
        self.output = output
        self.texts, self.pairs, self.counts = set(), set(), []
        for name in TESTS:
            for row in read(sources, "sts", name + ".tsv"):
                pair = pair_key(row["sentence1"], row["sentence2"])
                self.pairs.add(pair)
                self.texts.update(pair)
        tested = {row["query_id"]
                  for row in read(sources, "retrieval/scifact/qrels.test.tsv")}
        for row in read(sources, "retrieval/scifact/queries.tsv"):
            if row["query_id"] in tested:
                self.texts.add(key(row["text"]))

    def write(self, name, header, rows, whole_pairs=False):
        """Write the rows without test texts, or without test pairs only, each once. A
        label at the end of a row is no text."""
        graded = header[-1] == "label"
        seen, kept, by_pair, by_text, twice = set(), [], 0, 0, 0
        for row in rows:
            texts = [key(text) for text in (row[:-1] if graded else row)]
            identity = tuple(sorted(texts[:2])) + tuple(texts[2:])
            if identity in seen:
                twice += 1
                continue
            seen.add(identity)
            tested = tuple(sorted(texts[:2])) in self.pairs
            shared = not tested and any(text in self.texts for text in texts)
            by_pair += tested
            by_text += shared
            if all(texts) and not tested and (whole_pairs or not shared):
                kept.append(row)
        with open(os.path.join(self.output, name), "w", encoding="utf-8", newline="\n") as out:
            out.writelines("\t".join(row) + "\n" for row in [header] + kept)
        self.counts.append((name, len(kept), by_pair, by_text, twice))

    def report(self):
        with open(os.path.join(self.output, "dropped.tsv"), "w") as out:
            out.write("file\trows\ttest pair\ttest text\trepeated\n")
            out.writelines("\t".join(map(str, row)) + "\n" for row in self.counts)


def is_nli(row, sick):
    """Test splits of NLI sets are nobody's training data."""
    return row["source"] == "sick" and row["split"] == "train" if sick else \
        row["source"] != "sick" and row["split"] != "test"


def triples(sources):
    for row in read(sources, "nli/triples.tsv"):
        if is_nli(row, False):
            yield [row["anchor"], row["positive"], row["negative"]]


def graded_nli(sources):
    for row in read(sources, "nli/pairs.tsv"):
        if is_nli(row, False):
            yield [row["premise"], row["hypothesis"], GRADES[row["label"]]]


def graded(sources, name, low, high, keep=lambda row: True):
    for row in read(sources, "sts", name + ".tsv"):
        if keep(row):
            label = (float(row["score"]) - low) / (high - low)
            yield [row["sentence1"], row["sentence2"], f"{label:.4f}"]


def of_training(row):
    """A row of STS-B that no test set of the years 2012 to 2016 has by design."""
    return row["dataset"].endswith(("2012train", "2017"))


def sts(sources):
    yield from graded(sources, "sts12.train", 0, 5)
    yield from graded(sources, "stsb.train", 0, 5)


def abstracts(sources):
    """Titles and abstracts from 2016 on, which are CC BY 4.0."""
    for row in read(sources, "corpus/acl_anthology.tsv"):
        if row["year"] >= "2016" and len(row["abstract"].split()) > 20:
            yield row["title"], row["abstract"]


def acl(sources):
    yield from map(list, abstracts(sources))


def acl_claims(sources):
    """One sentence of an abstract, which leaves it, and title and abstract: what a
    claim and the paper are to each other (Lee et al. 2019, inverse cloze task)."""
    random_ = random.Random(2)
    for title, abstract in abstracts(sources):
        sentences = re.split(r"(?<=[a-z\d)][.!?]) (?=[A-Z])", abstract)
        if len(sentences) < 4:
            continue
        claim = random_.choice(sentences[1:])
        if 8 <= len(claim.split()) <= 40:
            rest = " ".join(s for s in sentences if s is not claim)
            yield [claim, title + " " + rest]


def judgements(sources, split):
    """Pairs of a query and a document that is relevant to it, by their identifiers."""
    for row in read(sources, f"retrieval/scifact/qrels.{split}.tsv"):
        if float(row["relevance"]) > 0:
            yield row["query_id"], row["doc_id"]


def trained_claims(sources):
    """Pairs of the training split to train on: no abstract that answers a test query
    or is held out for development, a third, and no claim that one of these answers."""
    tested = {document for _, document in judgements(sources, "test")}
    train = list(judgements(sources, "train"))
    barred = {query for query, document in train
              if document in tested or int(document) % 3 == 0}
    return [pair for pair in train if pair[0] not in barred]


def scifact(sources):
    documents = {row["doc_id"]: row["title"] + " " + row["text"]
                 for row in read(sources, "retrieval/scifact/corpus.tsv")}
    queries = {row["query_id"]: row["text"]
               for row in read(sources, "retrieval/scifact/queries.tsv")}
    for query, document in trained_claims(sources):
        yield [queries[query], documents[document]]


def write_held_out(sources, output):
    """The claims of the training split that are not trained on, as a retrieval set,
    scifact.dev; corpus and queries are those of SciFact."""
    folder = os.path.join(output, "scifact.dev")
    os.makedirs(folder, exist_ok=True)
    for name, columns in (("corpus", ["doc_id", "title", "text"]),
                          ("queries", ["query_id", "text"])):
        with open(os.path.join(folder, name + ".tsv"), "w", encoding="utf-8",
                  newline="\n") as out:
            out.write("\t".join(columns) + "\n")
            for row in read(sources, f"retrieval/scifact/{name}.tsv"):
                out.write("\t".join(row[column] for column in columns) + "\n")
    trained = {query for query, _ in trained_claims(sources)}
    with open(os.path.join(folder, "qrels.dev.tsv"), "w", encoding="utf-8",
              newline="\n") as out:
        out.write("query_id\tdoc_id\trelevance\n")
        out.writelines(f"{query}\t{document}\t1\n"
                       for query, document in judgements(sources, "train")
                       if query not in trained)


def wordnet(sources):
    for row in read(sources, "corpus/wordnet.tsv"):
        lemma = row["lemmas"].split(" | ")[0].split("|")[0].strip()
        yield [row["definition"], lemma]


def pairs(sources, name, first, second):
    for row in read(sources, "pairs", name + ".tsv"):
        if row.get("split") != "test":
            yield [row[first], row[second]]


def shuffled(rows, count):
    """Some of the rows, the same each time."""
    rows = list(rows)
    random.Random(1).shuffle(rows)
    return rows[:count]


def main():
    sources, output = sys.argv[1:]
    os.makedirs(output, exist_ok=True)
    clean = Clean(sources, output)
    one, two, a = ["query", "positive"], ["query", "positive", "negative"], \
        ["text1", "text2", "label"]
    clean.write("nli.triples.tsv", two, triples(sources))
    clean.write("nli.pairs.tsv", a, graded_nli(sources))
    clean.write("sts.tsv", a, sts(sources))
    clean.write("sick.tsv", a, graded(sources, "sickr.train", 1, 5), True)
    clean.write("acl.tsv", one, acl(sources))
    clean.write("acl.claims.tsv", one, acl_claims(sources))
    clean.write("wordnet.tsv", one, shuffled(wordnet(sources), 20000))
    clean.write("tatoeba.tsv", one,
                pairs(sources, "tatoeba_pivot_paraphrases", "sentence1", "sentence2"))
    clean.write("wikisplit.tsv", one,
                pairs(sources, "wikisplit", "sentence", "split_sentences"))
    clean.write("scifact.tsv", one, scifact(sources))
    clean.write("stsb.dev.tsv", a,
                graded(sources, "stsb.dev", 0, 5, of_training))
    clean.write("sick.dev.tsv", a, graded(sources, "sickr.trial", 1, 5), True)
    clean.report()
    write_held_out(sources, output)


if __name__ == "__main__":
    main()
