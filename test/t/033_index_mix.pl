# Clients that insert, update, delete, vacuum and search one table at a time, and
# servers that end in the midst of it: afterwards the index is whole, and every
# committed row is found. Bounded by transactions; test/mix runs it for minutes.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use List::Util qw(min);
use IndexNodes;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $seconds = $ENV{MIX_SECONDS} || 0;    # 0: a fixed number of transactions
my $clients = $ENV{MIX_CLIENTS} || 6;
my $seed = $ENV{MIX_SEED} || 1;
srand($seed);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', q{
autovacuum_naptime = 1s
restart_after_crash = on
autovacuum_vacuum_threshold = 200
max_wal_size = 2GB
jit = off
log_statement = none
log_min_error_statement = error
});
$node->start;
$node->safe_psql('postgres', make_vector(32) . q{
	CREATE TABLE items (id int PRIMARY KEY, v angle_vector(32), tenant int, note text);
	CREATE INDEX items_v ON items USING angle (v, tenant);
	CREATE SEQUENCE ids;
	-- rows that nobody changes: every search must find them, once
	INSERT INTO items SELECT -i, make_vector(i), 99 FROM generate_series(1, 200) i;
	-- what runs through the index in an order, and divides by zero unless it is right
	CREATE FUNCTION search(n int, target float8) RETURNS int LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true),
			set_config('enable_bitmapscan', 'off', true),
			set_config('angle.recall_target', target::text, true);
		RETURN (SELECT 1 / (count(*) = 200 AND count(DISTINCT id) = 200)::int FROM
			(SELECT id FROM items WHERE tenant = 99 ORDER BY v <=> make_vector(n)) x);
	END $$;
	CREATE FUNCTION nearest(n int, wanted int) RETURNS int LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true),
			set_config('enable_bitmapscan', 'off', true);
		RETURN (SELECT 1 / (count(*) = wanted AND bool_and(d >= before))::int FROM (
			SELECT d, lag(d, 1, 0::float8) OVER () AS before FROM (
				SELECT v <=> make_vector(n) AS d FROM items WHERE id < 0
				ORDER BY v <=> make_vector(n) LIMIT wanted) x) y);
	END $$;
});

my %scripts = (
	'insert@6' => q{INSERT INTO items SELECT nextval('ids'), make_vector((random() * 100000)::int), 1
		FROM generate_series(1, 15);},
	'vector@3' => q{\set n random(1, 5000)
		UPDATE items SET v = make_vector(id + :n) WHERE id = :n;},
	'tenant@2' => q{\set n random(1, 5000)
		UPDATE items SET tenant = (tenant + 1) % 50 WHERE id = :n;},
	'note@2' => q{\set n random(1, 5000)
		UPDATE items SET note = 'note ' || :n WHERE id BETWEEN :n AND :n + 3;},
	'delete@3' => q{\set n random(1, 5000)
		DELETE FROM items WHERE id BETWEEN :n AND :n + 5;},
	# so many that nodes become tiny, and VACUUM merges them
	'purge@1' => q{\set n random(1, 5000)
		DELETE FROM items WHERE id > 0 AND id % 10 <> 0 AND id BETWEEN :n AND :n + 2500;},
	'again@1' => q{\set n random(1, 5000)
		BEGIN;
		DELETE FROM items WHERE id = :n;
		INSERT INTO items SELECT :n, make_vector(:n), 2 WHERE currval('ids') > :n
			ON CONFLICT DO NOTHING;
		COMMIT;},
	'undone@1' => q{BEGIN;
		INSERT INTO items SELECT nextval('ids'), make_vector((random() * 100000)::int), 1
			FROM generate_series(1, 50);
		SAVEPOINT s;
		UPDATE items SET v = make_vector(id) WHERE id IN (SELECT currval('ids') - i FROM generate_series(0, 20) i);
		ROLLBACK TO s;
		ROLLBACK;},
	'all@2' => q{\set n random(1, 1000)
		SELECT search(:n, 1);},
	'filtered@3' => q{\set n random(1, 1000)
		SELECT search(:n, 0.8);},
	'nearest@4' => q{\set n random(1, 1000)
		SELECT nearest(:n, 10);},
	'vacuum@1' => q{VACUUM items;});
$scripts{'again@1'} =~ s/currval\('ids'\)/(SELECT last_value FROM ids)/;

