# Models travel with the data: dumps, base backups, standbys, logical copies.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Models;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(allows_streaming => 'logical');
$node->start;
my $sharded = hub('local/sharded');
$node->safe_psql('postgres', qq{
	CREATE EXTENSION angle;
	SELECT angle_load_model('m', '$sharded');
	CREATE ROLE staff;
	SELECT angle_grant_model('m', 'staff');
	SELECT angle_revoke_model('m', 'public');
	CREATE TABLE "doc" (id int PRIMARY KEY, body text, embedding angle_vector
		GENERATED ALWAYS AS (angle_embed(body, 'm')) STORED);
	INSERT INTO doc (id, body) SELECT i, 'text ' || i FROM generate_series(1, 20) AS i;
	CREATE INDEX ON doc ((angle_embed(body, model => 'm')))});
my $bits = bits($node, 'm');
my $all = 'SELECT md5(string_agg(id || body || embedding::text, $$,$$ ORDER BY id)) FROM doc';
my $rows = $node->safe_psql('postgres', $all);
my $folder = PostgreSQL::Test::Utils::tempdir();

# ---- dumps, into a cluster that has neither the role nor the file
for my $format ('plain', 'custom')
{
	my $fresh = PostgreSQL::Test::Cluster->new("restored_$format");
	my $dump = "$folder/$format";
	$fresh->init;
	$fresh->start;
	$node->command_ok([ 'pg_dump', "--format=$format", '-f', $dump, 'postgres' ],
		"$format: dump");
	if ($format eq 'plain')
	{
		$fresh->command_ok([ 'psql', '-qXv', 'ON_ERROR_STOP=1', '-f', $dump,
				'postgres' ], "$format: restore");
	}
	else
	{
		$fresh->command_ok([ 'pg_restore', '-e', '-d', 'postgres', $dump ],
			"$format: restore");
	}
	is(bits($fresh, 'm'), $bits, "$format: the model gives the same bits");
	is($fresh->safe_psql('postgres', $all), $rows,
		"$format: and so do generated columns");
	is($fresh->safe_psql('postgres', q{SET enable_seqscan = off;
		SELECT count(*) FROM doc WHERE angle_embed(body, model => 'm') = embedding}),
		'20', "$format: and the expression index");
	is($fresh->safe_psql('postgres', 'SELECT users FROM angle_models WHERE name = $$m$$'),
		'{staff}', "$format: what was granted comes along");
	$fresh->safe_psql('postgres', 'CREATE ROLE reader LOGIN');
	like(error_of($fresh, q{SELECT angle_embed('x', 'm')},
			extra_params => [ '-U', 'reader' ]), qr/42501/,
		"$format: and shuts out whom it did");
	$fresh->stop;
}

# ---- a physical standby
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
is(bits($standby, 'm'), $bits, 'a standby serves a model of the backup');
my $dense = hub('local/dense');
$node->safe_psql('postgres', "SELECT angle_load_model('later', '$dense')");
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
my $session = $standby->background_psql('postgres', on_error_stop => 0);
my $later = bits($node, 'later');
my $use = q{SELECT md5(angle_embed('a text', 'later')::text)};
like($session->query($use), qr/$later/, 'and one that was loaded since');
is(scalar(images($standby)), 2, 'for which it makes a file of its own');
like(error_of($standby, "SELECT angle_load_model('x', '$dense')"),
	qr/25006: /, 'it loads none itself');
$node->safe_psql('postgres', "SELECT angle_drop_model('later')");
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
unlike($session->query($use), qr/$later/,
	'a session of the standby notices a drop');
$session->quit;

# The file of the dropped model goes when it has not been opened for a day and
# another one is made.
my ($kept) = images($node);
my ($stale) = grep { $_ ne $kept } images($standby);
my $path = $standby->data_dir . "/pg_angle/$stale";
utime time - 90000, time - 90000, $path or die "$path: $!";
$node->safe_psql('postgres', "SELECT angle_load_model('last', '$dense', 'f32')");
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is(bits($standby, 'last'), bits($node, 'last'), 'a third model');
ok(!-e $path, 'makes room');
ok(-e $standby->data_dir . "/pg_angle/$kept", 'and leaves what is in use');

$standby->promote;
is(bits($standby, 'm'), $bits, 'a promoted standby goes on');
$standby->safe_psql('postgres', "SELECT angle_load_model('own', '$dense')");
is(bits($standby, 'own'), $later, 'and loads models');
$standby->stop;

# ---- logical replication of the two tables
my $copy = PostgreSQL::Test::Cluster->new('copy');
$copy->init;
$copy->start;
$copy->safe_psql('postgres', 'CREATE EXTENSION angle');
$node->safe_psql('postgres',
	'CREATE PUBLICATION models FOR TABLE _angle.model, _angle.chunk');
$copy->safe_psql('postgres', sprintf q{CREATE SUBSCRIPTION models
	CONNECTION '%s dbname=postgres' PUBLICATION models}, $node->connstr);
$copy->wait_for_subscription_sync($node, 'models');
is(bits($copy, 'm'), $bits, 'a subscriber gets the models that there were');
$session = $copy->background_psql('postgres', on_error_stop => 0);
unlike($session->query($use), qr/^[0-9a-f]{32}$/m, 'another is not there');
$node->safe_psql('postgres', "SELECT angle_load_model('later', '$dense')");
$node->wait_for_catchup('models');
like($session->query($use), qr/$later/, 'but when it was loaded');
$node->safe_psql('postgres', "SELECT angle_drop_model('later')");
$node->wait_for_catchup('models');
unlike($session->query($use), qr/$later/, 'and goes when it is dropped');
is($copy->safe_psql('postgres', q{SELECT count(*) FROM _angle.chunk
	WHERE model = 'later'}), '0', 'with its chunks');
$session->quit;

done_testing();
