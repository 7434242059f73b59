-- The type angle_vector: text and binary form, type modifier, casts.

CREATE TYPE angle_vector;

CREATE FUNCTION angle_vector_in(cstring, oid, integer) RETURNS angle_vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector_in(cstring, oid, integer) IS
	'I/O';

CREATE FUNCTION angle_vector_out(angle_vector) RETURNS cstring
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector_out(angle_vector) IS
	'I/O';

CREATE FUNCTION angle_vector_typmod_in(cstring[]) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector_typmod_in(cstring[]) IS
	'I/O typmod';

CREATE FUNCTION angle_vector_recv(internal, oid, integer) RETURNS angle_vector
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector_recv(internal, oid, integer) IS
	'I/O';

CREATE FUNCTION angle_vector_send(angle_vector) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector_send(angle_vector) IS
	'I/O';

CREATE TYPE angle_vector (
	INPUT = angle_vector_in,
	OUTPUT = angle_vector_out,
	TYPMOD_IN = angle_vector_typmod_in,
	RECEIVE = angle_vector_recv,
	SEND = angle_vector_send,
	STORAGE = external
);
COMMENT ON TYPE angle_vector IS
	'vector of 1 to 16,000 single-precision numbers, such as an embedding';

CREATE FUNCTION angle_vector(angle_vector, integer, boolean)
	RETURNS angle_vector
	AS 'MODULE_PATHNAME', 'angle_vector_resize'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector(angle_vector, integer, boolean) IS
	'check the number of dimensions';

CREATE FUNCTION angle_vector(integer[], integer, boolean) RETURNS angle_vector
	AS 'MODULE_PATHNAME', 'angle_vector_from_array'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector(integer[], integer, boolean) IS
	'convert array to angle_vector';

CREATE FUNCTION angle_vector(real[], integer, boolean) RETURNS angle_vector
	AS 'MODULE_PATHNAME', 'angle_vector_from_array'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector(real[], integer, boolean) IS
	'convert array to angle_vector';

CREATE FUNCTION angle_vector(double precision[], integer, boolean)
	RETURNS angle_vector
	AS 'MODULE_PATHNAME', 'angle_vector_from_array'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector(double precision[], integer, boolean) IS
	'convert array to angle_vector';

CREATE FUNCTION angle_vector(numeric[], integer, boolean) RETURNS angle_vector
	AS 'MODULE_PATHNAME', 'angle_vector_from_array'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector(numeric[], integer, boolean) IS
	'convert array to angle_vector';

CREATE FUNCTION angle_vector_to_float4(angle_vector, integer, boolean)
	RETURNS real[]
	AS 'MODULE_PATHNAME', 'angle_vector_to_array'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_vector_to_float4(angle_vector, integer, boolean) IS
	'convert angle_vector to array';

CREATE CAST (angle_vector AS angle_vector)
	WITH FUNCTION angle_vector(angle_vector, integer, boolean) AS IMPLICIT;
COMMENT ON CAST (angle_vector AS angle_vector) IS
	'check of the number of dimensions';

CREATE CAST (integer[] AS angle_vector)
	WITH FUNCTION angle_vector(integer[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (integer[] AS angle_vector) IS
	'each element becomes the nearest single-precision number';

CREATE CAST (real[] AS angle_vector)
	WITH FUNCTION angle_vector(real[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (real[] AS angle_vector) IS
	'each element becomes the nearest single-precision number';

CREATE CAST (double precision[] AS angle_vector)
	WITH FUNCTION angle_vector(double precision[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (double precision[] AS angle_vector) IS
	'each element becomes the nearest single-precision number';

CREATE CAST (numeric[] AS angle_vector)
	WITH FUNCTION angle_vector(numeric[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (numeric[] AS angle_vector) IS
	'each element becomes the nearest single-precision number';

CREATE CAST (angle_vector AS real[])
	WITH FUNCTION angle_vector_to_float4(angle_vector, integer, boolean)
	AS IMPLICIT;
COMMENT ON CAST (angle_vector AS real[]) IS
	'the elements as they are';
