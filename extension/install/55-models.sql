-- Models in the database.

-- The name sorts before those of most schemas, so that a dump restores the
-- models before the tables whose generated columns need them.
CREATE SCHEMA _angle;
COMMENT ON SCHEMA _angle IS 'where the extension angle keeps models';

CREATE TABLE _angle.model (
	name text COLLATE "C" CONSTRAINT model_pkey PRIMARY KEY
		CONSTRAINT model_name_check
		CHECK (name ~ '^[A-Za-z0-9_-][A-Za-z0-9._-]{0,62}$'),
	architecture text NOT NULL,
	dimensions int NOT NULL,
	max_tokens int NOT NULL,
	pooling text NOT NULL,
	prompts jsonb NOT NULL,
	default_prompt text,
	parameters bigint NOT NULL,
	quantization text NOT NULL,
	bytes bigint NOT NULL CONSTRAINT model_bytes_check CHECK (bytes > 0),
	sha256 bytea NOT NULL CONSTRAINT model_sha256_check
		CHECK (octet_length(sha256) = 32),
	loaded_at timestamptz NOT NULL,
	owner text NOT NULL,
	users text[] NOT NULL DEFAULT '{public}');
COMMENT ON TABLE _angle.model IS
	'one row for each model; written by angle_load_model() and the like alone';
COMMENT ON COLUMN _angle.model.owner IS
	'name of the role that may drop and share it';
COMMENT ON COLUMN _angle.model.users IS
	'names of the roles that may use it; public is everyone';

CREATE TABLE _angle.chunk (
	model text COLLATE "C" NOT NULL CONSTRAINT chunk_model_fkey
		REFERENCES _angle.model ON DELETE CASCADE
		DEFERRABLE INITIALLY DEFERRED,
	seq int NOT NULL CONSTRAINT chunk_seq_check CHECK (seq >= 0),
	crc32c bigint NOT NULL,
	data bytea NOT NULL,
	CONSTRAINT chunk_pkey PRIMARY KEY (model, seq));
ALTER TABLE _angle.chunk ALTER data SET STORAGE EXTERNAL;
COMMENT ON TABLE _angle.chunk IS
	'packed files of the models, in pieces';
COMMENT ON COLUMN _angle.chunk.seq IS 'from 0';
COMMENT ON COLUMN _angle.chunk.crc32c IS 'checksum of the data';

SELECT pg_catalog.pg_extension_config_dump('_angle.model', '');
SELECT pg_catalog.pg_extension_config_dump('_angle.chunk', '');

-- What whoever dumps and restores a database of his own needs.
GRANT USAGE ON SCHEMA _angle TO @extowner@;
GRANT SELECT, INSERT ON _angle.model, _angle.chunk TO @extowner@;

CREATE FUNCTION _angle.model_changed() RETURNS trigger
	AS 'MODULE_PATHNAME', 'angle_model_changed' LANGUAGE C;
COMMENT ON FUNCTION _angle.model_changed() IS
	'tells all sessions of a change and refuses those of what a name means';
REVOKE EXECUTE ON FUNCTION _angle.model_changed() FROM PUBLIC;

CREATE TRIGGER model_changed AFTER INSERT OR UPDATE OR DELETE ON _angle.model
	FOR EACH ROW EXECUTE FUNCTION _angle.model_changed();
CREATE TRIGGER model_truncated AFTER TRUNCATE ON _angle.model
	FOR EACH STATEMENT EXECUTE FUNCTION _angle.model_changed();
-- also where replication writes
ALTER TABLE _angle.model ENABLE ALWAYS TRIGGER model_changed;
ALTER TABLE _angle.model ENABLE ALWAYS TRIGGER model_truncated;

CREATE FUNCTION angle_load_model(name text, directory text,
								 quantize text DEFAULT NULL)
	RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION angle_load_model(text, text, text) IS
	'puts a model into the database, from a model directory or a packed file of the server; quantize is int8, the default, or f32';

CREATE FUNCTION angle_drop_model(name text, force boolean DEFAULT false)
	RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION angle_drop_model(text, boolean) IS
	'removes a model from the database, with force also where something uses it';

CREATE FUNCTION angle_grant_model(name text, role text) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION angle_grant_model(text, text) IS
	'lets a role, or public, use a model of the database';

CREATE FUNCTION angle_revoke_model(name text, role text) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION angle_revoke_model(text, text) IS
	'takes back what angle_grant_model() gave; a new model is granted to public';

