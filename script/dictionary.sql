-- The reverse dictionary of ./quickstart: data/wordnet.tsv comes on psql's
-- standard input.
--
-- The rows are numbered in the order in which they are worth embedding, so that
-- the first N are a good dictionary for any N: first the definitions of single
-- words, those with the fewest meanings in front, because a reverse dictionary
-- is asked for the word that one cannot think of, and among these the ones of 4
-- to 10 words, which are like what a person would ask with. Then adverbs (most
-- are "in a … manner" of some adjective), names of plants and animals (with much
-- the same definition), phrases and proper names.

CREATE TEMPORARY TABLE synset (
	synset text, lemmas text, definition text, examples text, hypernyms text
);
\copy synset from pstdin with (format csv, header, delimiter E'\t', quote E'\b')

CREATE TABLE words (
	id int PRIMARY KEY,
	word text NOT NULL,
	kind text NOT NULL,
	definition text NOT NULL,
	embedding angle_vector(384)
);
COMMENT ON TABLE words IS
	'definitions of the Open English WordNet, CC BY 4.0, and their embeddings';

INSERT INTO words (id, word, kind, definition)
WITH lemma AS (
	SELECT synset, lemma, count(*) OVER (PARTITION BY lower(lemma)) AS meanings
	FROM synset, unnest(string_to_array(lemmas, '; ')) AS lemma
), rarity AS (
	SELECT synset, min(meanings) AS meanings
	FROM lemma
	WHERE lemma ~ '^[a-z]+(-[a-z]+)*$'
	GROUP BY synset
)
SELECT row_number() OVER (ORDER BY
		meanings IS NULL OR synset LIKE '%-r' OR definition ~ ('\m(genus|genera'
			'|species|(sub)?family of|trees?|shrubs?|herbs?|fish|fishes|plants?'
			'|perennial|birds?|fern|mollusk|beetle|moth|monetary unit)\M'),
		meanings,
		cardinality(string_to_array(definition, ' ')) NOT BETWEEN 4 AND 10,
		md5(synset)),
	lemmas,
	CASE right(synset, 1) WHEN 'n' THEN 'noun' WHEN 'v' THEN 'verb'
		WHEN 'r' THEN 'adverb' ELSE 'adjective' END,
	definition
FROM synset LEFT JOIN rarity USING (synset)
ORDER BY 1;
