# An index that several clients fill, from one list on: no row is lost, lists are fuller
# than halves of lists are, and once VACUUM has been there answers are those of an index
# that is built of the same rows. Servers that are killed find it whole, and a standby has the
# same pages.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use IndexNodes;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $rows = 9000;
my $node = killable_node();
my $later = $rows * 3 / 2;
# Of 384 dimensions, so that lists are short and many; with noise in all of them.
$node->safe_psql('postgres', make_vector(384) . qq{
	CREATE TABLE source AS SELECT i AS id, (SELECT array_agg((hashint4(i * 384 + d) / 2147483648.0
			+ 0.3 * sin((i % 60) * 3.1 + d * (1 + i % 7)) + 0.3 * sin(i / 30 + d * (i % 11)))::real
			ORDER BY d)::angle_vector FROM generate_series(1, 384) d) AS v
		FROM generate_series(1, $later) i;
	CREATE TABLE items (id int, v angle_vector(384));
	CREATE INDEX items_v ON items USING angle (v);
	CREATE SEQUENCE batches;
});
my $standby = standby_of($node);

my $script = PostgreSQL::Test::Utils::tempdir() . '/insert.sql';
append_to_file($script, q{INSERT INTO items SELECT id, v FROM source, (SELECT nextval('batches') AS n) b
	WHERE id > 30 * (n - 1) AND id <= 30 * n;
});

sub pgbench
{
	my @bounds = @_;
	return ('pgbench', '-n', '-c', 4, '-j', 2, @bounds, '-f', "$script\@9", $node->connstr('postgres'));
}

sub whole
{
	my ($server, $when) = @_;

	# with the rows of transactions that did not end
	cmp_ok(checked_rows($server, 'items_v'), '>=',
		$server->safe_psql('postgres', 'SELECT count(*) FROM items'), "$when: the index is whole");
	is($server->safe_psql('postgres', q{SET enable_seqscan = off; SET enable_sort = off;
			SET angle.recall_target = 1; SELECT count(*), count(DISTINCT id), sum(id) FROM
			(SELECT id FROM items ORDER BY v <=> make_vector(7)) x}),
		$server->safe_psql('postgres', 'SELECT count(*), count(DISTINCT id), sum(id) FROM items'),
		"$when: all rows are found");
	return;
}

# ---- clients that insert together -------------------------------------------

$node->command_ok([ pgbench('-t', $rows / 30 / 4) ], 'four clients insert');
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT id) FROM items'), "$rows|$rows",
	'all rows are in the table');
whole($node, 'grown');
$node->wait_for_catchup($standby);
whole($standby, 'standby');

sub lists
{
	my ($index) = @_;
	return $node->safe_psql('postgres', "SELECT lists FROM angle_index_info('$index')");
}

my $inner = $node->safe_psql('postgres', q{SELECT inner_nodes FROM angle_index_info('items_v')});
cmp_ok($inner, '>', 1, "inner nodes were split, too: $inner");
$node->safe_psql('postgres', 'CREATE INDEX built ON items USING angle (v)');
my $least = lists('built');
my $lists = lists('items_v');
$node->safe_psql('postgres', 'DROP INDEX built');
cmp_ok($lists, '<=', 1.4 * $least, "$lists lists where a build makes $least");

# VACUUM finds more than twice the rows that there were when it last looked.
$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) items');
$lists = lists('items_v');
cmp_ok(abs($lists - $least), '<=', 0.05 * $least, "and $lists when VACUUM has renewed them");
whole($node, 'renewed');
my $from = $node->safe_psql('postgres', 'SELECT pg_current_wal_insert_lsn()');
$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) items');
cmp_ok($node->safe_psql('postgres', "SELECT pg_current_wal_insert_lsn() - '$from'"), '<',
	$lists * 8192 / 2, 'it does that once');

# ---- recall --------------------------------------------------------------------

# By one client, for the same index each time.
$node->safe_psql('postgres', qq{CREATE TABLE alone (id int, v angle_vector(384));
	CREATE INDEX alone_v ON alone USING angle (v);
	DO \$\$ BEGIN
		FOR n IN 1 .. $rows / 30 LOOP
			INSERT INTO alone SELECT id, v FROM source WHERE id > 30 * (n - 1) AND id <= 30 * n;
		END LOOP;
	END \$\$;
	VACUUM alone});

# Of the ten nearest rows to queries those that so many lists find.
sub recall
{
	my ($probes) = @_;
	return $node->safe_psql('postgres', qq{SET enable_seqscan = off; SET angle.probes = $probes;
		SELECT round(avg((id = ANY (best))::int), 4) FROM queries q, LATERAL
			(SELECT id FROM alone ORDER BY v <=> q.v LIMIT 10) x});
}

