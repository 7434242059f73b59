-- The index access method and its operator classes.

CREATE FUNCTION angle_handler(internal) RETURNS index_am_handler
	AS 'MODULE_PATHNAME' LANGUAGE C PARALLEL SAFE;
COMMENT ON FUNCTION angle_handler(internal) IS
	'handler of the index access method angle';

CREATE ACCESS METHOD angle TYPE INDEX HANDLER angle_handler;
COMMENT ON ACCESS METHOD angle IS
	'nearest vectors: a tree of lists of 1-bit codes';

CREATE FUNCTION angle_metric_cosine() RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_metric_cosine() IS
	'tells an index of the access method angle to measure angles';

CREATE FUNCTION angle_metric_l2() RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_metric_l2() IS
	'tells an index of the access method angle to measure Euclidean distances';

CREATE FUNCTION angle_metric_inner_product() RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_metric_inner_product() IS
	'tells an index of the access method angle to measure inner products';

CREATE OPERATOR CLASS angle_vector_cosine_ops
	DEFAULT FOR TYPE angle_vector USING angle AS
	OPERATOR 6 <=> FOR ORDER BY float_ops,
	OPERATOR 7 <^> FOR ORDER BY float_ops,
	OPERATOR 8 <@> FOR ORDER BY float_ops,
	FUNCTION 1 angle_metric_cosine();
COMMENT ON OPERATOR CLASS angle_vector_cosine_ops USING angle IS
	'nearest by <=>, <^> and <@>';
COMMENT ON OPERATOR FAMILY angle_vector_cosine_ops USING angle IS
	'nearest by <=>, <^> and <@>';

CREATE OPERATOR CLASS angle_vector_l2_ops
	FOR TYPE angle_vector USING angle AS
	OPERATOR 9 <-> FOR ORDER BY float_ops,
	FUNCTION 1 angle_metric_l2();
COMMENT ON OPERATOR CLASS angle_vector_l2_ops USING angle IS
	'nearest by <->';
COMMENT ON OPERATOR FAMILY angle_vector_l2_ops USING angle IS
	'nearest by <->';

CREATE OPERATOR CLASS angle_vector_ip_ops
	FOR TYPE angle_vector USING angle AS
	OPERATOR 10 <#> FOR ORDER BY float_ops,
	FUNCTION 1 angle_metric_inner_product();
COMMENT ON OPERATOR CLASS angle_vector_ip_ops USING angle IS
	'nearest by <#>';
COMMENT ON OPERATOR FAMILY angle_vector_ip_ops USING angle IS
	'nearest by <#>';

-- Columns behind the vector, for filters. Integers of different sizes can be
-- compared with one another.

CREATE OPERATOR FAMILY angle_integer_ops USING angle;
COMMENT ON OPERATOR FAMILY angle_integer_ops USING angle IS
	'filters on integers';

CREATE OPERATOR CLASS angle_int2_ops
	DEFAULT FOR TYPE smallint USING angle FAMILY angle_integer_ops AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >;
COMMENT ON OPERATOR CLASS angle_int2_ops USING angle IS
	'filters on smallint';

CREATE OPERATOR CLASS angle_int4_ops
	DEFAULT FOR TYPE integer USING angle FAMILY angle_integer_ops AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >;
COMMENT ON OPERATOR CLASS angle_int4_ops USING angle IS
	'filters on integer';

CREATE OPERATOR CLASS angle_int8_ops
	DEFAULT FOR TYPE bigint USING angle FAMILY angle_integer_ops AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >;
COMMENT ON OPERATOR CLASS angle_int8_ops USING angle IS
	'filters on bigint';

ALTER OPERATOR FAMILY angle_integer_ops USING angle ADD
	OPERATOR 1 < (smallint, integer),
	OPERATOR 2 <= (smallint, integer),
	OPERATOR 3 = (smallint, integer),
	OPERATOR 4 >= (smallint, integer),
	OPERATOR 5 > (smallint, integer),
	OPERATOR 1 < (smallint, bigint),
	OPERATOR 2 <= (smallint, bigint),
	OPERATOR 3 = (smallint, bigint),
	OPERATOR 4 >= (smallint, bigint),
	OPERATOR 5 > (smallint, bigint),
	OPERATOR 1 < (integer, smallint),
	OPERATOR 2 <= (integer, smallint),
	OPERATOR 3 = (integer, smallint),
	OPERATOR 4 >= (integer, smallint),
	OPERATOR 5 > (integer, smallint),
	OPERATOR 1 < (integer, bigint),
	OPERATOR 2 <= (integer, bigint),
	OPERATOR 3 = (integer, bigint),
	OPERATOR 4 >= (integer, bigint),
	OPERATOR 5 > (integer, bigint),
	OPERATOR 1 < (bigint, smallint),
	OPERATOR 2 <= (bigint, smallint),
	OPERATOR 3 = (bigint, smallint),
	OPERATOR 4 >= (bigint, smallint),
	OPERATOR 5 > (bigint, smallint),
	OPERATOR 1 < (bigint, integer),
	OPERATOR 2 <= (bigint, integer),
	OPERATOR 3 = (bigint, integer),
	OPERATOR 4 >= (bigint, integer),
	OPERATOR 5 > (bigint, integer);

