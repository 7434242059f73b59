-- What is installed.

CREATE FUNCTION angle_version() RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION angle_version() IS
	'version of the angle library that the server has loaded';

CREATE FUNCTION angle_system_info(OUT name text, OUT setting text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE ROWS 10;
COMMENT ON FUNCTION angle_system_info() IS
	'versions, instruction sets and settings, for reports of bugs and speed';
