# What a backend that embeds takes for itself; the weights are shared.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'needs /proc/PID/smaps_rollup'
  unless -r '/proc/self/smaps_rollup';

my $limit = 8192;    # kB, over a backend that has done nothing

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION angle');

sub private_kb
{
	my ($session) = @_;
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	my $rollup = slurp_file("/proc/$pid/smaps_rollup");
	my $sum = 0;
	$sum += $_ for $rollup =~ /^Private_\w+:\s+(\d+) kB/mg;
	return $sum;
}

sub embed
{
	my ($session) = @_;
	$session->query_safe(q{SELECT vector_dims(angle_embed('a question'))});
	$session->query_safe(
		q{SELECT vector_dims(angle_embed(repeat('a long text ', 1000)))});
	for my $text (q{'text ' || i}, q{repeat('a long text ', 200) || i})
	{
		$session->query_safe(
			"SELECT array_length(angle_embed(array_agg($text)), 1)
			FROM generate_series(1, 100) AS i");
	}
	return;
}

my ($idle, $one, $two) = map { $node->background_psql('postgres') } 1 .. 3;
$idle->query_safe('SELECT 1');

# Two of them, so that pages that are shared count as such.
embed($_) for $one, $two;
my ($base, $extra) = (private_kb($idle), private_kb($two));
cmp_ok($extra - $base, '<=', $limit, 'private memory after embedding');
note("private memory: idle $base kB, after embedding $extra kB");

# What stays behind in memory contexts after work that needed much of it.
sub kept_kb
{
	my ($session) = @_;
	return $session->query_safe(
		q{SELECT sum(total_bytes) / 1024 FROM pg_backend_memory_contexts
		WHERE name LIKE 'angle%'});
}

$two->query_safe(
	q{SELECT angle_token_count(repeat('a very long text ', 500000))});
my $kept = kept_kb($two);
$extra = private_kb($two);
cmp_ok($kept, '<=', $limit, 'kept after a huge text');
cmp_ok($extra - $base, '<=', $limit, 'private memory after a huge text');
note("after a huge text: kept $kept kB, private $extra kB");

$two->query_safe(<<'SQL');
SET statement_timeout = '200ms';
DO $$
BEGIN
	PERFORM angle_token_count(repeat('a very long text ', 10000000));
EXCEPTION WHEN query_canceled THEN
	NULL;
END $$;
RESET statement_timeout;
SQL
$kept = kept_kb($two);
cmp_ok($kept, '<=', $limit, 'kept after a cancel');
note("kept after a cancel: $kept kB");

# Threads are for sessions that want speed: the C library keeps memory for each.
for my $threads (4, 1)
{
	$two->query_safe("SET angle.threads = $threads");
	embed($two);
	$kept = kept_kb($two);
	cmp_ok($kept, '<=', $limit, "kept with $threads threads");
	note("kept with $threads threads: $kept kB");
}

# Nor does a session that wanted speed keep the threads.
sub threads
{
	my ($session) = @_;
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	slurp_file("/proc/$pid/status") =~ /^Threads:\s+(\d+)/m
	  or die 'no number of threads';
	return $1;
}
for my $threads (3, 2, 1)
{
	$two->query_safe("SET angle.threads = $threads");
	embed($two);
	is(threads($two), $threads, "angle.threads = $threads");
}

$_->quit for $idle, $one, $two;
done_testing();
