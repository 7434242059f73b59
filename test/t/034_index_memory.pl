# What a backend takes for itself while it builds an index of more rows than
# maintenance_work_mem holds, reads a whole index, and searches again and again.
use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

plan skip_all => 'needs RssAnon in /proc/PID/status'
  unless slurp_file('/proc/self/status') =~ /^RssAnon:/m;

my $rows = $ENV{MEMORY_ROWS} || 150_000;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', q{
autovacuum = off
fsync = off
jit = off
max_wal_size = 4GB
max_parallel_maintenance_workers = 0
min_parallel_table_scan_size = 0
});
$node->start;

# Sums of two vectors are many for little work.
$node->safe_psql('postgres', qq{
	CREATE EXTENSION angle;
	CREATE TABLE base AS SELECT i, (SELECT array_agg((sin(i * 12.9898 + d * 78.233)
			+ 2 * sin((i % 23) * 3.1 + d))::real ORDER BY d)
		FROM generate_series(1, 384) d)::angle_vector(384) AS v FROM generate_series(1, 400) i;
	CREATE TABLE items (id int, v angle_vector(384));
	INSERT INTO items SELECT a.i * 400 + b.i, a.v + b.v FROM base a, base b
		WHERE a.i * 400 + b.i <= $rows + 400;
	CREATE TABLE part AS SELECT * FROM items WHERE id % 50 = 0;
	CREATE INDEX part_v ON part USING angle (v);
});

# Private memory of a process, in kB; nothing if it has ended.
sub private
{
	my ($pid) = @_;
	my $text = eval { slurp_file("/proc/$pid/status") } // return;

	return $text =~ /^RssAnon:\s+(\d+)/m ? $1 : undef;
}

