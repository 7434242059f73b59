# An index that VACUUM builds anew because it has grown, while clients insert into it, a cursor
# reads what it had before, and searches go on; that is given up in the midst of it; and whose
# space is used again.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use IndexNodes;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = killable_node();
$node->safe_psql('postgres', make_vector(96) . q{
	CREATE TABLE source AS SELECT i AS id, make_vector(i * 17) AS v, i % 10 AS part FROM generate_series(1, 20000) i;
	CREATE TABLE items (id int, v angle_vector(96), part int);
	INSERT INTO items SELECT id, v, part FROM source WHERE id <= 2000;
	CREATE INDEX items_v ON items USING angle (v, part);
	CREATE SEQUENCE batches START 401;
});
my $standby = standby_of($node);

sub info
{
	my ($what) = @_;
	return $node->safe_psql('postgres', "SELECT $what FROM angle_index_info('items_v')");
}

my $settings = 'SET enable_seqscan = off; SET enable_sort = off; SET angle.recall_target = 1;';

sub whole
{
	my ($server, $when) = @_;

	is($server->safe_psql('postgres', "$settings SELECT count(*), count(DISTINCT id), sum(id), sum(part)
			FROM (SELECT id, part FROM items ORDER BY v <=> make_vector(7)) x"),
		$server->safe_psql('postgres', 'SELECT count(*), count(DISTINCT id), sum(id), sum(part) FROM items'),
		"$when: all rows are found, with their further column");
	cmp_ok(checked_rows($server, 'items_v'), '>=',
		$server->safe_psql('postgres', 'SELECT count(*) FROM items'), "$when: the index is whole");
	return;
}

# ---- clients, a cursor and a standby beside it ---------------------------------

my $session = $node->background_psql('postgres');
$session->query_safe("$settings BEGIN ISOLATION LEVEL REPEATABLE READ;
	DECLARE c CURSOR FOR SELECT id FROM items ORDER BY v <=> make_vector(3)");
my $first = $session->query_safe('FETCH 5 FROM c');

my $insert = PostgreSQL::Test::Utils::tempdir() . '/insert.sql';
append_to_file($insert, q{INSERT INTO items SELECT id, v, part FROM source, (SELECT nextval('batches') AS n) b
	WHERE id > 5 * (n - 1) AND id <= 5 * n;
});
my $search = PostgreSQL::Test::Utils::tempdir() . '/search.sql';
append_to_file($search, q{\set n random(1, 1000)
SELECT 1 / (count(*) = 10)::int FROM (SELECT id FROM items ORDER BY v <=> make_vector(:n) LIMIT 10) x;
});

my $out = '';
# else all have the name of this file
$ENV{PGAPPNAME} = 'pgbench';
my $run = IPC::Run::start([ 'pgbench', '-n', '-c', 4, '-j', 2, '-t', 1000, '-f', "$insert\@9", '-f', "$search\@1",
		$node->connstr('postgres') ], '<', '/dev/null', '>', \$out, '2>', \$out);
$ENV{PGAPPNAME} = 'test';
$node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_stat_activity
	WHERE application_name = 'pgbench'});
my ($vacuums, $rebuilt, $beside, $unused) = (0, 0, 0, 0);
while ($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity
		WHERE application_name = 'pgbench'}) > 0)
{
	my $rows = info('rows');

	$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) items');
	$vacuums++;
	my $now = info('unused');
	# as many pages as its bodies had are unused then
	if ($now > $unused + 100)
	{
		$rebuilt++;
		$beside++ if info('rows') > $rows;
	}
	$unused = $now;
	usleep(50_000);
}
ok($run->finish, 'clients insert and search') or diag($out);
unlike($out, qr/ERROR/, 'without an error');
cmp_ok($rebuilt, '>=', 2, "of $vacuums times VACUUM $rebuilt built the tree anew");
cmp_ok($beside, '>=', 1, "$beside while rows came");
whole($node, 'grown');
$node->wait_for_catchup($standby);
whole($standby, 'standby');

# The cursor still needs pages of the first tree, whatever VACUUM and insertions do.
for my $round (1 .. 3)
{
	$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) items');
	$node->safe_psql('postgres', "INSERT INTO items SELECT id + 100000 * $round, v, part FROM source WHERE id <= 300");
}
my $rest = $session->query_safe('FETCH ALL FROM c');
my @ids = (split(/\n/, $first), split(/\n/, $rest));
my %different = map { $_ => 1 } @ids;
is(scalar(@ids), 2000, 'a cursor that was there before gets all of its rows');
is(scalar(keys %different), 2000, 'each once');
$session->query_safe('COMMIT');
$session->quit;

