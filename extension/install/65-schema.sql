
-- Embeddings as part of a schema.

CREATE FUNCTION angle_text_similarity(a text, b text) RETURNS float8
	AS 'MODULE_PATHNAME', 'angle_text_similarity'
	LANGUAGE C STABLE PARALLEL SAFE COST 100000 SUPPORT angle_embed_support;
COMMENT ON FUNCTION angle_text_similarity(text, text) IS
	'cosine of the embeddings of two texts, by the model of the setting angle.model';

CREATE FUNCTION angle_text_similarity(a text, b text, model text)
	RETURNS float8
	AS 'MODULE_PATHNAME', 'angle_text_similarity_model'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 SUPPORT angle_embed_support;
COMMENT ON FUNCTION angle_text_similarity(text, text, text) IS
	'cosine of the embeddings of two texts, by the named model';

CREATE FUNCTION angle_embed_trigger() RETURNS trigger
	AS 'MODULE_PATHNAME' LANGUAGE C PARALLEL SAFE;
COMMENT ON FUNCTION angle_embed_trigger() IS
	'keeps a column with the embedding of others; arguments are its name, that of the model, and those of the columns with text';

-- Two forms, so that one column needs no array.
CREATE PROCEDURE angle_embed_table(target regclass, embedding text,
								   content text, model text DEFAULT NULL,
								   batch int DEFAULT 128,
								   condition text DEFAULT NULL,
								   time_limit interval DEFAULT NULL,
								   prompt text DEFAULT NULL,
								   dimensions int DEFAULT NULL)
	AS 'MODULE_PATHNAME', 'angle_embed_table' LANGUAGE C;
COMMENT ON PROCEDURE angle_embed_table(regclass, text, text, text, int, text,
									   interval, text, int) IS
	'fills a column with the embeddings of another, where it is null; commits each batch';

CREATE PROCEDURE angle_embed_table(target regclass, embedding text,
								   content text[], model text DEFAULT NULL,
								   batch int DEFAULT 128,
								   condition text DEFAULT NULL,
								   time_limit interval DEFAULT NULL,
								   prompt text DEFAULT NULL,
								   dimensions int DEFAULT NULL)
	AS 'MODULE_PATHNAME', 'angle_embed_table_columns' LANGUAGE C;
COMMENT ON PROCEDURE angle_embed_table(regclass, text, text[], text, int, text,
									   interval, text, int) IS
	'fills a column with the embeddings of others, joined, where it is null; commits each batch';

CREATE VIEW angle_stat_progress_embed AS
SELECT s.pid, s.datid, d.datname, s.relid, s.param3 AS rows_embedded,
	s.param14 AS rows_passed, s.param15 AS rows_total
FROM pg_catalog.pg_stat_get_progress_info('COPY') AS s
	JOIN pg_catalog.pg_database AS d ON d.oid = s.datid
WHERE s.param16 = 5;
GRANT SELECT ON angle_stat_progress_embed TO PUBLIC;
COMMENT ON VIEW angle_stat_progress_embed IS
	'calls of angle_embed_table() that are under way';
COMMENT ON COLUMN angle_stat_progress_embed.relid IS 'the table';
COMMENT ON COLUMN angle_stat_progress_embed.rows_embedded IS
	'by this session';
COMMENT ON COLUMN angle_stat_progress_embed.rows_passed IS
	'those that any session has done, by an estimate';
COMMENT ON COLUMN angle_stat_progress_embed.rows_total IS
	'those that wanted an embedding when the call began';
