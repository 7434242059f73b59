# Databases in other encodings: the text is converted, or checked where the
# database does not know its encoding.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->start;
for my $encoding (qw(UTF8 LATIN1 EUC_JP SQL_ASCII))
{
	$node->safe_psql('postgres',
		"CREATE DATABASE \"db_$encoding\" ENCODING '$encoding' TEMPLATE template0");
	$node->safe_psql("db_$encoding", 'CREATE EXTENSION angle');
}

# The answer to query in the database of an encoding, in UTF-8.
sub answer
{
	my ($encoding, $query) = @_;
	local $ENV{PGCLIENTENCODING} =
	  $encoding eq 'SQL_ASCII' ? 'SQL_ASCII' : 'UTF8';
	return $node->safe_psql("db_$encoding", $query);
}

# In UTF-8 bytes, as this file is not told to be text.
my %sample = (
	LATIN1 => "Le caf\xC3\xA9 d\xC3\xA9j\xC3\xA0 ferm\xC3\xA9, \xC2\xA3 5",
	EUC_JP => "\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E and \xE6\x9D\xB1\xE4\xBA\xAC",
	SQL_ASCII => "Le caf\xC3\xA9 d\xC3\xA9j\xC3\xA0 ferm\xC3\xA9",
);
for my $encoding (sort keys %sample)
{
	my $text = $sample{$encoding};
	for my $query (
		"SELECT angle_embed('$text')",
		"SELECT angle_embed(ARRAY['$text', 'x'])",
		"SELECT angle_embed('x', prompt => '$text: {text}')",
		"SELECT angle_token_count('$text')",
		"SELECT id, token FROM angle_tokens('$text')",
		"SELECT id, substr('$text', start, stop - start) FROM angle_tokens('$text')"
	  )
	{
		is(answer($encoding, $query),
			answer('UTF8', $query), "$encoding: " . substr($query, 0, 30));
	}
}

# Positions count what length() counts.
is( answer(
		'LATIN1',
		"SELECT max(stop) - 1 = length('$sample{LATIN1}')
		FROM angle_tokens('$sample{LATIN1}')"),
	't',
	'positions in LATIN1 are characters');
is( answer(
		'SQL_ASCII',
		"SELECT max(stop) - 1 = length('$sample{SQL_ASCII}')
		FROM angle_tokens('$sample{SQL_ASCII}')"),
	't',
	'positions in SQL_ASCII are bytes');

# Messages are converted back.
{
	local $ENV{PGCLIENTENCODING} = 'UTF8';
	my ($rc, $out, $err) = $node->psql('db_LATIN1',
		"SELECT angle_embed('x', prompt => 'caf\xC3\xA9')");
	like($err, qr/no prompt "caf\xC3\xA9"/, 'messages in LATIN1');
}

# What is not UTF-8 is refused where nobody has checked it before.
for my $call (
	q{angle_embed(E'caf\xE9')},
	q{angle_embed(ARRAY['fine', E'caf\xE9'])},
	q{angle_embed('x', prompt => E'\xE9{text}')},
	q{angle_token_count(E'\xF8\x88\x80\x80\x80')},
	q{angle_tokens(E'\xED\xA0\x80')})
{
	my ($rc, $out, $err) = $node->psql('db_SQL_ASCII',
		"\\set VERBOSITY sqlstate\nSELECT $call");
	like($err, qr/ERROR:\s+22021/, "SQL_ASCII: $call is refused");
}

done_testing();