# ---- given up ------------------------------------------------------------------

# VACUUM is cancelled at different times while it has a tree that is larger than the one before.
$node->safe_psql('postgres', q{TRUNCATE items; INSERT INTO items SELECT id, v, part FROM source WHERE id <= 2000;
	REINDEX INDEX items_v; INSERT INTO items SELECT id, v, part FROM source WHERE id > 2000});
my $cancelled = 0;
for my $ms (150, 300, 450, 600)
{
	my ($status, undef, $err) = $node->psql('postgres',
		"SET statement_timeout = $ms; VACUUM (INDEX_CLEANUP ON) items");
	$cancelled++ if $err =~ /statement timeout/;
	whole($node, "VACUUM ended after $ms ms");
}
cmp_ok($cancelled, '>=', 1, "it was cut short $cancelled times");
# The next one takes it to its end.
$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) items') for 1 .. 2;
is(info('rows'), 20000, 'the bodies of a tree that was given up do not count');
whole($node, 'in the end');

# ---- space ---------------------------------------------------------------------

# A transaction that has an id ends, so that what went before it can go.
sub pass_by
{
	$node->safe_psql('postgres', 'SELECT txid_current()');
	$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) items');
	return;
}

pass_by() for 1 .. 2;
my $bytes = info('bytes');
$node->safe_psql('postgres', 'INSERT INTO items SELECT id + 20000, v, part FROM source WHERE id <= 6000');
is(info('bytes'), $bytes, 'rows that come use the pages of the tree that went');
whole($node, 'with them');

# ---- bodies of several pages ------------------------------------------------------

$node->safe_psql('postgres', q{
	CREATE TABLE large (id int, v angle_vector(4200));
	ALTER TABLE large ALTER v SET STORAGE external;
	CREATE INDEX large_v ON large USING angle (v) WITH (rerank = 16);
	INSERT INTO large SELECT i, (SELECT array_agg((hashint4(i * 4200 + d) / 2147483648.0)::real ORDER BY d)
		FROM generate_series(1, 4200) d)::angle_vector FROM generate_series(1, 1100) i});
my $pages = q{SELECT unused FROM angle_index_info('large_v')};
my $before = $node->safe_psql('postgres', $pages);
$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) large');
cmp_ok($node->safe_psql('postgres', $pages) - $before, '>=', 2 * 1100,
	'both pages of each body of the tree that went are unused');
is($node->safe_psql('postgres', "$settings SELECT count(*), count(DISTINCT id) FROM
		(SELECT id FROM large ORDER BY v <=> (SELECT v FROM large WHERE id = 7)) x"),
	'1100|1100', 'all rows are found');
is($node->safe_psql('postgres', q{SELECT angle_index_check('large_v')}), 1100, 'the index is whole');
$node->safe_psql('postgres', 'SELECT txid_current()');
$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) large');
is($node->safe_psql('postgres', q{SELECT angle_index_check('large_v')}), 1100,
	'and when the pages are free');
$node->safe_psql('postgres', 'DROP TABLE large');

# ---- servers that end in the midst of it ----------------------------------------

for my $round (1 .. 4)
{
	my $result = '';
	$node->safe_psql('postgres', q{TRUNCATE items; INSERT INTO items SELECT id, v, part FROM source WHERE id <= 2000;
		REINDEX INDEX items_v; INSERT INTO items SELECT id, v, part FROM source WHERE id > 2000 AND id <= 16000});
	my $vacuum = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c',
			'VACUUM (INDEX_CLEANUP ON) items' ], '<', '/dev/null', '>', \$result, '2>', \$result);
	usleep(200_000 * $round);
	$node->stop('immediate');
	$vacuum->finish;
	$node->start;
	whole($node, "killed after a while ($round)");
	$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) items');
	whole($node, "and vacuumed ($round)");
	is(info('rows'), 16000, 'with as many bodies');
}
$node->wait_for_catchup($standby);
whole($standby, 'standby, at the end');
unlike(slurp_file($standby->logfile), qr/inconsistent page/, 'replay makes the same pages');
unlike(slurp_file($node->logfile), qr/TRAP|PANIC|terminated by signal 11/, 'no process crashed');

done_testing();