CREATE OPERATOR CLASS angle_bool_ops
	DEFAULT FOR TYPE boolean USING angle AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >;
COMMENT ON OPERATOR CLASS angle_bool_ops USING angle IS
	'filters on boolean';
COMMENT ON OPERATOR FAMILY angle_bool_ops USING angle IS
	'filters on boolean';

CREATE OPERATOR CLASS angle_oid_ops
	DEFAULT FOR TYPE oid USING angle AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >;
COMMENT ON OPERATOR CLASS angle_oid_ops USING angle IS
	'filters on oid';
COMMENT ON OPERATOR FAMILY angle_oid_ops USING angle IS
	'filters on oid';

CREATE OPERATOR CLASS angle_date_ops
	DEFAULT FOR TYPE date USING angle AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >;
COMMENT ON OPERATOR CLASS angle_date_ops USING angle IS
	'filters on date';
COMMENT ON OPERATOR FAMILY angle_date_ops USING angle IS
	'filters on date';

CREATE OPERATOR CLASS angle_timestamp_ops
	DEFAULT FOR TYPE timestamp USING angle AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >;
COMMENT ON OPERATOR CLASS angle_timestamp_ops USING angle IS
	'filters on timestamp';
COMMENT ON OPERATOR FAMILY angle_timestamp_ops USING angle IS
	'filters on timestamp';

CREATE OPERATOR CLASS angle_timestamptz_ops
	DEFAULT FOR TYPE timestamptz USING angle AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >;
COMMENT ON OPERATOR CLASS angle_timestamptz_ops USING angle IS
	'filters on timestamptz';
COMMENT ON OPERATOR FAMILY angle_timestamptz_ops USING angle IS
	'filters on timestamptz';

CREATE OPERATOR CLASS angle_float4_ops
	DEFAULT FOR TYPE real USING angle AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >;
COMMENT ON OPERATOR CLASS angle_float4_ops USING angle IS
	'filters on real';
COMMENT ON OPERATOR FAMILY angle_float4_ops USING angle IS
	'filters on real';

CREATE OPERATOR CLASS angle_float8_ops
	DEFAULT FOR TYPE double precision USING angle AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >;
COMMENT ON OPERATOR CLASS angle_float8_ops USING angle IS
	'filters on double precision';
COMMENT ON OPERATOR FAMILY angle_float8_ops USING angle IS
	'filters on double precision';

CREATE OPERATOR CLASS angle_text_ops
	DEFAULT FOR TYPE text USING angle AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >,
	FUNCTION 2 hashtextextended(text, bigint);
COMMENT ON OPERATOR CLASS angle_text_ops USING angle IS
	'filters on text';
COMMENT ON OPERATOR FAMILY angle_text_ops USING angle IS
	'filters on text';

CREATE OPERATOR CLASS angle_uuid_ops
	DEFAULT FOR TYPE uuid USING angle AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >,
	FUNCTION 2 uuid_hash_extended(uuid, bigint);
COMMENT ON OPERATOR CLASS angle_uuid_ops USING angle IS
	'filters on uuid';
COMMENT ON OPERATOR FAMILY angle_uuid_ops USING angle IS
	'filters on uuid';

CREATE OPERATOR CLASS angle_numeric_ops
	DEFAULT FOR TYPE numeric USING angle AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >,
	FUNCTION 2 hash_numeric_extended(numeric, bigint);
COMMENT ON OPERATOR CLASS angle_numeric_ops USING angle IS
	'filters on numeric';
COMMENT ON OPERATOR FAMILY angle_numeric_ops USING angle IS
	'filters on numeric';

CREATE FUNCTION angle_index_info(index regclass, OUT metric text,
		OUT dimensions integer, OUT rerank integer, OUT rows bigint,
		OUT lists bigint, OUT inner_nodes bigint, OUT unused bigint,
		OUT list_capacity integer, OUT bytes bigint, OUT calibrated boolean)
	AS 'MODULE_PATHNAME' LANGUAGE C STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_index_info(regclass) IS
	'what an index of the access method angle consists of';

CREATE FUNCTION angle_index_check(index regclass) RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE C STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_index_check(regclass) IS
	'read every page of an index, raise an error for one that is damaged, count rows';

CREATE FUNCTION angle_index_recall(index regclass, k integer DEFAULT 10,
		samples integer DEFAULT 100) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_index_recall(regclass, integer, integer) IS
	'share of the k nearest rows that searches find with the current settings, by sampled rows';
