# Servers that are killed while an index is built, filled, split and vacuumed:
# afterwards it is whole, and every committed row is found. A standby replays all
# of it, page for page, and answers like the primary.
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
$node->safe_psql('postgres', make_vector(48) . q{
	CREATE TABLE items (id int, v angle_vector(48), tenant int);
	CREATE INDEX items_v ON items USING angle (v, tenant);
});

my $standby = standby_of($node);

# The delays are random, and the same in each run.
my $seed = 20250117;
sub delay
{
	$seed = ($seed * 1103515245 + 12345) % 2**31;
	return $seed % $_[0];
}

# All rows by the index, in two orders, and those that a sequential scan sees.
my $settings = 'SET angle.recall_target = 1; SET enable_sort = off; SET jit = off;';
my $by_index = "$settings SET enable_seqscan = off;
	SELECT count(*), count(DISTINCT id), sum(id) FROM
	(SELECT id FROM items ORDER BY v <=> make_vector(%d)) x";
my $by_scan = 'SELECT count(*), count(DISTINCT id), sum(id) FROM items';

sub whole
{
	my ($server, $when) = @_;

	like(checked_rows($server, 'items_v'),
		qr/^\d+$/, "$when: the index is whole");
	is($server->safe_psql('postgres', sprintf($by_index, 7)),
		$server->safe_psql('postgres', $by_scan), "$when: all rows are found");
	return;
}

# Starts SQL in the background, waits and kills the server.
sub crash
{
	my ($sql, $most) = @_;
	my $file = PostgreSQL::Test::Utils::tempdir() . '/changes.sql';
	my $out = '';

	append_to_file($file, $sql);
	my $client = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-f', $file ],
		'<', '/dev/null', '>', \$out, '2>', \$out);

	usleep(20_000 + delay($most));
	$node->stop('immediate');
	$client->finish;
	$node->start;
	return;
}

my $fill = join '', map {
	my $from = $_ * 200;
	"INSERT INTO items SELECT i, make_vector(i), i % 7
		FROM generate_series($from + %d, $from + %d + 199) i;\n"
} 0 .. 60;

for my $round (0 .. 4)
{
	my $start = $round * 20_000;
	(my $sql = $fill) =~ s/%d/$start/g;
	crash($sql, 500_000);
	whole($node, "insertions, round $round");
}
for my $round (0 .. 3)
{
	crash(join('', map { "DELETE FROM items WHERE id % 10 = $_; VACUUM items;
		INSERT INTO items SELECT i, make_vector(i), 1 FROM generate_series(1, 300) i;\n"
	} 0 .. 9), 300_000);
	whole($node, "vacuum, round $round");
}
for my $round (0 .. 2)
{
	crash('REINDEX INDEX items_v; REINDEX INDEX CONCURRENTLY items_v;'
		. 'REINDEX INDEX items_v;', 400_000);
	whole($node, "build, round $round");
}
$node->safe_psql('postgres', 'VACUUM items');
$node->safe_psql('postgres', q{INSERT INTO items SELECT i, make_vector(i), 2
	FROM generate_series(1, 3000) i});
whole($node, 'afterwards');

# What the standby has replayed was compared with the primary's pages.
$node->wait_for_catchup($standby);
whole($standby, 'standby');
my (undef, undef, $refused) = $standby->psql('postgres', q{SELECT angle_index_check('items_v')});
like($refused, qr/cannot be checked while a standby replays changes.*pg_wal_replay_pause/s,
	'a standby that goes on is not checked');
is($standby->safe_psql('postgres', "$settings SET enable_seqscan = off;
	SELECT array_agg(id) FROM (SELECT id FROM items ORDER BY v <=> make_vector(11) LIMIT 20) x"),
	$node->safe_psql('postgres', "$settings SET enable_seqscan = off;
	SELECT array_agg(id) FROM (SELECT id FROM items ORDER BY v <=> make_vector(11) LIMIT 20) x"),
	'the standby answers like the primary');
unlike(slurp_file($standby->logfile), qr/inconsistent page/,
	'replay makes the same pages');

# An unlogged index is empty after a crash, and works.
$node->safe_psql('postgres', q{
	CREATE UNLOGGED TABLE unlogged (id int, v angle_vector(48));
	CREATE INDEX unlogged_v ON unlogged USING angle (v);
	INSERT INTO unlogged SELECT i, make_vector(i) FROM generate_series(1, 1000) i});
$node->stop('immediate');
$node->start;
is($node->safe_psql('postgres', q{SELECT rows FROM angle_index_info('unlogged_v')}),
	'0', 'an unlogged index is empty after a crash');
$node->safe_psql('postgres',
	'INSERT INTO unlogged SELECT i, make_vector(i) FROM generate_series(1, 1000) i');
is($node->safe_psql('postgres', q{SELECT angle_index_check('unlogged_v')}),
	'1000', 'and can be filled again');

done_testing();
