-- angle_embed_table(): a column of a table, in batches that are committed.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS angle;

CREATE TABLE filled (id int PRIMARY KEY, title varchar(50), body text, embedding angle_vector(384));
INSERT INTO filled SELECT i, CASE WHEN i % 5 > 0 THEN 'title ' || i END, CASE WHEN i % 3 > 0 THEN 'body ' || i END
FROM generate_series(1, 600) AS i;

-- One column; rows without text are left alone. A call that has nothing to do
-- does nothing.
CALL angle_embed_table('filled', 'embedding', 'body', condition => 'id <= 100 -- the first');
SELECT count(*), count(body), count(embedding), bool_and(embedding = angle_embed(body)) AS right
FROM filled WHERE id <= 100;
SELECT count(embedding) FROM filled WHERE id > 100;
CREATE TEMP TABLE before AS SELECT ctid AS place, id FROM filled;
CALL angle_embed_table('filled', 'embedding', 'body', condition => 'filled.id <= 100');
SELECT count(*) AS touched FROM filled JOIN before USING (id) WHERE filled.ctid <> place;

-- Several columns, in odd batches.
CALL angle_embed_table('filled', 'embedding', ARRAY['title', 'body'], 'angle-mini', batch => 37);
SELECT count(*), count(concat(title, body)) FILTER (WHERE concat(title, body) <> '') AS texts, count(embedding),
	bool_and(embedding = angle_embed(concat_ws(E'\n', title, body), 'angle-mini')) FILTER (WHERE id > 100) AS right
FROM filled;

-- Prompts and dimensions as those of angle_embed().
UPDATE filled SET embedding = NULL WHERE id = 1;
ALTER TABLE filled ADD small angle_vector(64);
CALL angle_embed_table('filled', 'small', '{title}'::text[], 'angle-mini', prompt => 'about {text}',
	dimensions => 64, condition => 'id < 10');
SELECT count(small), bool_and(small = angle_embed(title, 'angle-mini', 'about {text}', 64)) AS right FROM filled;
DROP TABLE filled, before;

-- All names are quoted, none is looked up by search_path, where this one has
-- traps.
CREATE SCHEMA "Odd "" one";
CREATE TABLE "Odd "" one"."select * -- " ("v" text, "A ""b""" angle_vector(384), t int);
INSERT INTO "Odd "" one"."select * -- " VALUES ('x', NULL, 1), ('y', NULL, 2);
CREATE SCHEMA traps;
CREATE FUNCTION traps.trap(tid, tid) RETURNS bool LANGUAGE sql AS 'SELECT 1 / 0 = 1';
CREATE OPERATOR traps.= (LEFTARG = tid, RIGHTARG = tid, FUNCTION = traps.trap);
CREATE OPERATOR traps.>= (LEFTARG = tid, RIGHTARG = tid, FUNCTION = traps.trap);
CREATE FUNCTION traps.unnest(anyarray) RETURNS SETOF anyelement LANGUAGE sql AS 'SELECT NULL WHERE 1 / 0 = 1';
SET search_path = traps, pg_catalog, "Odd "" one", public;
CALL public.angle_embed_table('"select * -- "', 'A "b"', 'v');
RESET search_path;
SELECT "v", "A ""b""" = angle_embed("v") AS right FROM "Odd "" one"."select * -- ";
DROP SCHEMA "Odd "" one", traps CASCADE;

-- Partitions, inheritance, a domain, all types of text.
CREATE DOMAIN filled_unit AS angle_vector(384) CHECK (vector_norm(VALUE) < 1.1);
CREATE TABLE filled (id int, body char(20), embedding filled_unit) PARTITION BY RANGE (id);
CREATE TABLE filled_1 PARTITION OF filled FOR VALUES FROM (0) TO (50);
CREATE TABLE filled_2 (embedding filled_unit, body char(20), gone int, id int);
ALTER TABLE filled_2 DROP gone;
ALTER TABLE filled ATTACH PARTITION filled_2 FOR VALUES FROM (50) TO (1000);
INSERT INTO filled SELECT i, 'text ' || i FROM generate_series(1, 300) AS i;
CALL angle_embed_table('filled', 'embedding', 'body', batch => 20);
SELECT tableoid::regclass, count(*), count(embedding), bool_and(embedding = angle_embed(body)) AS right
FROM filled GROUP BY 1 ORDER BY 1;
DROP TABLE filled;
CREATE TABLE filled (body text, embedding filled_unit);
CREATE TABLE filled_child (more int) INHERITS (filled);
INSERT INTO filled VALUES ('parent');
INSERT INTO filled_child VALUES ('child');
CALL angle_embed_table('filled', 'embedding', 'body');
SELECT tableoid::regclass, embedding = angle_embed(body) AS right FROM filled ORDER BY 1;
DROP TABLE filled CASCADE;
DROP DOMAIN filled_unit;