# Workers that the server has launched.
sub workers
{
	my ($server) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
	my @children = split ' ', eval { slurp_file("/proc/$server/task/$server/children") } // '';

	return grep { (eval { slurp_file("/proc/$_/cmdline") } // '') =~ /parallel worker/ } @children;
}

# The most private memory of a backend, its workers included, while it runs statements, in kB.
sub peak
{
	my ($sql) = @_;
	my ($out, $peak) = ('', 0);
	my $run = IPC::Run::start(
		[ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'),
			'-c', 'SELECT pg_backend_pid()', '-c', $sql ],
		'<', '/dev/null', '>', \$out, '2>', \$out);

	$run->pump until $out =~ /^(\d+)\n/;
	my $backend = $1;
	while (defined(my $sum = private($backend)))
	{
		$sum += private($_) // 0 for workers();
		$peak = $sum if $sum > $peak;
		usleep(5000);
	}
	$run->finish;
	is($run->result(0), 0, substr($sql, 0, 50)) or diag($out);
	return $peak;
}

my $base = peak(q{CREATE TABLE one AS SELECT * FROM base LIMIT 1;
	CREATE INDEX ON one USING angle (v)});
for my $build ([ 32, 0 ], [ 64, 0 ], [ 64, 1 ], [ 128, 2 ])
{
	my ($memory, $workers) = @$build;
	my $peak = peak("SET maintenance_work_mem = '${memory}MB';
		SET max_parallel_maintenance_workers = $workers;
		DROP INDEX IF EXISTS items_v; CREATE INDEX items_v ON items USING angle (v)");

	$peak -= $base * (1 + $workers);
	cmp_ok($peak, '<=', ($memory + 8) * 1024, "a build with $memory MB and $workers workers");
	note("a build of $rows rows with $memory MB and $workers workers: $peak kB beyond $base kB each");
}
is($node->safe_psql('postgres', q{SELECT angle_index_check('items_v')}), $rows,
	'the index has all rows');

# Memory contexts of the backend while a cursor is open, in kB: of a name, or all.
my $session = $node->background_psql('postgres');
$session->query_safe('SET enable_seqscan = off; SET enable_sort = off; SET work_mem = 4096');

sub context_kb
{
	my ($name) = @_;
	my $which = defined $name ? "WHERE name = '$name'" : '';

	return $session->query_safe(
		"SELECT (coalesce(sum(total_bytes), 0) / 1024)::int FROM pg_backend_memory_contexts $which");
}

# What is ours: a directory has a centroid of two bytes for each dimension, a code, factors,
# a pointer and places of pages, some 900 bytes for each list; a scan has for each list what
# is known of it, 64 bytes, an estimate, and 17 items of 16 bytes with places in a queue of 16
# at most; rows that come late, 16 bytes and 20; where not everything is read in the order
# of bodies, of each row that was met 16 bytes
# in a table that is half full or more. Arrays are doubled when they grow. The executor keeps
# no rows: the scan gives them in order.
my $lists = $node->safe_psql('postgres', q{SELECT lists FROM angle_index_info('items_v')});
for my $target (0.95, 1)
{
	my %most = ('angle scan' => 0, 'angle directories' => 0, ExecutorState => 0);

	$session->query_safe("SET angle.recall_target = $target; BEGIN;
		DECLARE c CURSOR FOR SELECT id FROM items ORDER BY v <=> (SELECT v FROM base WHERE i = 7)");
	for (1 .. 6)
	{
		$session->query_safe('MOVE ' . int($rows / 6) . ' FROM c');
		for my $name (keys %most)
		{
			my $kb = context_kb($name);
			$most{$name} = $kb if $kb > $most{$name};
		}
	}
	is($session->query_safe('FETCH 1 FROM c'), '', "all rows at a target of $target");
	$session->query_safe('COMMIT');
	cmp_ok($most{'angle directories'}, '<=', $lists * 1024 / 1024, "a directory of $lists lists");
	cmp_ok($most{'angle scan'}, '<=', 4096 + $rows * ($target < 1 ? 68 : 36) / 1024,
		"a scan of all rows at a target of $target: work_mem, what comes late, what was met");
	cmp_ok($most{ExecutorState}, '<=', 256, "the executor keeps no rows at a target of $target");
	note("a scan of all rows at a target of $target, $lists lists: "
		. join(', ', map { "$_ $most{$_} kB" } sort keys %most));
}
$session->query_safe('RESET angle.recall_target');

# Rescans: a search for each of many rows.
$session->query_safe(q{BEGIN; DECLARE c CURSOR FOR SELECT x.id FROM generate_series(1, 100000) AS i,
	LATERAL (SELECT id FROM part ORDER BY v <=> (SELECT v FROM base WHERE base.i = 1 + g % 400) LIMIT 2) x}
	=~ s/AS i,/AS g,/r);
$session->query_safe('MOVE 1000 FROM c');
my $few = context_kb();
$session->query_safe('MOVE 10000 FROM c');
cmp_ok(context_kb() - $few, '<=', 64, 'rescans keep nothing') or diag("$few kB before");
$session->query_safe('COMMIT');

# Cursors that are opened, read and closed in one transaction.
my $cursors = q{DO $$
	DECLARE c refcursor; nearest int;
	BEGIN
		FOR n IN 1 .. 300 LOOP
			OPEN c FOR SELECT id FROM part ORDER BY v <=> (SELECT v FROM base WHERE base.i = 1 + n % 400);
			FETCH c INTO nearest;
			CLOSE c;
		END LOOP;
	END $$};
$session->query_safe("BEGIN; $cursors");
$few = context_kb();
$session->query_safe($cursors) for 1 .. 5;
cmp_ok(context_kb() - $few, '<=', 64, 'cursors leave nothing behind');
$session->query_safe('COMMIT');
$session->quit;

# Insertions, in one statement: splits, too.
my $insert = 'CREATE TABLE %1$s (v angle_vector(384)); CREATE INDEX ON %1$s USING angle (v);
	INSERT INTO %1$s SELECT v FROM items LIMIT %2$d';
my $thousand = peak(sprintf $insert, 'grown_1', 1000);
my $many = peak(sprintf $insert, 'grown_2', 20_000);
cmp_ok($many - $thousand, '<=', 2048, 'insertions keep nothing');
note("insertions: 1,000 of them $thousand kB, 20,000 of them $many kB");

done_testing();
