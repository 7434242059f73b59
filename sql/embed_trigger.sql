-- angle_embed_trigger(): a column that is kept with the embedding of others.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS angle;
RESET client_min_messages;

CREATE TABLE embedded (id int PRIMARY KEY, title varchar(50), body text, note text,
	embedding angle_vector(384));
CREATE TRIGGER embed BEFORE INSERT OR UPDATE ON embedded FOR EACH ROW
	EXECUTE FUNCTION angle_embed_trigger('embedding', 'angle-mini', 'title', 'body');
CREATE VIEW embedded_state AS
SELECT id, embedding = angle_embed(concat_ws(E'\n', title, body), 'angle-mini') AS right,
	embedding IS NULL AS "null"
FROM embedded;

-- NULLs are left out; of nothing there is no embedding.
INSERT INTO embedded VALUES (1, 'Cats', 'They sleep.'), (2, 'Cats', NULL), (3, NULL, 'They sleep.'),
	(4, NULL, NULL), (5, '', '');
TABLE embedded_state ORDER BY id;
SELECT embedding = angle_embed('Cats', 'angle-mini') AS alone FROM embedded WHERE id = 2;

-- What the statement gives for the column does not count.
INSERT INTO embedded VALUES (6, 'x', 'y', NULL, angle_embed('something else'));
TABLE embedded_state ORDER BY id OFFSET 5;

-- An update of a source embeds; to NULL and back, too.
UPDATE embedded SET body = 'They purr.' WHERE id IN (1, 4);
UPDATE embedded SET title = NULL, body = NULL WHERE id = 2;
TABLE embedded_state ORDER BY id;

-- Nothing else does: not another column, not a source that stays as it is. To
-- see it, the column is set to what no model gives.
UPDATE embedded SET embedding = array_fill(1, ARRAY[384])::angle_vector WHERE id IN (1, 2);
UPDATE embedded SET note = 'n', body = 'They purr.' WHERE id = 1;
UPDATE embedded SET note = 'n', title = NULL WHERE id = 2;
SELECT id, embedding = array_fill(1, ARRAY[384])::angle_vector AS kept FROM embedded WHERE id IN (1, 2) ORDER BY id;
UPDATE embedded SET embedding = NULL WHERE id = 1;
UPDATE embedded SET note = 'm' WHERE id = 1;
TABLE embedded_state ORDER BY id LIMIT 2;

-- A source that a trigger before it sets.
CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.title := upper(NEW.note);
	RETURN NEW;
END $$;
CREATE TRIGGER a_shout BEFORE UPDATE OF note ON embedded FOR EACH ROW EXECUTE FUNCTION shout();
UPDATE embedded SET note = 'dogs' WHERE id = 3;
SELECT title, s.* FROM embedded JOIN embedded_state AS s USING (id) WHERE id = 3;
DROP TRIGGER a_shout ON embedded;

-- Values out of line, the embedding among them, stay where they are.
ALTER TABLE embedded ALTER body SET STORAGE EXTERNAL;
ALTER TABLE embedded SET (toast_tuple_target = 128);
INSERT INTO embedded SELECT 7, 'big', string_agg('word ' || i, ' '), NULL, NULL FROM generate_series(1, 1000) AS i;
CREATE TEMP TABLE toast_before AS
SELECT octet_length(body) > 8000 AS big, md5(embedding::text) AS digest,
	pg_relation_size(reltoastrelid) AS size
FROM embedded, pg_class AS c WHERE id = 7 AND c.oid = 'embedded'::regclass;
UPDATE embedded SET note = 'n' WHERE id = 7;
SELECT big, digest = md5(embedding::text) AS kept, size > 8000 + 1536 AND size = pg_relation_size(reltoastrelid) AS same_place
FROM embedded, toast_before, pg_class AS c WHERE id = 7 AND c.oid = 'embedded'::regclass;
UPDATE embedded SET body = body || '' WHERE id = 7;
UPDATE embedded SET body = 'other' || body WHERE id = 7;
SELECT digest = md5(embedding::text) AS kept FROM embedded, toast_before WHERE id = 7;
TABLE embedded_state ORDER BY id OFFSET 6;
-- Upserts.
INSERT INTO embedded VALUES (1, 'New', 'text') ON CONFLICT (id) DO UPDATE SET title = excluded.title;
INSERT INTO embedded VALUES (2, 'New', 'text') ON CONFLICT (id) DO NOTHING;
INSERT INTO embedded VALUES (3, 'New', 'text') ON CONFLICT (id)
	DO UPDATE SET title = excluded.title, body = excluded.body, embedding = excluded.embedding;
SELECT title, s.* FROM embedded JOIN embedded_state AS s USING (id) WHERE id < 4 ORDER BY id;

-- COPY, and MERGE.
COPY embedded (id, body) FROM stdin;
20	copied
21	\N
\.
MERGE INTO embedded AS e USING (VALUES (20, 'merged'), (22, 'inserted')) AS v (id, body) ON e.id = v.id
	WHEN MATCHED THEN UPDATE SET body = v.body
	WHEN NOT MATCHED THEN INSERT (id, body) VALUES (v.id, v.body);
TABLE embedded_state ORDER BY id OFFSET 7;
DROP TABLE embedded CASCADE;