-- For "angle push": all of these in one transaction.

CREATE FUNCTION angle_push_chunk_size() RETURNS int
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_push_chunk_size() IS
	'bytes of each chunk of a push but the last';

CREATE FUNCTION angle_push_begin(name text, bytes bigint) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION angle_push_begin(text, bigint) IS
	'starts to put a packed model of so many bytes into the database';

CREATE FUNCTION angle_push_chunk(name text, seq int, data bytea) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION angle_push_chunk(text, int, bytea) IS
	'adds the next chunk, counted from 0';

CREATE FUNCTION angle_push_end(name text, sha256 text) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION angle_push_end(text, text) IS
	'checks what has come and makes it a model';

REVOKE EXECUTE ON FUNCTION angle_push_begin(text, bigint),
	angle_push_chunk(text, int, bytea), angle_push_end(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION angle_push_begin(text, bigint),
	angle_push_chunk(text, int, bytea), angle_push_end(text, text)
	TO @extowner@ WITH GRANT OPTION;

CREATE VIEW angle_stat_progress_load AS
SELECT s.pid, s.datid, d.datname,
	CASE s.param16 WHEN 1 THEN 'packing' WHEN 2 THEN 'storing'
		WHEN 3 THEN 'receiving' WHEN 4 THEN 'checking' ELSE 'copying' END AS phase,
	s.param1 AS bytes_done, nullif(s.param2, 0) AS bytes_total
FROM pg_catalog.pg_stat_get_progress_info('COPY') AS s
	JOIN pg_catalog.pg_database AS d ON d.oid = s.datid
WHERE d.datname = pg_catalog.current_database()
	AND s.relid = '_angle.chunk'::pg_catalog.regclass;
GRANT SELECT ON angle_stat_progress_load TO PUBLIC;
COMMENT ON VIEW angle_stat_progress_load IS
	'models that are being loaded into this database, or pushed';
COMMENT ON COLUMN angle_stat_progress_load.phase IS
	'packing, storing or, of a push, receiving and checking';
COMMENT ON COLUMN angle_stat_progress_load.bytes_done IS 'in this phase';
COMMENT ON COLUMN angle_stat_progress_load.bytes_total IS 'of this phase';

-- In 0.1 without the last three columns, and name has to keep its collation.
CREATE OR REPLACE VIEW angle_models AS
SELECT name COLLATE pg_catalog."default" AS name, architecture, dimensions,
	max_tokens, pooling, prompts, default_prompt, parameters, quantization, bytes,
	pg_catalog.encode(sha256, 'hex') AS sha256, loaded_at, owner, users,
	'database' AS location
FROM _angle.model
UNION ALL
SELECT f.*, NULL, NULL, 'file' FROM angle_list_models() AS f
WHERE f.name NOT IN (SELECT name FROM _angle.model);
GRANT SELECT ON angle_models TO PUBLIC;
COMMENT ON VIEW angle_models IS
	'models that angle_embed() can use';
COMMENT ON COLUMN angle_models.name IS 'what the argument model names';
COMMENT ON COLUMN angle_models.architecture IS 'family of the network';
COMMENT ON COLUMN angle_models.dimensions IS 'of the embeddings';
COMMENT ON COLUMN angle_models.max_tokens IS
	'what a longer text is truncated to, special tokens and prompt included';
COMMENT ON COLUMN angle_models.pooling IS
	'how the states of the tokens become one vector';
COMMENT ON COLUMN angle_models.prompts IS
	'template of each prompt by its name';
COMMENT ON COLUMN angle_models.default_prompt IS
	'name of the prompt that is used when none is given';
COMMENT ON COLUMN angle_models.parameters IS 'number of weights';
COMMENT ON COLUMN angle_models.quantization IS 'precision of the weights';
COMMENT ON COLUMN angle_models.bytes IS 'size of the packed file';
COMMENT ON COLUMN angle_models.sha256 IS 'of the packed file';
COMMENT ON COLUMN angle_models.loaded_at IS
	'when it was loaded, or the file was put there';
COMMENT ON COLUMN angle_models.owner IS
	'role that may drop and share a model of the database';
COMMENT ON COLUMN angle_models.users IS
	'roles that may use a model of the database; public is everyone';
COMMENT ON COLUMN angle_models.location IS
	'database, or file of the directory angle.model_directory';
