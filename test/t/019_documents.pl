# The statements of docs/documents.md, as they stand there.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION angle');

# Each piece of SQL on the page, in order.
my @pieces = slurp_file('docs/documents.md') =~ /^```sql\n(.*?)^```$/gms;
cmp_ok(scalar(@pieces), '>=', 6, 'the page has SQL');
my ($search) = grep { /^WITH nearest/ } @pieces;
ok($search, 'with a search');
my $answer;
for my $piece (@pieces)
{
	my ($rc, $out, $err) = $node->psql('postgres', $piece);
	my ($name) = $piece =~ /^(.*)$/m;
	is($rc, 0, "runs: $name") or diag($err);
	$answer = $out if $piece eq $search;
}

like($answer, qr/\AThe garden in spring\|[\d.]+\|.*?Slugs eat young lettuce/s,
	'the best document comes first, with its passage');
is(scalar(() = $answer =~ /^(?:The garden in spring|Moving house)\|/gm), 2, 'and each once');
is($node->safe_psql('postgres', q{SELECT count(*) > 0,
		bool_and(substr(body, start, stop - start) = chunk),
		bool_and(embedding = angle_embed(concat_ws(E'\n', passage.title, chunk), 'angle-mini'))
	FROM passage JOIN document ON document.id = document}), 't|t|t',
	'passages are what they say');

like($node->safe_psql('postgres', "SET enable_seqscan = off; EXPLAIN $search"),
	qr/Index Scan using passage_embedding on passage/, 'the search can use the index');

# Chunks follow their document. The page has the trigger that embeds, too.
sub passages
{
	my ($title) = @_;
	return $node->safe_psql('postgres', qq{
		SELECT count(*), count(embedding), max(tokens) <= 200,
			bool_and(substr(body, start, stop - start) = chunk)
		FROM passage JOIN document ON document.id = document,
			LATERAL angle_token_count(chunk, 'angle-mini') AS tokens
		WHERE document.title = '$title'});
}
$node->safe_psql('postgres', q{INSERT INTO document (title, body)
	SELECT 'A long one', string_agg('This is sentence ' || i || ' of a long text.', ' ')
	FROM generate_series(1, 400) AS i});
like(passages('A long one'), qr/^(\d\d+)\|\1\|t\|t$/, 'a long document has many passages');
$node->safe_psql('postgres', q{UPDATE document SET body = 'Short.' WHERE title = 'A long one'});
is(passages('A long one'), '1|1|t|t', 'fewer when it gets shorter');
$node->safe_psql('postgres', q{UPDATE document SET title = 'Renamed' WHERE title = 'A long one'});
is(passages('Renamed'), '1|1|t|t', 'they follow the title');
$node->safe_psql('postgres', q{DELETE FROM document WHERE title = 'Renamed'});
is($node->safe_psql('postgres', 'SELECT count(*) FROM passage WHERE document > 2'), '0',
	'and go with it');

# A dump takes documents and passages, and restores them without embedding again.
my $folder = PostgreSQL::Test::Utils::tempdir();
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$folder/dump", 'postgres' ], 'dump');
$node->command_ok([ 'pg_restore', '-e', '-d', 'restored', "$folder/dump" ], 'restore');
is($node->safe_psql('restored', $search), $answer, 'gives the same answer');

done_testing();
