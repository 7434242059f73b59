-- For databases that have pgvector's type "vector": the same bytes, so that a
-- cast costs nothing.

CREATE FUNCTION angle_install_pgvector_casts() RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	ours regtype;
	theirs regtype;
BEGIN
	SELECT t.oid INTO STRICT ours
	FROM pg_type t JOIN pg_depend d ON d.classid = 'pg_type'::regclass
		AND d.objid = t.oid AND d.deptype = 'e'
	JOIN pg_extension e ON e.oid = d.refobjid
	WHERE e.extname = 'angle' AND t.typname = 'angle_vector';
	-- a type of that name that is laid out otherwise must not be taken for it
	SELECT t.oid INTO theirs
	FROM pg_type t JOIN pg_proc p ON p.oid = t.typinput
	JOIN pg_language l ON l.oid = p.prolang
	WHERE t.typname = 'vector' AND p.proname = 'vector_in' AND l.lanname = 'c'
		AND t.typlen = -1 AND t.typalign = 'i' AND t.typstorage = 'e';
	IF theirs IS NULL THEN
		RAISE undefined_object USING
			MESSAGE = 'pgvector is not installed in this database',
			HINT = 'Run CREATE EXTENSION vector first.';
	END IF;
	IF NOT EXISTS (SELECT FROM pg_cast
		WHERE castsource = theirs AND casttarget = ours) THEN
		EXECUTE format('CREATE CAST (%s AS %s) WITHOUT FUNCTION AS IMPLICIT',
			theirs, ours);
	END IF;
	IF NOT EXISTS (SELECT FROM pg_cast
		WHERE castsource = ours AND casttarget = theirs) THEN
		EXECUTE format('CREATE CAST (%s AS %s) WITHOUT FUNCTION AS ASSIGNMENT',
			ours, theirs);
	END IF;
END $$;
COMMENT ON FUNCTION angle_install_pgvector_casts() IS
	'create casts between angle_vector and the type vector of pgvector that cost nothing';
