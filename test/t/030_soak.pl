# Clients that embed, load and drop models at once, while others cancel, time
# out and terminate them at random: every answer has the bits that one thread
# gave alone, no backend keeps more and more memory, and the server stays up.
# Seconds, clients and the seed come from the environment: test/soak sets them.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IPC::Run;
use JSON::PP ();
use List::Util qw(min max sum0 uniq);
use Models;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SoakClient;
use Test::More;
use Time::HiRes qw(sleep time);

plan skip_all => 'needs /proc/PID/smaps_rollup'
  unless -r '/proc/self/smaps_rollup';

my $seconds = $ENV{SOAK_SECONDS} // 20;
my $clients = $ENV{SOAK_CLIENTS} // 8;
my $seed = $ENV{SOAK_SEED} // 1;

# Private memory of a backend, kB: the median of samples taken at any moment; and how
# much more it may be at the end than before the middle of a run so long that each did
# everything by then. What a statement takes depends on which one it is.
my $limit = 24576;
my $growth_limit = 2048;
my $long = 120;    # s

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
# What only one process has touched of the shared memory counts as private, so it
# is small. So does LLVM, which is not what this is about.
$node->append_conf('postgresql.conf', <<"CONF");
shared_buffers = 4MB
jit = off
max_connections = @{[ $clients + 20 ]}
max_parallel_workers_per_gather = 2
log_min_messages = fatal
CONF
$node->start;
my $folder = PostgreSQL::Test::Utils::tempdir();

# ---- the models, and the answers of one thread alone ------------------------

my $shipped = $node->config_data('--sharedir') . '/angle/angle-mini.angle';
my ($dense, $sharded) = map { hub("local/$_") } 'dense', 'sharded';
my $models = join ', ', map { "('$_')" } @SoakClient::MODELS;
$node->safe_psql('postgres', <<"SQL");
CREATE EXTENSION angle;
SELECT angle_load_model('stored', '$shipped');
SELECT angle_load_model('dense', '$dense');
SELECT angle_load_model('sharded', '$sharded', 'f32');
SELECT angle_load_model('visitor', '$sharded', 'f32');
SELECT setseed(1.0 / (1 + $seed));
CREATE TABLE answer AS
	SELECT m.model, t.* FROM (VALUES $models) AS m(model),
		(SELECT i AS id, CASE i WHEN 1 THEN '' WHEN 2 THEN 'a short text'
			WHEN 3 THEN 'Tëxt in ünïcode, 文字 and 🙂' WHEN 4 THEN repeat('x', 500)
			ELSE (SELECT string_agg(
				substr('abcdefghijklmnopqrstuvwxyz', 1 + (random() * 20)::int,
					1 + (random() * 7)::int), CASE WHEN random() < 0.1 THEN '. ' ELSE ' ' END)
				FROM generate_series(1, CASE WHEN i < 10 THEN 400 ELSE i END))
			END AS body
		FROM generate_series(1, $SoakClient::TEXTS) AS i) AS t;
ALTER TABLE answer ADD bits bytea, ADD tokens text, ADD token_count int,
	ADD chunks text;
DO \$\$
DECLARE
	a record;
BEGIN
	FOR a IN SELECT * FROM answer LOOP
		UPDATE answer SET bits = angle_vector_send(angle_embed(a.body, a.model)),
			tokens = (SELECT md5(string_agg(t::text, ','))
				FROM angle_tokens(a.body, a.model) AS t),
			token_count = angle_token_count(a.body, a.model),
			chunks = (SELECT md5(string_agg(c::text, ','))
				FROM angle_chunks(a.body, a.model, 12, 2) AS c)
		WHERE id = a.id AND model = a.model;
	END LOOP;
END \$\$;
VACUUM FULL ANALYZE answer;
CREATE TABLE note (id int, body text, embedding angle_vector
	GENERATED ALWAYS AS (angle_embed(body, 'dense')) STORED);
-- signals clients at random moments until the time is up
CREATE PROCEDURE disturb(seconds float8, OUT cancels int, OUT terminations int)
LANGUAGE plpgsql AS \$\$
DECLARE
	victim record;
BEGIN
	cancels := 0;
	terminations := 0;
	WHILE clock_timestamp() < now() + seconds * interval '1 s' LOOP
		PERFORM pg_sleep(random() * 0.15);
		PERFORM pg_stat_clear_snapshot();
		SELECT pid, application_name INTO victim FROM pg_stat_activity
			WHERE application_name ~ '^(steady|mortal) ' AND state <> 'idle'
				AND backend_type = 'client backend'
			ORDER BY random() LIMIT 1;
		IF victim.application_name LIKE 'mortal%' AND random() < 0.3 THEN
			terminations := terminations + pg_terminate_backend(victim.pid)::int;
		ELSIF victim.pid IS NOT NULL THEN
			cancels := cancels + pg_cancel_backend(victim.pid)::int;
		END IF;
	END LOOP;
END \$\$;
SQL
is($node->safe_psql('postgres', q{SELECT count(*) FROM answer AS a, answer AS b
		WHERE a.model = 'angle-mini' AND b.model = 'stored' AND a.id = b.id
			AND a.bits = b.bits}),
	$SoakClient::TEXTS, 'a model of the database has the bits of the file');

