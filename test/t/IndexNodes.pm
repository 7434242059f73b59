# What the tests of the index share: their rows, and a server that is killed while a
# standby replays what it does.
package IndexNodes;
use strict;
use warnings;
use Exporter 'import';
use PostgreSQL::Test::Cluster;

our @EXPORT = qw(make_vector killable_node standby_of checked_rows);

# The extension and the function make_vector(i), whose vectors lie in 23 groups.
sub make_vector
{
	my ($dims) = @_;
	return qq{
	CREATE EXTENSION angle;
	CREATE FUNCTION make_vector(i int) RETURNS angle_vector($dims) LANGUAGE sql IMMUTABLE AS
	\$\$ SELECT array_agg((sin(i * 12.9898 + d * 78.233) + 2 * sin((i % 23) * 3.1 + d))::real
		ORDER BY d)::angle_vector FROM generate_series(1, $dims) d \$\$;};
}

# A server that starts again when a backend was killed, has a standby compare every
# page that it replays, and keeps its WAL for it.
sub killable_node
{
	my $node = PostgreSQL::Test::Cluster->new('main');
	$node->init(allows_streaming => 1);
	$node->append_conf('postgresql.conf', q{
wal_consistency_checking = 'all'
autovacuum = off
jit = off
restart_after_crash = on
max_wal_size = 1GB
wal_keep_size = 4GB
});
	$node->start;
	return $node;
}

# A standby of what the server has now, started.
sub standby_of
{
	my ($node) = @_;
	$node->backup('base');
	my $standby = PostgreSQL::Test::Cluster->new('standby');
	$standby->init_from_backup($node, 'base', has_streaming => 1);
	$standby->start;
	return $standby;
}

# The rows of an index, each page of which is looked at: on a standby, which pauses meanwhile, too.
sub checked_rows
{
	my ($server, $index) = @_;
	my $standby = $server->safe_psql('postgres', 'SELECT pg_is_in_recovery()') eq 't';

	if ($standby)
	{
		$server->safe_psql('postgres', 'SELECT pg_wal_replay_pause()');
		$server->poll_query_until('postgres', q{SELECT pg_get_wal_replay_pause_state() = 'paused'})
			or die 'the standby does not pause';
	}
	my $rows = $server->safe_psql('postgres', "SELECT angle_index_check('$index')");
	$server->safe_psql('postgres', 'SELECT pg_wal_replay_resume()') if $standby;
	return $rows;
}

1;