my @files;
for my $name (sort keys %scripts)
{
	my ($base, $weight) = split /@/, $name;
	my $file = PostgreSQL::Test::Utils::tempdir() . "/$base.sql";

	append_to_file($file, $scripts{$name} . "\n");
	push @files, '-f', "$file\@$weight";
}

sub pgbench
{
	my @bounds = @_;
	return ('pgbench', '-n', '--max-tries=10', "--random-seed=$seed", '-c', $clients,
		'-j', 2, @bounds, @files, $node->connstr('postgres'));
}

my $all = q{SET angle.recall_target = 1; SET enable_seqscan = off; SET enable_sort = off;
	SELECT count(*), count(DISTINCT id), sum(id), sum(tenant) FROM
		(SELECT id, tenant FROM items ORDER BY v <=> make_vector(3)) x};

sub whole
{
	my ($when) = @_;

	like($node->safe_psql('postgres', q{SELECT angle_index_check('items_v')}), qr/^\d+$/,
		"$when: the index is whole");
	is($node->safe_psql('postgres', $all), $node->safe_psql('postgres', q{SET enable_indexscan = off;
			SELECT count(*), count(DISTINCT id), sum(id), sum(tenant) FROM items}),
		"$when: every row is found");
	return;
}

# Every row by itself, at no distance from its own vector.
sub each_found
{
	is($node->safe_psql('postgres', q{SET angle.recall_target = 1; SET enable_seqscan = off;
			SET enable_sort = off;
			SELECT count(*) FROM (SELECT * FROM items ORDER BY id LIMIT 300) i, LATERAL (
				SELECT v FROM items j ORDER BY j.v <=> i.v LIMIT 1) x WHERE i.v <=> x.v < 1e-6}),
		$node->safe_psql('postgres', 'SELECT least(300, count(*)) FROM items'),
		'each row is the nearest to itself');
	return;
}

# Ends the server in the midst of what pgbench does.
sub crash
{
	my ($after) = @_;
	my $out = '';
	my $run;

	# else all have the name of this file
	$ENV{PGAPPNAME} = 'pgbench';
	$run = IPC::Run::start([ pgbench('-T', 600) ], '<', '/dev/null', '>', \$out, '2>', \$out);
	$ENV{PGAPPNAME} = 'test';
	usleep(1e6 * $after);
	my $victim = $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity
		WHERE application_name = 'pgbench' AND state = 'active' ORDER BY random() LIMIT 1});
	if (rand() < 0.5 || $victim eq '')
	{
		$node->stop('immediate');
		$run->finish;
		$node->start;
	}
	else
	{
		# the server ends all other processes, recovers and goes on
		kill KILL => $victim;
		$run->finish;
		$node->poll_query_until('postgres', 'SELECT 1', 1);
	}
	# the server says that of a process that was killed
	unlike($out, qr/division by zero|damaged|TRAP|(?<!possibly )corrupt/, 'nothing went wrong before the end');
	return;
}

my $until = time + $seconds;
my $round = 0;
do
{
	my @bounds = $seconds > 0 ? ('-T', int(min(30, $until - time)) || 1) : ('-t', 120);

	$round++;
	$node->command_ok([ pgbench(@bounds) ], "round $round: no row is lost or doubled");
	whole("round $round");
	crash(0.2 + rand(2));
	whole("after the end of server $round");
	$seed++;
} while ($seconds > 0 ? time < $until : $round < 3);

each_found();
# Nobody is left who could still see what is dead, and a few dead rows are reason enough to
# clean the index, which VACUUM else puts off.
$node->safe_psql('postgres', 'ALTER SYSTEM SET autovacuum = off');
$node->reload;
$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity
	WHERE backend_type = 'autovacuum worker'});
$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) items');
is($node->safe_psql('postgres', q{SELECT angle_index_check('items_v')}),
	$node->safe_psql('postgres', 'SELECT count(*) FROM items'), 'VACUUM leaves live rows alone');
unlike(slurp_file($node->logfile), qr/TRAP|PANIC|terminated by signal 11|terminated by signal 6/,
	'no process crashed');
note("$round rounds, $clients clients, " . $node->safe_psql('postgres', q{
	SELECT (SELECT last_value FROM ids) || ' rows were inserted, ' || rows || ' are there in '
		|| lists || ' lists of ' || bytes / 1024 || ' kB' FROM angle_index_info('items_v')}));

done_testing();