# A session that has every model open, so that its pages count as shared.
my $keeper = $node->background_psql('postgres', timeout => $seconds + 600);
$keeper->query_safe(
	q{SELECT count(angle_embed(body, model)) FROM answer});

# ---- the run ---------------------------------------------------------------

my $started = $node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');
my $until = time + $seconds;
my %process;
for my $client (1 .. $clients)
{
	my $kind = $client <= $clients / 2 ? 'steady' : 'mortal';
	$process{$client} = SoakClient::start("$folder/$client",
		$node->connstr('postgres'), $kind, $client, $seed, $until);
}
my ($disturbed, $disturb_errors) = ('', '');
my $disturber = IPC::Run::start(
	[
		'psql', '-XAtq', '-d', $node->connstr('postgres'),
		'-c', "SELECT setseed(1.0 / (1 + $seed))",
		'-c', "CALL disturb($seconds, NULL, NULL)"
	],
	'>', \$disturbed, '2>', \$disturb_errors);

# Of each steady backend: private memory in kB, mappings of models, threads.
my %samples;

sub sample
{
	for my $pid (split /\n/, $node->safe_psql('postgres',
			q{SELECT pid FROM pg_stat_activity WHERE application_name ~ '^steady '
				AND backend_type = 'client backend'}))
	{
		my ($rollup, $maps, $status) =
		  map { eval { slurp_file("/proc/$pid/$_") } // '' } qw(smaps_rollup maps status);

		# a backend that has ended meanwhile
		next if $rollup eq '' || $maps eq '' || $status eq '';
		push @{ $samples{$pid} },
		  {
			private => sum0($rollup =~ /^Private_\w+:\s+(\d+) kB/mg),
			mappings => scalar(uniq $maps =~ m{(pg_angle/\S+(?: \(deleted\))?)}g),
			threads => $status =~ /^Threads:\s+(\d+)/m,
		  };
	}
	return;
}

while (time < $until)
{
	sample();
	sleep(max(0.2, $seconds / 600));
}
$disturber->finish;
waitpid $_, 0 for values %process;

sub median
{
	my @sorted = sort { $a <=> $b } @_;
	return $sorted[ @sorted / 2 ];
}

# ---- what came of it -------------------------------------------------------

is($disturb_errors, '', 'signals were sent to the end');
my ($cancels, $terminations) = $disturbed =~ /^(\d+)\|(\d+)$/m;
my %sum;
for my $client (1 .. $clients)
{
	my $count = -e "$folder/$client"
	  ? JSON::PP::decode_json(slurp_file("$folder/$client"))
	  : { faults => ['the client did not end'] };
	my $faults = delete $count->{faults};
	is(join("\n", @$faults), '', "client $client: right answers, known errors");
	cmp_ok($count->{answers} // 0, '>', 0, "client $client got answers");
	$sum{$_} += $count->{$_} for keys %$count;
}
cmp_ok($sum{cancelled}, '>', 0, 'statements were cancelled');
cmp_ok($sum{terminated}, '>', 0, 'sessions were terminated');
note("$clients clients: $seconds s, seed $seed, "
	  . join(', ', map { "$_ $sum{$_}" } sort keys %sum)
	  . "; sent: $cancels cancels, $terminations terminations");

is(scalar(keys %samples), int($clients / 2), 'no steady client lost its session');
for my $pid (sort { $a <=> $b } keys %samples)
{
	my @all = @{ $samples{$pid} };
	my @private = map { $_->{private} } @all;
	my @tenths = map { median(@private[ $_ * @all / 10 .. ($_ + 1) * @all / 10 - 1 ]) }
	  0 .. 9;
	cmp_ok($tenths[9], '<=', $limit, "backend $pid: private memory");
	# The median of a tenth moves by megabytes with the models that were used in it:
	# what counts is that the end has no more than the first half has had.
	cmp_ok(max(@tenths[ 7 .. 9 ]) - max(@tenths[ 1 .. 4 ]), '<=', $growth_limit,
		"backend $pid takes no more and more")
	  if $seconds >= $long;
	# two models of the database, two visitors of one content, one being replaced
	my $mappings = max map { $_->{mappings} } @all;
	cmp_ok($mappings, '<=', 5, "backend $pid: mappings of models");
	my $threads = max map { $_->{threads} } @all;
	cmp_ok($threads, '<=', 2, "backend $pid: threads");
	note("backend $pid: private memory "
		  . join(' ', @tenths)
		  . " kB in the tenths of the run, at most @{[ max @private ]} kB;"
		  . " $mappings mappings, $threads threads");
}

is($node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()'),
	$started, 'the server has not started again');
unlike(slurp_file($node->logfile),
	qr/terminated by signal|PANIC|TRAP:|reinitializing/, 'nothing crashed');
is($node->safe_psql('postgres', q{SELECT count(*) FROM answer
		WHERE angle_vector_send(angle_embed(body, model)) <> bits}),
	'0', 'a new backend gives the answers of the beginning');

# The next load removes what the dead have left.
$node->safe_psql('postgres', "SELECT angle_load_model('last', '$dense')");
is_deeply([ drafts($node) ], [], 'no draft is left');
is_deeply(
	[ images($node) ],
	[ split /\n/, $node->safe_psql('postgres',
		q{SELECT DISTINCT encode(sha256, 'hex') FROM _angle.model ORDER BY 1}) ],
	'nor the file of a model that is not there');

$keeper->quit;
done_testing();
