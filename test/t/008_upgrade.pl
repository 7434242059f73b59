# An installation that was updated is like a fresh one.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;

# Objects of the extension with all that a user could notice: definition, comment,
# privileges, whether pg_dump takes the rows of a table. OIDs and the order of
# creation are left out.
my $catalogue = q{
	WITH member AS (
		SELECT classid, objid, pg_describe_object(classid, objid, 0) AS name
		FROM pg_depend
		WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
		  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'angle'))
	SELECT name, obj_description(objid, classid::regclass::name),
		CASE classid
		WHEN 'pg_proc'::regclass THEN
			(SELECT CASE prokind WHEN 'a' THEN to_jsonb(a)::text
				ELSE pg_get_functiondef(p.oid) END
				|| coalesce(proacl::text, '') || proowner::regrole
			FROM pg_proc p LEFT JOIN pg_aggregate a ON aggfnoid = p.oid
			WHERE p.oid = objid)
		WHEN 'pg_class'::regclass THEN
			(SELECT format('%s %s %s', relkind, relpersistence, relacl)
				|| coalesce(pg_get_viewdef(c.oid), '')
				|| (SELECT string_agg(format('%s %s %s %s %s %s %s', attname,
						format_type(atttypid, atttypmod), attnotnull, attstorage,
						attacl, pg_get_expr(adbin, adrelid),
						col_description(attrelid, attnum)), ', ' ORDER BY attnum)
					FROM pg_attribute LEFT JOIN pg_attrdef
						ON adrelid = attrelid AND adnum = attnum
					WHERE attrelid = c.oid AND attnum > 0)
				|| coalesce((SELECT string_agg(pg_get_indexdef(indexrelid), ', '
						ORDER BY indexrelid::regclass::text)
					FROM pg_index WHERE indrelid = c.oid), '')
				|| coalesce((SELECT string_agg(conname || pg_get_constraintdef(oid),
						', ' ORDER BY conname)
					FROM pg_constraint WHERE conrelid = c.oid), '')
				|| coalesce((SELECT string_agg(pg_get_triggerdef(oid) || tgenabled::text,
						', ' ORDER BY tgname)
					FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal), '')
			FROM pg_class c WHERE c.oid = objid)
		WHEN 'pg_type'::regclass THEN
			(SELECT format('%s %s %s %s', typlen, typstorage, typcategory, typacl)
			FROM pg_type WHERE oid = objid)
		WHEN 'pg_operator'::regclass THEN
			(SELECT format('%s %s %s %s %s %s %s', oprcode, oprcom::regoperator,
				oprnegate::regoperator, oprrest, oprjoin, oprcanmerge, oprcanhash)
			FROM pg_operator WHERE oid = objid)
		WHEN 'pg_namespace'::regclass THEN
			(SELECT nspacl::text FROM pg_namespace WHERE oid = objid)
		END
	FROM member
	UNION ALL
	SELECT 'configuration', c::regclass::text, f
	FROM pg_extension, unnest(extconfig, extcondition) AS t (c, f)
	WHERE extname = 'angle'
	ORDER BY 1, 2, 3};

$node->safe_psql('postgres', 'CREATE DATABASE fresh');
$node->safe_psql('postgres', 'CREATE DATABASE updated');
$node->safe_psql('fresh', 'CREATE EXTENSION angle');
$node->safe_psql('updated', q{
	CREATE EXTENSION angle VERSION '0.1';
	CREATE TABLE kept AS SELECT angle_embed('a cat', 'angle-mini') AS embedding;
	CREATE VIEW used AS SELECT * FROM angle_models});
my $before = $node->safe_psql('updated', 'SELECT embedding FROM kept');
$node->safe_psql('updated', 'ALTER EXTENSION angle UPDATE');

is($node->safe_psql('updated', $catalogue),
	$node->safe_psql('fresh', $catalogue),
	'the updated catalogue equals a fresh one');
is($node->safe_psql('updated', 'SELECT embedding FROM kept'),
	$before, 'values outlive the update');

done_testing();
