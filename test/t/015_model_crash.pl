# Backends and servers that are killed while a model is loaded, pushed or first
# used: afterwards there is all of a model or nothing of it.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IPC::Run;
use Models;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'restart_after_crash = on');
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION angle');
my $shipped = $node->config_data('--sharedir') . '/angle/angle-mini.angle';
my $angle = $node->config_data('--bindir') . '/angle';
my $bits = bits($node, 'angle-mini');
my $folder = $node->data_dir . '/pg_angle';

# The delays are random, and the same in each run.
my $seed = 20250117;
sub delay
{
	$seed = ($seed * 1103515245 + 12345) % 2**31;
	return $seed % 250_000;
}

sub kill_server
{
	$node->stop('immediate');
	$node->start;
	return;
}

# Kills the client backend, if there still is one, in the way that makes the
# server start all over, and waits until it has.
sub kill_backend
{
	my $pid = $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity
		WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
		LIMIT 1});
	my $log = -s $node->logfile;

	return if $pid eq '' || !kill 'KILL', $pid;
	await_restart($log);
	return;
}

# Waits until the server has started all over, which it says behind this place in
# its log.
sub await_restart
{
	my ($log) = @_;

	for (1 .. 600)
	{
		my $new = substr(slurp_file($node->logfile), $log);
		return if $new =~ /database system is ready to accept connections/;
		# it may have ended by itself before
		return if $_ > 20 && $new !~ /terminating any other/;
		usleep(100_000);
	}
	die 'the server does not come back';
}

# Starts the command, waits and kills.
sub kill_during
{
	my ($how, @command) = @_;
	my $output = '';
	my $run = IPC::Run::start(\@command, '<', \undef, '>', \$output, '2>',
		\$output);

	usleep(30_000 + delay());
	$how eq 'server' ? kill_server() : kill_backend();
	$run->finish;
	return;
}

sub whole_or_nothing
{
	my ($what) = @_;
	my $there = $node->safe_psql('postgres',
		q{SELECT count(*) FROM _angle.model WHERE name = 'm'});

	is($node->safe_psql('postgres', q{SELECT count(*) FROM _angle.chunk AS c
		WHERE NOT EXISTS (SELECT FROM _angle.model AS m WHERE m.name = c.model)}),
		'0', "$what: no chunk without a model");
	if ($there)
	{
		is(bits($node, 'm'), $bits, "$what: it was finished");
	}
	else
	{
		$node->safe_psql('postgres', "SELECT angle_load_model('m', '$shipped')");
		is(bits($node, 'm'), $bits, "$what: it can be done again");
	}
	return;
}

# Kills the server itself, and starts it when its processes have noticed.
sub kill_all
{
	for (1 .. 100)
	{
		# also what a failed start takes for a server
		$node->kill9;
		usleep(200_000);
		return if $node->start(fail_ok => 1);
	}
	die 'the server does not start';
}

# Starts the command and kills its backend as soon as that has begun to write a
# file, which takes it tens of milliseconds: surely in the middle.
sub kill_at_draft
{
	my ($how, @command) = @_;
	my $output = '';
	my $log = -s $node->logfile;
	unlink "$folder/$_" for drafts($node);
	my $run = IPC::Run::start(\@command, '<', \undef, '>', \$output, '2>',
		\$output);
	my $draft;

	for (1 .. 100_000)
	{
		($draft) = drafts($node) and last;
		usleep(100);
	}
	my ($pid) = ($draft // '') =~ /(\d+)$/ or die 'no file is written';
	kill 'KILL', $pid;
	$how eq 'server' ? kill_all() : await_restart($log);
	$run->finish;
	is_deeply([ drafts($node) ], [$draft], "$how: what was begun is there");
	return;
}

my $connection = $node->connstr('postgres');
my $load = "SELECT angle_load_model('m', '$shipped')";
my $drop = "SELECT angle_drop_model('m', true)";
for my $round (1 .. 4)
{
	for my $how ('backend', 'server')
	{
		kill_during($how, 'psql', '-qXd', $connection, '-c', $load);
		whole_or_nothing("load, $how, $round");
		$node->safe_psql('postgres', $drop);
		kill_during($how, $angle, 'push', '-d', $connection, 'm', $shipped);
		whole_or_nothing("push, $how, $round");
		unlink "$folder/$_" for images($node);
		kill_during($how, 'psql', '-qXd', $connection, '-c',
			q{SELECT angle_embed('x', 'm')});
		is(bits($node, 'm'), $bits, "first use, $how, $round: the model serves");
		$node->safe_psql('postgres', $drop);
	}
}
$node->safe_psql('postgres', $load);
is_deeply([ drafts($node) ], [], 'no draft outlives the next load');
is(scalar(images($node)), 1, 'and there is one file');

# ---- surely in the middle: of packing, of the check of a push, of its transfer,
# and of the first use
sub is_nothing
{
	my ($what) = @_;
	is($node->safe_psql('postgres', 'SELECT (SELECT count(*) FROM _angle.model),
		(SELECT count(*) FROM _angle.chunk)'), '0|0', "$what: nothing is there");
	return;
}

for my $how ('backend', 'server')
{
	$node->safe_psql('postgres', $drop);
	kill_at_draft($how, 'psql', '-qXd', $connection, '-c', $load);
	is_nothing("load, $how");
	kill_at_draft($how, $angle, 'push', '-d', $connection, 'm', $shipped);
	is_nothing("check of a push, $how");
	my $log = -s $node->logfile;
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my ($pid) = $session->query('SELECT pg_backend_pid()') =~ /(\d+)/;
	$session->query("BEGIN; SELECT angle_push_begin('m', 3000000);
		SELECT angle_push_chunk('m', 0, decode(repeat('00', 1048576), 'hex'))");
	kill 'KILL', $pid;
	$how eq 'server' ? kill_all() : await_restart($log);
	eval { $session->quit };
	is_nothing("push, $how");
	$node->safe_psql('postgres', $load);
	unlink "$folder/$_" for images($node);
	kill_at_draft($how, 'psql', '-qXd', $connection, '-c',
		q{SELECT angle_embed('x', 'm')});
	is_deeply([ images($node) ], [], "first use, $how: there is no half of a file");
	is(bits($node, 'm'), $bits, "first use, $how: the model serves");
	is_deeply([ drafts($node) ], [], "first use, $how: what was left is removed");
}

# A cancel, at any time, leaves nothing either.
$node->safe_psql('postgres', $drop);
for my $timeout (1, 5, 20, 60, 120)
{
	my ($rc, $out, $err) = $node->psql('postgres',
		"SET statement_timeout = $timeout; $load");
	$node->safe_psql('postgres', $drop) if $rc == 0;
	like($err, qr/canceling statement/, "cancelled after $timeout ms") if $rc != 0;
	is_deeply([ images($node), drafts($node) ], [], "$timeout ms: nothing is left");
}

done_testing();
