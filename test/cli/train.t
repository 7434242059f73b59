#!/usr/bin/perl
# Training: what it writes, that it can be stopped, what it refuses.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use JSON::PP ();
use Test::More;
use Time::HiRes ();
use Tool;

my $model = "$GOLDEN/encoder/WhereIsAI/UAE-Large-V1";

# Pairs of words, the more alike the higher their label.
sub make_data
{
	my @words = qw(spider fear of people old man cat mat guitar playing house
	  insects river water study);
	my ($pairs, $triples) = ("sentence1\tsentence2\tscore\n", "query\tpositive\tnegative\n");

	srand 1;
	for my $i (1 .. 60)
	{
		my @u = map { $words[rand @words] } 1 .. 4;
		my @v = @u;
		my $changed = int rand 5;

		$v[$_] = $words[rand @words] for 0 .. $changed - 1;
		$pairs .= "@u $i\t@v\t" . (4 - $changed) . "\n";
		$triples .= "@u $i\t@u[1 .. 3] $i\t@words[rand @words, rand @words] $i\n";
	}
	spit('pairs.tsv', $pairs);
	spit('triples.tsv', $triples);
}

my @short = ('train', '--model', $model, '--threads', 2, '--batch-size', 8,
	'--learning-rate', '1e-4', '--preset', 'angle-0.1');
my @pairs = ('--data', 'pairs.tsv');

# Trains into $output; the lines of the log.
sub train
{
	my ($output, @arguments) = @_;
	my ($status, $out, $err) = angle(@short, @arguments, '--output', $output);

	is("$status$out", '0', "train $output") or diag($err);
	return map { JSON::PP::decode_json($_) }
	  split /\n/, -e $output ? slurp("$output/training_log.jsonl") : '';
}

sub weights
{
	my ($directory) = @_;
	return slurp("$directory/model.safetensors");
}

sub refuses
{
	my ($name, $expected, @arguments) = @_;
	my ($status, $out, $err) = angle(@arguments);

	isnt($status, '0', "$name fails");
	like($err, $expected, "$name: the message");
}

make_data();

# ---- a run ----------------------------------------------------------------

my @log = train('first', @pairs, '--eval', 'pairs.tsv', '--epochs', 4,
	'--learning-rate', '1e-3');
is(listing('first'),
	'1_Pooling README.md config.json config_sentence_transformers.json model.safetensors '
	  . 'modules.json sentence_bert_config.json special_tokens_map.json tokenizer.json '
	  . 'tokenizer_config.json training_curves.svg training_log.jsonl vocab.txt',
	'the model is complete');
ok(!-e 'first.training', 'nothing else is left');
my @steps = grep { exists $_->{loss} } @log;
my @scores = grep { exists $_->{score} } @log;
is(scalar @steps, 30, 'a line of the log for each step');
is($steps[0]{rate}, 0, 'the rate warms up');
cmp_ok($scores[-1]{score}, '>', $scores[0]{score}, 'the model has learned');
like(slurp('first/README.md'), qr/^angle train .*--epochs 4/m, 'the card has the command');
like(slurp('first/README.md'), qr/^\| pairs \| \d+\.\d+ \| \d+\.\d+ \|$/m, 'and the scores');
like(slurp('first/training_curves.svg'), qr/<polyline.*<polyline/s, 'two curves are drawn');
my ($status) = angle('convert', '--quantize', 'f32', 'first', 'first.angle');
is($status, '0', 'the model can be packed');
isnt(weights('first'), slurp("$model/model.safetensors"), 'the weights have changed');