-- Triggers have their say, and it ends all the same: one that holds rows back,
-- one that takes embeddings away again, one that keeps them.
CREATE TABLE filled (id int, body text, embedding angle_vector(384));
INSERT INTO filled SELECT i, 'text ' || i FROM generate_series(1, 20) AS i;
CREATE FUNCTION hold_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.id % 2 = 0 THEN
		RETURN NULL;
	ELSIF NEW.id % 3 = 0 THEN
		NEW.embedding := NULL;
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER hold_back BEFORE UPDATE ON filled FOR EACH ROW EXECUTE FUNCTION hold_back();
CALL angle_embed_table('filled', 'embedding', 'body', batch => 3);
SELECT id % 2 = 0 AS even, id % 3 = 0 AS third, count(embedding) FROM filled GROUP BY 1, 2 ORDER BY 1, 2;
DROP TRIGGER hold_back ON filled;
CREATE TRIGGER embed BEFORE INSERT OR UPDATE ON filled FOR EACH ROW
	EXECUTE FUNCTION angle_embed_trigger('embedding', 'angle-mini', 'body');
CALL angle_embed_table('filled', 'embedding', 'body');
SELECT count(*), count(embedding), bool_and(embedding = angle_embed(body)) AS right FROM filled;

-- At every isolation level; from a procedure; with a limit of time, at least one
-- batch is done.
UPDATE filled SET embedding = NULL;
SET default_transaction_isolation = serializable;
CALL angle_embed_table('filled', 'embedding', 'body', condition => 'id < 5');
RESET default_transaction_isolation;
CREATE PROCEDURE outer_procedure() LANGUAGE plpgsql AS $$
BEGIN
	CALL angle_embed_table('filled', 'embedding', 'body', condition => 'id < 9');
END $$;
CALL outer_procedure();
SELECT count(embedding) FROM filled;
CALL angle_embed_table('filled', 'embedding', 'body', batch => 4, time_limit => '0 s');
SELECT count(embedding) FROM filled;
CALL angle_embed_table('filled', 'embedding', 'body', batch => 4, time_limit => '1 hour');
SELECT count(embedding) FROM filled;

-- What cannot be.
CREATE FUNCTION inside() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	CALL angle_embed_table('filled', 'embedding', 'body');
END $$;
CREATE TABLE generated (body text, embedding angle_vector GENERATED ALWAYS AS (angle_embed(body, 'angle-mini')) STORED,
	number int, three angle_vector(3));
CREATE VIEW filled_view AS TABLE filled;
BEGIN;
CALL angle_embed_table('filled', 'embedding', 'body');
ROLLBACK;
\set VERBOSITY terse
SELECT inside();
\echo :LAST_ERROR_SQLSTATE
CALL angle_embed_table('generated', 'embedding', 'body');
\echo :LAST_ERROR_SQLSTATE
CALL angle_embed_table('generated', 'number', 'body');
\echo :LAST_ERROR_SQLSTATE
CALL angle_embed_table('generated', 'three', 'body');
\echo :LAST_ERROR_SQLSTATE
CALL angle_embed_table('generated', 'three', 'number');
CALL angle_embed_table('filled', 'embedding', 'nothing');
\echo :LAST_ERROR_SQLSTATE
CALL angle_embed_table('filled', 'embedding', ARRAY['body', NULL]);
CALL angle_embed_table('filled', 'embedding', '{}'::text[]);
CALL angle_embed_table('filled', 'embedding', NULL);
CALL angle_embed_table(NULL, 'embedding', 'body');
\echo :LAST_ERROR_SQLSTATE
CALL angle_embed_table('filled', 'embedding', 'body', batch => 0);
\echo :LAST_ERROR_SQLSTATE
CALL angle_embed_table('filled', 'embedding', 'body', batch => NULL);
CALL angle_embed_table('filled', 'embedding', 'body', 'no-such-model');
\echo :LAST_ERROR_SQLSTATE
CALL angle_embed_table('filled', 'embedding', 'body', dimensions => 64);
CALL angle_embed_table('filled', 'embedding', 'body', dimensions => -1);
CALL angle_embed_table('filled_view', 'embedding', 'body');
\echo :LAST_ERROR_SQLSTATE
CALL angle_embed_table('no_such_table', 'embedding', 'body');
\set VERBOSITY sqlstate
CALL angle_embed_table('filled', 'embedding', 'body', condition => 'no_such_column = 1');
\set VERBOSITY terse
UPDATE filled SET embedding = NULL;
SET default_transaction_read_only = on;
CALL angle_embed_table('filled', 'embedding', 'body');
RESET default_transaction_read_only;
CREATE FOREIGN DATA WRAPPER filled_wrapper;
CREATE SERVER filled_server FOREIGN DATA WRAPPER filled_wrapper;
CREATE FOREIGN TABLE filled_elsewhere () INHERITS (filled) SERVER filled_server;
CALL angle_embed_table('filled', 'embedding', 'body');
\set VERBOSITY default
DROP FOREIGN DATA WRAPPER filled_wrapper CASCADE;
SELECT * FROM angle_stat_progress_embed;
DROP TABLE filled, generated CASCADE;
DROP FUNCTION hold_back, inside;
DROP PROCEDURE outer_procedure;
