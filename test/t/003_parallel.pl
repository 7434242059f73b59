# Bulk embedding is spread over parallel workers by the planner's own choice,
# and gives the same rows.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'max_parallel_workers_per_gather = 2');
$node->start;

# The table has the size from which the planner thinks of workers at all.
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION angle;
CREATE TABLE texts (id int PRIMARY KEY, body text, filler text);
ALTER TABLE texts ALTER filler SET STORAGE PLAIN;
INSERT INTO texts SELECT i, 'text ' || i, repeat('x', 6000)
	FROM generate_series(1, 1200) AS i;
ANALYZE texts;
SQL

my $plan = $node->safe_psql('postgres',
	'EXPLAIN (ANALYZE, VERBOSE, TIMING OFF)
	 CREATE TABLE parallel_rows AS
		SELECT id, angle_embed(body) AS embedding FROM texts');
like($plan, qr/Workers Launched: [12]/, 'workers take part');
like($plan, qr/Worker 0:.*rows=[1-9]/, 'and embed rows');

$node->safe_psql('postgres', <<'SQL');
SET max_parallel_workers_per_gather = 0;
CREATE TABLE serial_rows AS
	SELECT id, angle_embed(body) AS embedding FROM texts;
SQL
my $same = q{SELECT count(*) FROM %s AS a JOIN serial_rows AS b USING (id)
	WHERE a.embedding::text = b.embedding::text};
is($node->safe_psql('postgres', sprintf($same, 'parallel_rows')),
	'1200', 'the rows are the same');

# angle.threads does not multiply the processes of a parallel plan
$node->safe_psql('postgres', <<'SQL');
SET angle.threads = 2;
CREATE TABLE threaded_rows AS
	SELECT id, angle_embed(body, 'angle-mini') AS embedding FROM texts;
SQL
is($node->safe_psql('postgres', sprintf($same, 'threaded_rows')),
	'1200', 'also with angle.threads');

done_testing();