# What sentence-transformers makes of it, where there is one.
SKIP:
{
	skip 'ANGLE_PYTHON names no python with sentence-transformers', 1
	  unless $ENV{ANGLE_PYTHON};
	spit('texts', "a man playing the guitar\nfear of spiders\nwater\n");
	angle('embed', '--model', 'first.angle', '--format', 'npy', '--output', 'ours.npy', 'texts');
	is(`$ENV{ANGLE_PYTHON} -c '
import numpy, sentence_transformers
m = sentence_transformers.SentenceTransformer("first", device="cpu")
e = m.encode(open("texts").read().splitlines())
print("same" if abs(e - numpy.load("ours.npy")).max() < 2e-5 else "different")
' 2> /dev/null`, "same\n", 'sentence-transformers gives the same embeddings');
}

# F32 weights in a model that was in BF16.
($status) = angle('train', '--model', "$GOLDEN/encoder/local/bf16-vocab-only", @pairs,
	'--steps', 2, '--output', 'wide');
is($status, '0', 'a model in BF16 can be trained');
like(slurp('wide/config.json'), qr/"(torch_)?dtype": "float32"/, 'its config says what it is now');

# ---- the same again -------------------------------------------------------

my @mixture = (@pairs, '--data', 'triples.tsv', '--epochs', 2);
train('one', @mixture);
train('two', @mixture);
is(weights('one'), weights('two'), 'a seed gives the same bits');
train('three', @mixture, '--seed', 7);
isnt(weights('one'), weights('three'), 'another seed gives others');

# Compressed files are the rows that they hold.
system("xz -k pairs.tsv && zstd -q triples.tsv") == 0 or die;
train('packed', '--data', 'pairs.tsv.xz', '--data', 'triples.tsv.zst', '--epochs', 2);
is(weights('packed'), weights('one'), 'compressed files give the same bits');

# ---- stopping -------------------------------------------------------------

# Starts a run and sends it the signal once it has made some steps.
sub interrupt
{
	my ($signal, @arguments) = @_;
	my $log = 'stopped.training/training_log.jsonl';
	my $pid = start_angle('/dev/null', @arguments, '--output', 'stopped');

	Time::HiRes::sleep(0.005)
	  until (-e $log && -s $log > 2000) || waitpid($pid, 1) == $pid;
	kill $signal, $pid;
	waitpid($pid, 0);
	return $? & 127;
}

my @long = (@short, @mixture, '--epochs', 60, '--save-steps', 7, '--eval', 'pairs.tsv',
	'--eval-steps', 5);
my ($long_status) = angle(@long, '--output', 'whole');
is($long_status, '0', 'a long run');
is(interrupt('TERM', @long), 15, 'a signal ends a run');
like(listing('stopped.training'), qr/checkpoint\.safetensors/, 'and leaves a checkpoint');
ok(!-e 'stopped', 'but no model');
refuses('a new run in its place', qr/--resume goes on with it, --restart forgets it/,
	@long, '--output', 'stopped');
refuses('resuming with other settings', qr/a run with other settings/,
	@long, '--output', 'stopped', '--resume', '--learning-rate', '1e-3');
my ($resumed, undef, $message) = angle(@long, '--output', 'stopped', '--resume');
is($resumed, '0', 'the run goes on') or diag($message);
is(weights('stopped'), weights('whole'), 'and ends with the same bits');
refuses('resuming nothing', qr/there is no checkpoint/, @long, '--output', 'new', '--resume');

# ---- ways to train --------------------------------------------------------

