# What CREATE EXTENSION puts into a database, and what DROP EXTENSION leaves.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;

# Objects that the extension makes. Newer servers count among them what comes by
# itself: the array of a type, the row type of a view.
my $members = q{
	SELECT classid, objid, pg_describe_object(classid, objid, 0) AS name
	FROM pg_depend
	WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
	  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'angle')
	  AND NOT (classid = 'pg_type'::regclass
		AND objid IN (SELECT typarray FROM pg_type
			UNION ALL SELECT reltype FROM pg_class))};

my $before = $node->safe_psql('postgres', 'SELECT count(*) FROM pg_depend');
$node->safe_psql('postgres', 'CREATE EXTENSION angle');

cmp_ok($node->safe_psql('postgres', "SELECT count(*) FROM ($members) m"),
	'>', 0, 'the extension has members');
is($node->safe_psql('postgres', qq{
	SELECT name FROM ($members) m
	WHERE obj_description(objid, classid::regclass::name) IS NULL
	ORDER BY name}),
	'', 'every object has a comment');
is($node->safe_psql('postgres', qq{
	SELECT p.oid::regprocedure FROM ($members) m
	JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
	WHERE p.proparallel <> 's'
	ORDER BY p.oid::regprocedure::text COLLATE "C"}),
	join("\n", sort('_angle.model_changed()', 'angle_drop_model(text,boolean)',
			'angle_embed_table(regclass,text,text,text,integer,text,interval,text,integer)',
			'angle_embed_table(regclass,text,text[],text,integer,text,interval,text,integer)',
			'angle_grant_model(text,text)', 'angle_install_pgvector_casts()',
			'angle_load_model(text,text,text)', 'angle_push_begin(text,bigint)',
			'angle_push_chunk(text,integer,bytea)', 'angle_push_end(text,text)',
			'angle_revoke_model(text,text)')),
	'every function is safe in parallel queries, but those that write');
is($node->safe_psql('postgres', q{SELECT angle_version()}),
	$node->safe_psql('postgres',
		q{SELECT extversion FROM pg_extension WHERE extname = 'angle'}) . '',
	'the library has the version of the extension');

$node->safe_psql('postgres', 'DROP EXTENSION angle; CREATE SCHEMA elsewhere;
	CREATE EXTENSION angle SCHEMA elsewhere');
is($node->safe_psql('postgres',
		'SELECT elsewhere.angle_version() IS NOT NULL'),
	't', 'the extension can live in another schema');
is($node->safe_psql('postgres',
		q{SELECT elsewhere.vector_dims(elsewhere.angle_embed('x'))}),
	'384', 'and works there');

$node->safe_psql('postgres', 'DROP EXTENSION angle; DROP SCHEMA elsewhere');
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_depend'),
	$before, 'dropping it leaves nothing');

$node->safe_psql('postgres', q{
	CREATE ROLE owner LOGIN;
	CREATE DATABASE owned OWNER owner});
$node->safe_psql('owned', 'CREATE EXTENSION angle',
	extra_params => [ '-U', 'owner' ]);
is($node->safe_psql('owned',
		q{SELECT extowner::regrole FROM pg_extension WHERE extname = 'angle'}),
	'owner', 'the owner of a database can create it');

$node->stop;
done_testing();
