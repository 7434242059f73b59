-- Casts from and to pgvector's type. A type with pgvector's layout stands for
-- it, made in a schema of its own from the same functions as ours.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS angle;
\set SHOW_CONTEXT never

SELECT angle_install_pgvector_casts();
-- a temporary table is not taken for a catalog
CREATE TEMP TABLE pg_type (oid oid);
SELECT angle_install_pgvector_casts();
DROP TABLE pg_temp.pg_type;

CREATE SCHEMA theirs;
CREATE TYPE theirs.vector;
CREATE FUNCTION theirs.vector_in(cstring, oid, integer) RETURNS theirs.vector
	AS '$libdir/angle', 'angle_vector_in' LANGUAGE C IMMUTABLE STRICT;
CREATE FUNCTION theirs.vector_out(theirs.vector) RETURNS cstring
	AS '$libdir/angle', 'angle_vector_out' LANGUAGE C IMMUTABLE STRICT;
CREATE FUNCTION theirs.vector_typmod_in(cstring[]) RETURNS integer
	AS '$libdir/angle', 'angle_vector_typmod_in' LANGUAGE C IMMUTABLE STRICT;
CREATE TYPE theirs.vector (INPUT = theirs.vector_in, OUTPUT = theirs.vector_out,
	TYPMOD_IN = theirs.vector_typmod_in, STORAGE = external);
CREATE FUNCTION theirs.cosine_distance(theirs.vector, theirs.vector) RETURNS float8
	AS '$libdir/angle', 'angle_cosine_distance' LANGUAGE C IMMUTABLE STRICT;
CREATE OPERATOR theirs.<=> (LEFTARG = theirs.vector, RIGHTARG = theirs.vector,
	FUNCTION = theirs.cosine_distance, COMMUTATOR = OPERATOR(theirs.<=>));
RESET client_min_messages;

SELECT angle_install_pgvector_casts();
-- again is no mistake
SELECT angle_install_pgvector_casts();
SELECT castsource::regtype, casttarget::regtype, castcontext, castmethod
FROM pg_cast WHERE 'theirs.vector'::regtype IN (castsource, casttarget)
ORDER BY 3;

CREATE TABLE existing (id int, v theirs.vector(3));
INSERT INTO existing VALUES (1, '[1,2,3]'), (2, '[3,2,1]'), (3, NULL);
INSERT INTO existing VALUES (4, '[0,0,1]'::angle_vector);
SELECT id, round((v <^> '[1,2,3]')::numeric, 6) AS angle FROM existing ORDER BY v <=> '[1,2,3]'::angle_vector;
CREATE TABLE moved (v angle_vector(3));
INSERT INTO moved SELECT v FROM existing;
SELECT * FROM moved;
SELECT v::angle_vector(2) FROM existing;
-- an index of ours on a column of theirs serves their operators and ours
CREATE INDEX existing_v ON existing USING angle (v);
SET enable_seqscan = off;
SET angle.recall_target = 1;
EXPLAIN (COSTS OFF) SELECT id FROM existing ORDER BY v OPERATOR(theirs.<=>) '[1,2,3]';
SELECT id FROM existing ORDER BY v OPERATOR(theirs.<=>) '[1,2,3]';
EXPLAIN (COSTS OFF) SELECT id FROM existing ORDER BY v <^> '[1,2,3]'::angle_vector;
SELECT id FROM existing ORDER BY v <^> '[1,2,3]'::angle_vector;
RESET enable_seqscan;
RESET angle.recall_target;

-- Its columns can be embedded.
CREATE TABLE embedded (body text, v theirs.vector(384), three theirs.vector(3));
INSERT INTO embedded VALUES ('one'), ('two');
SET client_min_messages = warning;
CALL angle_embed_table('embedded', 'v', 'body');
RESET client_min_messages;
CREATE TRIGGER embed BEFORE INSERT OR UPDATE ON embedded FOR EACH ROW
	EXECUTE FUNCTION angle_embed_trigger('v', 'angle-mini', 'body');
INSERT INTO embedded VALUES ('three');
SELECT body, v::angle_vector = angle_embed(body) AS right FROM embedded ORDER BY 1;
CALL angle_embed_table('embedded', 'three', 'body');
DROP TABLE embedded;
SET client_min_messages = warning;
DROP TABLE existing, moved;
DROP SCHEMA theirs CASCADE;
