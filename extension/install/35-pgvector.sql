-- For databases that have pgvector's type "vector": the same bytes, so that a
-- cast costs nothing and our indexes take columns of it. An update from 0.1
-- replaces the function, too.

CREATE OR REPLACE FUNCTION angle_install_pgvector_casts() RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	ours regtype;
	theirs regtype;
	home text;
	class record;
BEGIN
	SELECT t.oid, e.extnamespace::regnamespace::text INTO STRICT ours, home
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
	-- operator classes for columns of their type, in the families of ours
	FOR class IN
		SELECT format('CREATE OPERATOR CLASS %1$s.%2$I %3$s FOR TYPE %4$s USING angle'
			' FAMILY %1$s.%5$I AS OPERATOR %6$s %7$s.%8$s (%4$s, %4$s)'
			' FOR ORDER BY pg_catalog.float_ops, FUNCTION 1 %1$s.%9$I()',
			home, name, CASE WHEN name = 'vector_cosine_ops' THEN 'DEFAULT' END,
			theirs, 'angle_' || name, strategy, oprnamespace::regnamespace, oprname,
			metric) AS definition
		FROM (VALUES ('vector_cosine_ops', 6, '<=>', 'angle_metric_cosine'),
			('vector_l2_ops', 9, '<->', 'angle_metric_l2'),
			('vector_ip_ops', 10, '<#>', 'angle_metric_inner_product'))
			AS v (name, strategy, operator, metric)
		JOIN pg_operator ON oprname = operator AND oprleft = theirs
			AND oprright = theirs AND oprresult = 'float8'::regtype
			-- pgvector's own, which lie where its type does
			AND oprnamespace = (SELECT typnamespace FROM pg_type WHERE oid = theirs)
		WHERE NOT EXISTS (SELECT FROM pg_opclass
			WHERE opcintype = theirs AND opcname = name
				AND opcmethod = (SELECT oid FROM pg_am WHERE amname = 'angle'))
	LOOP
		EXECUTE class.definition;
	END LOOP;
END $$;
COMMENT ON FUNCTION angle_install_pgvector_casts() IS
	'create casts between angle_vector and the type vector of pgvector that cost nothing, and operator classes for indexes on it';
