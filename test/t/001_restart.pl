# The same text gives the same embedding, to the last bit, in every backend and
# after a restart.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION angle');

# psql runs in a backend of its own each time
my $query = q{SELECT angle_embed('the quick brown fox'),
	angle_embed(ARRAY['the quick brown fox', 'a lazy dog'], 'angle-mini')};
my $first = $node->safe_psql('postgres', $query);
like($first, qr/^\[-?\d/, 'an embedding comes back');
is($node->safe_psql('postgres', $query),
	$first, 'another backend gives the same');

$node->safe_psql('postgres', <<'SQL');
CREATE TABLE stored AS
	SELECT body, angle_embed(body) AS embedding
	FROM (VALUES ('a spider'), ('an insect'), ('a marriage')) AS v (body);
SQL
$node->restart;
is($node->safe_psql('postgres', $query), $first, 'a restart changes nothing');
is( $node->safe_psql(
		'postgres', q{SELECT count(*) FROM stored
		WHERE embedding::text = angle_embed(body)::text}),
	'3',
	'stored embeddings equal new ones');

$node->stop('immediate');
$node->start;
is($node->safe_psql('postgres', $query), $first, 'a crash changes nothing');

# the other way to load the library
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'angle'");
$node->restart;
is($node->safe_psql('postgres', $query),
	$first, 'preloading the library changes nothing');

done_testing();