-- All types that are text; a domain over the vector keeps its constraint.
CREATE DOMAIN embed_title AS varchar(40) CHECK (VALUE <> 'bad');
CREATE DOMAIN embed_padded AS char(20);
CREATE DOMAIN embed_unit AS angle_vector(384) NOT NULL CHECK (vector_norm(VALUE) < 1.1);
CREATE TABLE embedded (id int, a embed_title, b char(20), c embed_padded, d text COLLATE "C", embedding embed_unit);
CREATE TRIGGER embed BEFORE INSERT OR UPDATE ON embedded FOR EACH ROW
	EXECUTE FUNCTION angle_embed_trigger('embedding', 'angle-mini', 'a', 'b', 'c', 'd');
INSERT INTO embedded VALUES (1, 'w', 'x', 'y', 'z', angle_embed('any'));
SELECT embedding = angle_embed(E'w\nx\ny\nz') AS right FROM embedded;
INSERT INTO embedded VALUES (2, NULL, NULL, NULL, NULL, angle_embed('any'));
\echo :LAST_ERROR_SQLSTATE
DROP TABLE embedded;

-- Partitions, with columns in other places.
CREATE TABLE embedded (id int, body text, embedding angle_vector(384)) PARTITION BY RANGE (id);
CREATE TABLE embedded_1 PARTITION OF embedded FOR VALUES FROM (1) TO (10);
CREATE TABLE embedded_2 (embedding angle_vector(384), gone int, body text, id int);
ALTER TABLE embedded_2 DROP gone;
ALTER TABLE embedded ATTACH PARTITION embedded_2 FOR VALUES FROM (10) TO (20);
CREATE TRIGGER embed BEFORE INSERT OR UPDATE ON embedded FOR EACH ROW
	EXECUTE FUNCTION angle_embed_trigger('embedding', 'angle-mini', 'body');
INSERT INTO embedded VALUES (1, 'one'), (11, 'eleven');
UPDATE embedded SET id = id + 10 WHERE id = 1;
UPDATE embedded SET body = 'eleven and more' WHERE body = 'eleven';
SELECT tableoid::regclass, id, embedding = angle_embed(body) AS right FROM embedded ORDER BY body;
DROP TABLE embedded;

-- It depends on no search_path.
CREATE TABLE embedded (body text, embedding angle_vector(384));
CREATE TRIGGER embed BEFORE INSERT OR UPDATE ON embedded FOR EACH ROW
	EXECUTE FUNCTION angle_embed_trigger('embedding', 'angle-mini', 'body');
SET search_path = '';
INSERT INTO public.embedded VALUES ('x');
RESET search_path;
SELECT embedding = angle_embed(body) AS right FROM embedded;

-- Misuse.
CREATE FUNCTION misuse(timing text, arguments text, level text DEFAULT 'ROW') RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE OR REPLACE TRIGGER embed %s ON embedded FOR EACH %s EXECUTE FUNCTION angle_embed_trigger(%s)',
		timing, level, arguments);
	INSERT INTO embedded VALUES ('x');
	DELETE FROM embedded;
EXCEPTION WHEN OTHERS THEN
	RAISE NOTICE '% %', sqlstate, sqlerrm;
END $$;
ALTER TABLE embedded ADD number int, ADD three angle_vector(3), ADD any_length angle_vector,
	ADD upper text GENERATED ALWAYS AS (upper(body)) STORED,
	ADD generated angle_vector GENERATED ALWAYS AS (angle_embed(body, 'angle-mini')) STORED;
ALTER TABLE embedded ADD dropped text;
ALTER TABLE embedded DROP dropped;
SELECT misuse('BEFORE INSERT', $$'any_length', 'angle-mini', 'body'$$);
SELECT misuse('AFTER INSERT', $$'embedding', 'angle-mini', 'body'$$);
SELECT misuse('BEFORE DELETE', $$'embedding', 'angle-mini', 'body'$$);
SELECT misuse('BEFORE INSERT', $$'embedding', 'angle-mini', 'body'$$, 'STATEMENT');
SELECT misuse('BEFORE INSERT', $$'embedding', 'angle-mini'$$);
SELECT misuse('BEFORE INSERT', $$'embedding', 'no-such-model', 'body'$$);
SELECT misuse('BEFORE INSERT', $$'no_such_column', 'angle-mini', 'body'$$);
SELECT misuse('BEFORE INSERT', $$'embedding', 'angle-mini', 'body', 'dropped'$$);
SELECT misuse('BEFORE INSERT', $$'embedding', 'angle-mini', 'ctid'$$);
SELECT misuse('BEFORE INSERT', $$'embedding', 'angle-mini', 'number'$$);
SELECT misuse('BEFORE INSERT', $$'number', 'angle-mini', 'body'$$);
SELECT misuse('BEFORE INSERT', $$'three', 'angle-mini', 'body'$$);
SELECT misuse('BEFORE INSERT', $$'generated', 'angle-mini', 'body'$$);
SELECT misuse('BEFORE INSERT', $$'embedding', 'angle-mini', 'upper'$$);
SELECT angle_embed_trigger();
CREATE OR REPLACE TRIGGER embed BEFORE INSERT ON embedded FOR EACH ROW
	EXECUTE FUNCTION angle_embed_trigger('three', 'angle-mini', 'body');
INSERT INTO embedded VALUES ('x');
DROP TABLE embedded;
DROP FUNCTION misuse, shout;
DROP DOMAIN embed_title, embed_padded, embed_unit;
