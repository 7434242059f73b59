#!/usr/bin/perl
# Scores against those of scipy and scikit-learn (test/golden/eval.py).
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use JSON::PP ();
use Test::More;
use Tool;

my $model = "$GOLDEN/encoder/local/dense";
my $sets = "$GOLDEN/eval";
my $expected = JSON::PP::decode_json(slurp("$sets/scores.json"));
my @pairs = ('--pairs', "$sets/pairs.jsonl", '--labels', 'same=1,other=0');

# The embeddings differ in the last digits from Python's.
my $tolerance = 2e-5;

sub evaluate
{
	my ($name, @arguments) = @_;
	my ($status, $out, $err) = angle(qw(eval --json --model), $model, @arguments);
	is("$status$err", '0', $name);
	return JSON::PP::decode_json($out);
}

sub has_scores
{
	my ($name, $scores, $golden) = @_;
	for my $key (sort keys %$golden)
	{
		cmp_ok(abs($scores->{$key} - $golden->{$key}), '<=', $tolerance, "$name: $key");
	}
}

# ---- scores ---------------------------------------------------------------

for my $similarity (qw(cosine dot angle))
{
	my $report = evaluate($similarity, '--similarity', $similarity,
		'--sts', "$sets/sts.tsv", @pairs, '--retrieval', "$sets/retrieval");
	is($report->{similarity}, $similarity, 'the report says which');
	for my $kind (qw(sts classification retrieval))
	{
		has_scores("$similarity, $kind", $report->{$kind}[0], $expected->{$similarity}{$kind});
	}
}

my $report = evaluate('one thread', '--threads', 1, "$sets/sts.tsv", "$sets/sts.tsv");
has_scores('one thread', $report->{sts}[0], $expected->{cosine}{sts});
has_scores('the average', $report->{sts_average},
	{map { $_ => $expected->{cosine}{sts}{$_} } qw(spearman pearson)});

# ---- files ----------------------------------------------------------------

system("xz -c $sets/sts.tsv > s.tsv.xz") == 0 or die;
$report = evaluate('a compressed file', 's.tsv.xz');
has_scores('xz', $report->{sts}[0], $expected->{cosine}{sts});
is($report->{sts}[0]{name}, 's', 'a set has the name of its file');

spit('odd.tsv', "a\tb\tgold\tpart\ncat\tdog\t1\tx\ncat\tcat\t5\tx\ndog\tman\t2\tx\ncat\tcat\t0\ty\n");
$report = evaluate('other columns', '--sts', 'odd.tsv', '--columns', 'text1=a,text2=b,label=gold',
	'--where', 'part=x');
is($report->{sts}[0]{pairs}, 3, 'and some of the rows');

# plain names of columns and TSV for retrieval
mkdir 'plain';
spit('plain/corpus.tsv', "doc_id\ttext\n1\tcat on the mat\n2\tman plays guitar\n3\told river town\n");
spit('plain/queries.tsv', "query_id\ttext\nq\tcat on the mat\n");
spit('plain/qrels.dev.tsv', "query_id\tdoc_id\trelevance\nq\t1\t1\n");
$report = evaluate('plain names', '--retrieval', 'plain', '--split', 'dev');
is($report->{retrieval}[0]{'mrr@10'}, 1, 'the same text is the nearest');
is($report->{retrieval}[0]{name}, 'plain', 'the set has the name of its directory');

# ---- prompts and dimensions -----------------------------------------------

my $plain = evaluate('no prompt', "$sets/sts.tsv")->{sts}[0]{spearman};
my $prompted = evaluate('a prompt', '--prompt', 'the old {text}', "$sets/sts.tsv")->{sts}[0]{spearman};
isnt($prompted, $plain, 'changes the scores');
$report = evaluate('dimensions', '--dimensions', 6, "$sets/sts.tsv");
is($report->{dimensions}, 6, 'are cut');
isnt($report->{sts}[0]{spearman}, $plain, 'and change the scores');
isnt(evaluate('a query prompt', '--query-prompt', 'old {text}', '--retrieval', "$sets/retrieval")
	->{retrieval}[0]{'ndcg@100'}, $expected->{cosine}{retrieval}{'ndcg@100'}, 'counts');