my @whole = train('batch', @pairs, '--dropout', 0);
my @cut = train('mini', @pairs, '--dropout', 0, '--mini-batch', 3);
for my $i (0 .. $#whole)
{
	next if abs($whole[$i]{loss} - $cut[$i]{loss}) < 1e-4;
	fail("step $i: $cut[$i]{loss} instead of $whole[$i]{loss}");
}
is(scalar @cut, scalar @whole, 'mini-batches make the same steps');
@cut = train('dropped', @pairs, '--mini-batch', 3);
@whole = train('dropped-whole', @pairs);
cmp_ok(abs($whole[-1]{loss} - $cut[-1]{loss}), '<', 1e-3, 'under dropout, too');
is(scalar(train('accumulated', @pairs, '--accumulate', 2)), 4, 'two batches make a step');
train('lengths', @pairs, '--matryoshka', '8,4');
my @espresso = train('layers', @pairs, '--elastic', 8);
my @plain = train('layers-only', @pairs, '--elastic', 8, '--compression-weight', 0);
cmp_ok($espresso[0]{loss}, '>', $plain[0]{loss}, 'principal components are learned, too');
train('taught', @pairs, '--teacher', 'first.angle', '--distill-mse', 1,
	'--distill-similarity', 1);
my @patient = train('patient', @pairs, '--epochs', 20, '--learning-rate', 0,
	'--eval', 'pairs.tsv', '--eval-steps', 3, '--patience', 2);
cmp_ok($patient[-1]{step}, '==', 9, 'patience ends');

my @free = train('free', @pairs, '--dropout', 0, '--clip', 0.01);
my @normal = train('normal', @pairs, '--dropout', 0, '--clip', 0.01, '--normalize');
is($free[-1]{norm}, $normal[-1]{norm}, 'longer gradients are cut as before')
  or diag('the norms of this model are above the limit in each step');

# A retrieval set counts beside labelled pairs.
my $retrieval = "$GOLDEN/eval/retrieval";
my @ranked = grep { $_->{scores} } train('ranked', @pairs, '--eval', 'pairs.tsv',
	'--eval-retrieval', $retrieval, '--eval-split', 'test', '--steps', 4);
is_deeply([sort keys %{$ranked[-1]{scores}}], ['pairs', 'retrieval'], 'both sets are measured');
cmp_ok(abs($ranked[-1]{score} - ($ranked[-1]{scores}{pairs} + $ranked[-1]{scores}{retrieval}) / 2),
	'<', 1e-6, 'their mean counts');
my ($evaluated, $report) = angle('eval', '--json', '--model', $model, '--retrieval', $retrieval);
cmp_ok(abs(JSON::PP::decode_json($report)->{retrieval}[0]{'ndcg@10'} * 100
	- $ranked[0]{scores}{retrieval}), '<', 1e-3, 'angle eval gives the same');

# ---- refusals -------------------------------------------------------------

refuses('an output that is there', qr/"first" exists already/,
	@short, @pairs, '--output', 'first');
spit('bad.tsv', "sentence1\tsentence2\tscore\na\tb\t1\na\tb\n");
refuses('a short row', qr/bad\.tsv".*line 3/, @short, '--data', 'bad.tsv', '--output', 'x');
refuses('no data', qr/"--data" is needed/, @short, '--output', 'x');
refuses('too many tokens', qr/the model takes \d+ tokens/,
	@short, @pairs, '--output', 'x', '--max-tokens', 5000);
refuses('a split of pairs', qr/"--eval-split" must stand behind/,
	@short, @pairs, '--output', 'x', '--eval', 'pairs.tsv', '--eval-split', 'dev');
refuses('a split that is not there', qr/no qrels of the split "dev"/,
	@short, @pairs, '--output', 'x', '--eval-retrieval', $retrieval, '--eval-split', 'dev');
refuses('a norm that is none', qr/"--normalize" needs a norm/,
	@short, @pairs, '--output', 'x', '--normalize', '--clip', 0);
refuses('odd lengths', qr/even number of dimensions/,
	@short, @pairs, '--output', 'x', '--matryoshka', 7);
refuses('an unknown preset', qr/"--preset" must be/,
	@short, @pairs, '--output', 'x', '--preset', 'best');
refuses('a teacher without a weight', qr/"--teacher" goes with/,
	@short, @pairs, '--output', 'x', '--teacher', 'first.angle');
refuses('a gradient that explodes', qr/the gradient is not finite/,
	@short, @pairs, '--output', 'x', '--learning-rate', 1000, '--clip', 0, '--epochs', 20,
	'--save-steps', 1000);
ok(!-e 'x' && !-e 'x.training', 'a run that failed leaves nothing');

done_testing();
