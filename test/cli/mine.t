#!/usr/bin/perl
# Hard negatives: what is chosen, against a search done here by brute force.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use JSON::PP ();
use Test::More;
use Tool;

my $model = "$GOLDEN/encoder/local/dense";
my @words = qw(cat dog mat spider fear man woman river town people guitar stage rain old);
my $state = 7;

sub pick
{
	my ($n) = @_;
	$state = ($state * 1103515245 + 12345) % 2 ** 31;
	return int($state / 2 ** 31 * $n);
}

sub text
{
	return join ' ', map { $words[pick(scalar @words)] } 1 .. 4 + pick(3);
}

# ---- data -----------------------------------------------------------------

my (%seen, @texts);
while (@texts < 60)
{
	my $text = text();
	push @texts, $text unless $seen{$text}++;
}
# rows of 20 queries; query 0 has two positives
my @rows = map { [$texts[$_], $texts[20 + $_]] } 0 .. 19;
push @rows, [$texts[0], $texts[21]];
spit('pairs.tsv', join '', "query\tpositive\n", map { join("\t", @$_) . "\n" } @rows);
# the corpus has the positives, the queries, and a text twice
my @corpus = (@texts, $texts[50]);
spit('corpus.tsv', join '', "id\tbody\n", map { "$_\t$corpus[$_]\n" } 0 .. $#corpus);

# ---- the same by brute force ----------------------------------------------

my ($status, $out, $err) = angle({input => join '', map { "$_\n" } @texts}, 'embed', '--model', $model);
my %vector;
@vector{@texts} = @{text_rows($out)};

sub cosine
{
	my ($u, $v) = @vector{@_};
	my ($dot, $uu, $vv) = (0, 0, 0);
	for my $i (0 .. $#$u)
	{
		$dot += $u->[$i] * $v->[$i];
		$uu += $u->[$i] ** 2;
		$vv += $v->[$i] ** 2;
	}
	return $dot / sqrt($uu * $vv);
}

# The candidates of a query in their order.
sub ranked
{
	my ($query, @from) = @_;
	my %answer = map { $_->[1] => 1 } grep { $_->[0] eq $query } @rows;
	my %known;
	return sort { cosine($query, $b) <=> cosine($query, $a) }
		grep { $_ ne $query && !$answer{$_} && !$known{$_}++ } @from;
}

my @positives = map { $_->[1] } @rows;

sub mine
{
	my ($name, @arguments) = @_;
	my ($status, $out, $err) = angle(qw(mine --model), $model, qw(--data pairs.tsv), @arguments);
	is($status, 0, $name);
	my ($header, @lines) = split /\n/, $out;
	return [map { [split /\t/] } @lines], $header, $err;
}

# ---- choice ---------------------------------------------------------------

my ($mined, $header, $said) = mine('the nearest', '--negatives', 3);
is($header, "query\tpositive\tnegative_1\tnegative_2\tnegative_3", 'a row has a column for each');
is_deeply($mined, [map { [@$_, (ranked($_->[0], @positives))[0 .. 2]] } @rows],
	'come from the positives of other queries');
is($said, "21 of 21 rows written\n", 'the tool says how many');

my @from = qw(--corpus corpus.tsv --corpus-column body);
($mined) = mine('a corpus', @from, '--negatives', 2);
is_deeply($mined, [map { [@$_, (ranked($_->[0], @corpus))[0 .. 1]] } @rows],
	'without the query, its positives and repetitions');
($mined) = mine('a range of ranks', @from, qw(--negatives 2 --rank-min 4 --rank-max 6));
is_deeply($mined, [map { [@$_, (ranked($_->[0], @corpus))[3 .. 4]] } @rows], 'is kept to');

# within(ROW, BOUND): the candidates whose similarity is at most the bound
sub within
{
	my ($row, $bound) = @_;
	return grep { cosine($row->[0], $_) <= $bound } (ranked($row->[0], @corpus))[0 .. 49];
}

sub expected
{
	my ($negatives, $bound) = @_;
	return [map { my @found = within($_, $bound->(cosine(@$_)));
		@found < $negatives ? () : [@$_, @found[0 .. $negatives - 1]] } @rows];
}

($mined, $header, $said) = mine('a margin', @from, '--negatives', 5, '--margin', 0.05);
my $rest = expected(5, sub { $_[0] - 0.05 });
cmp_ok(scalar @$rest, '<', scalar @rows, 'leaves some rows without enough');
cmp_ok(scalar @$rest, '>', 0, 'and others with');
is_deeply($mined, $rest, 'they alone are written');
is($said, @$rest . " of 21 rows written; the others have fewer than 5 candidates\n", 'the tool says so');
($mined) = mine('a relative margin', @from, '--negatives', 5, '--relative-margin', 0.1);
is_deeply($mined, expected(5, sub { $_[0] * 0.9 }), 'is one of the similarity');
($mined) = mine('a greatest similarity', @from, '--score-max', 0.9);
is_deeply($mined, expected(1, sub { 0.9 }), 'is not passed');
($mined) = mine('a least similarity', @from, '--score-min', 0.95);
is_deeply($mined, [grep { cosine(@$_[0, 2]) >= 0.95 } map { [@$_, (ranked($_->[0], @corpus))[0]] } @rows],
	'is reached');

# ---- at random ------------------------------------------------------------

my @random = (@from, qw(--choose random --negatives 4 --rank-max 20));
($mined) = mine('at random', @random);
is_deeply((mine('the same seed', @random))[0], $mined, 'gives the same');
is_deeply((mine('one thread', @random, '--threads', 1))[0], $mined, 'as does another number of threads');
my ($other) = mine('another seed', @random, '--seed', 5);
isnt(join('|', map { @$_ } @$other), join('|', map { @$_ } @$mined), 'gives others');
my $strange = 0;
for my $row (@$other)
{
	my %allowed = map { $_ => 1 } (ranked($row->[0], @corpus))[0 .. 19];
	my %once;
	$strange += grep { !$allowed{$_} || $once{$_}++ } @$row[2 .. 5];
}
is($strange, 0, 'all of the first 20 ranks, each once');

# ---- files ----------------------------------------------------------------

($mined) = mine('as TSV', '--negatives', 2);
($status, $out) = angle(qw(mine --data pairs.tsv --format jsonl --negatives 2 --model), $model);
is_deeply([map { my $o = JSON::PP::decode_json($_); [$o->{query}, $o->{positive}, @{$o->{negatives}}] }
	split /\n/, $out], $mined, 'JSONL has the same');
($status, $out, $err) = angle(qw(mine --data pairs.tsv --output t.tsv --model), $model);
is("$status$out", '0', '--output writes nothing else');
is((split /\n/, slurp('t.tsv'))[0], "query\tpositive\tnegative_1", 'but the file');
spit('again.jsonl', join '', map { JSON::PP->new->canonical->encode({q => $_->[0], p => $_->[1]}) . "\n" } @rows);
($status, $out) = angle(qw(mine --data again.jsonl --negatives 2 --columns), 'query=q,positive=p', '--model', $model);
is_deeply([map { [split /\t/] } (split /\n/, $out)[1 .. @rows]], $mined, 'JSONL can be read');

# ---- errors ---------------------------------------------------------------

my $before = listing();
sub fails
{
	my ($name, $pattern, @arguments) = @_;
	my ($status, $out, $err) = angle(qw(mine --model), $model, @arguments);
	is($status, 1, "$name: status");
	like($err, qr/^angle: $pattern/, "$name: message");
}

fails('an existing output', '"t.tsv" exists already', qw(--data pairs.tsv --output t.tsv));
fails('a missing column', 'file "corpus.tsv": there is no column "text"\nhint: .*id, body',
	qw(--data pairs.tsv --corpus corpus.tsv));
fails('a missing corpus', 'could not read file "gone"', qw(--data pairs.tsv --corpus gone));
fails('a corpus from a pipe', '"/dev/null" is no regular file', qw(--data pairs.tsv --corpus /dev/null));
fails('a corpus from standard input', '"-" is no regular file', qw(--data pairs.tsv --corpus -));
fails('no positives', 'file "corpus.tsv": no columns for query and positive', qw(--data corpus.tsv));
fails('a late failure', 'file "corpus.tsv": there is no column', qw(--data pairs.tsv --output new --corpus corpus.tsv));
is(listing(), $before, 'failures leave no files');
spit('tabs.jsonl', qq({"query": "a", "positive": "b\\tc"}\n{"query": "d", "positive": "e"}\n));
fails('a tab', 'the text "b\?c" has a tab or a line break .*\nhint: .*--format jsonl',
	qw(--data tabs.jsonl));

done_testing();