# ---- tables ---------------------------------------------------------------

my ($status, $out, $err) = angle('eval', '--model', $model, "$sets/sts.tsv", "$sets/sts.tsv",
	@pairs, '--retrieval', "$sets/retrieval");
is("$status$err", '0', 'tables');
my $points = sprintf '%.2f', 100 * $expected->{cosine}{sts}{spearman};
like($out, qr/^ +sts +sts +average\nSpearman x 100 +$points +$points +$points$/m, 'STS is a row');
my $ap = sprintf '%.2f', 100 * $expected->{cosine}{classification}{average_precision};
like($out, qr/^pairs +$ap /m, 'pairs have theirs');
my $ndcg = sprintf '%.2f', 100 * $expected->{cosine}{retrieval}{'ndcg@10'};
like($out, qr/^retrieval +$ndcg /m, 'and so has retrieval');

spit('flat.tsv', "text1\ttext2\tlabel\ncat\tdog\t1\ncat\tman\t1\n");
like((angle('eval', '--model', $model, 'flat.tsv'))[1], qr/Spearman x 100 +n\/a$/m,
	'what is not defined is no number');
is(evaluate('nor in JSON', 'flat.tsv')->{sts}[0]{spearman}, undef, 'but null');

# ---- errors ---------------------------------------------------------------

sub fails
{
	my ($name, $pattern, @arguments) = @_;
	my ($status, $out, $err) = angle('eval', '--model', $model, @arguments);
	is($status, 1, "$name: status");
	like($err, qr/^angle: $pattern/, "$name: message");
	is($out, '', "$name: no scores");
}

fails('a missing file', 'could not read file "gone": No such file', 'gone');
fails('no labels', 'file "s.tsv": no columns for text1, text2 and label .*\nhint: .*sentence1',
	spit('s.tsv', "sentence1\tsentence2\na\tb\n"));
fails('a bad row', 'file "s.tsv", line 3: 1 fields where the header has 3',
	spit('s.tsv', "text1\ttext2\tlabel\na\tb\t1\na\n"));
fails('a header that is no UTF-8', 'file "s.tsv", line 1: invalid UTF-8 in the header',
	spit('s.tsv', "text1\xff\ttext2\tlabel\na\tb\t1\n"));
fails('a bad label', 'file "s.tsv", line 2, column "label": the label "x" is not a number',
	spit('s.tsv', "text1\ttext2\tlabel\na\tb\tx\n"));
fails('nothing to tell apart', 'set "flat": all labels are at least 0.5', '--pairs', 'flat.tsv');
fails('no such set', 'directory "gone" has no corpus\nhint: ', '--retrieval', 'gone');
fails('no such split', 'directory "plain" has no qrels of the split "test"\nhint: ', '--retrieval', 'plain');
spit('plain/qrels.a.tsv', "query_id\tdoc_id\trelevance\nq\t9\t1\n");
fails('a judgement of nothing', 'file "plain/qrels.a.tsv", line 2, column "doc_id": there is no document "9"',
	'--retrieval', 'plain', '--split', 'a');
spit('plain/qrels.b.tsv', "query_id\tdoc_id\trelevance\nq\t1\t1\nq\t1\t2\n");
fails('two judgements', 'there are two judgements of document "1" for query "q"',
	'--retrieval', 'plain', '--split', 'b');
spit('plain/qrels.c.tsv', "query_id\tdoc_id\trelevance\nq\t1\t0\n");
fails('nothing relevant', 'file "plain/qrels.c.tsv": no document is relevant',
	'--retrieval', 'plain', '--split', 'c');
spit('plain/corpus.tsv', "doc_id\ttext\n1\ta\n1\tb\n");
fails('an identifier twice', 'file "plain/corpus.tsv": the identifier "1" occurs twice',
	'--retrieval', 'plain', '--split', 'dev');
fails('an unknown prompt', '.*"nonsense"', '--prompt', 'nonsense', "$sets/sts.tsv");

done_testing();