sub make_queries
{
	$node->safe_psql('postgres', q{DROP TABLE IF EXISTS queries;
		CREATE TABLE exact AS SELECT id, v FROM alone;
		CREATE TABLE queries AS SELECT q.v, ARRAY(SELECT id FROM exact ORDER BY v <=> q.v LIMIT 10)
			AS best FROM source q WHERE id % 30 = 1;
		DROP TABLE exact});
	return;
}

# Without second entries for all rows, in lists of which there were less, it was 0.023 less.
make_queries();
my $grown = recall(32);
$node->safe_psql('postgres', 'REINDEX INDEX alone_v');
my $built = recall(32);
cmp_ok($built, '<', 0.99, "32 lists of a built index find $built, not all");
cmp_ok($grown, '>=', $built - 0.015, "those of the one that has grown $grown");

# Half as many rows more take places of second entries; VACUUM makes up for it without new lists.
$node->safe_psql('postgres', "INSERT INTO alone SELECT id, v FROM source WHERE id > $rows");
make_queries();
$lists = lists('alone_v');
my $before = recall(8);
$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) alone');
my $after = recall(8);
cmp_ok($after, '>', $before + 0.008, "8 lists find $before, and after VACUUM $after");
cmp_ok(lists('alone_v'), '<=', $lists, 'in as many lists');
is($node->safe_psql('postgres', q{SELECT angle_index_check('alone_v')}), $later, 'which are whole');

# Half of the rows that go and come again find room here and there; VACUUM chooses among all leaves.
$node->safe_psql('postgres', 'DELETE FROM alone WHERE id % 2 = 0');
$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) alone');
$node->safe_psql('postgres', 'INSERT INTO alone SELECT id, v FROM source WHERE id % 2 = 0');
$before = recall(16);
$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) alone');
$after = recall(16);
is($node->safe_psql('postgres', q{SELECT angle_index_check('alone_v')}), $later,
	'an index of which half came again is whole');
$node->safe_psql('postgres', 'REINDEX INDEX alone_v');
$built = recall(16);
cmp_ok($after, '>', $before + 0.005, "16 lists of it find $before, and after VACUUM $after");
# with assertions so few groups are looked at that two builds differ by as much as this
cmp_ok($after, '>=', $built - 0.03, "those of a built one $built");

# ---- a list that is nearly empty among full ones ------------------------------

# Ten groups of 95 rows.
$node->safe_psql('postgres', q{CREATE TABLE tight AS SELECT i AS id, (SELECT
		array_agg((sin(i % 10 * 7.7 + d * (1 + i % 10)) + 0.01 * sin(i * d))::real ORDER BY d)::angle_vector
		FROM generate_series(1, 384) d) AS v FROM generate_series(1, 950) i;
	CREATE INDEX tight_v ON tight USING angle (v)});
$lists = lists('tight_v');
$node->safe_psql('postgres', 'DELETE FROM tight WHERE id % 10 = 3 AND id > 100');
# to freeze it waits for pages that somebody else just writes
$node->safe_psql('postgres', 'VACUUM (FREEZE, INDEX_CLEANUP ON) tight');
cmp_ok(lists('tight_v'), '<', $lists,
	'what nearly empty lists have goes to those that are nearly full');
is($node->safe_psql('postgres', q{SELECT angle_index_check('tight_v')}), 865, 'all that are left');

# ---- servers that end while nodes are replaced ------------------------------

# The same rows come again into lists that are nine tenths full, or into an index that doubles
# again and again while VACUUM runs.

my $vacuum = PostgreSQL::Test::Utils::tempdir() . '/vacuum.sql';
append_to_file($vacuum, 'VACUUM (INDEX_CLEANUP ON) items;');
my $seed = 20250119;
for my $round (1 .. 4)
{
	my $out = '';
	my @vacuum = ();
	my $run;

	$node->safe_psql('postgres', 'ALTER SEQUENCE batches RESTART');
	if ($round > 2)
	{
		$node->safe_psql('postgres', 'TRUNCATE items');
		@vacuum = ('-f', "$vacuum\@1");
	}
	$run = IPC::Run::start([ pgbench('-T', 600, @vacuum) ], '<', '/dev/null', '>', \$out, '2>', \$out);
	$seed = ($seed * 1103515245 + 12345) % 2**31;
	usleep(400_000 + $seed % 900_000);
	$node->stop('immediate');
	$run->finish;
	$node->start;
	unlike($out, qr/damaged|TRAP|corrupt/, "round $round: nothing went wrong before the end");
	whole($node, "round $round");
}
$node->wait_for_catchup($standby);
whole($standby, 'standby, at the end');
unlike(slurp_file($standby->logfile), qr/inconsistent page/, 'replay makes the same pages');

done_testing();
