#!/usr/bin/perl
# From model directories to packed files and to safetensors.
use strict;
use warnings;
use File::Path qw(make_path);
use FindBin;
use lib $FindBin::RealBin;
use JSON::PP ();
use Test::More;
use Tool;

my $dense = "$GOLDEN/encoder/local/dense";
my $torch = "$GOLDEN/encoder/SeanLee97/angle-bert-base-uncased-nli-en-v1";

sub about
{
	my ($path) = @_;
	my ($status, $out, $err) = angle('inspect', '--json', $path);
	return $status eq '0' ? JSON::PP::decode_json($out) : {error => $err};
}

# ---- packed files ---------------------------------------------------------

succeeds('pack', 'convert', $dense, 'dense.angle');
succeeds('pack as f32', 'convert', '--quantize', 'f32', $dense, 'dense-f32.angle');
is(about('dense.angle')->{quantization}, 'int8', 'int8 is the default');
is(about('dense-f32.angle')->{quantization}, 'f32', 'f32 on demand');
is((stat 'dense.angle')[2] & 0777, 0666 & ~umask, 'the file has ordinary permissions');

succeeds('pack again', 'convert', $dense, 'again.angle');
ok(slurp('again.angle') eq slurp('dense.angle'), 'packing twice gives the same bytes');

succeeds('pack with another pooling', 'convert', '--pooling', 'max', $dense, 'max.angle');
is(about('max.angle')->{pooling}, 'max', 'the pooling is that of the option');

# ---- pytorch_model.bin ----------------------------------------------------

succeeds('pack a .bin', 'convert', $torch, 'bin.angle');
is(about('bin.angle')->{pooling}, 'cls_avg', 'its pooling comes from its name on the hub');
succeeds('turn a .bin into safetensors',
	'convert', '--format', 'safetensors', $torch, 'SeanLee97/angle-bert-base-uncased-nli-en-v1')
	if make_path('SeanLee97');
is(listing('SeanLee97/angle-bert-base-uncased-nli-en-v1'),
	'config.json model.safetensors special_tokens_map.json tokenizer.json '
	  . 'tokenizer_config.json vocab.txt',
	'the directory is complete');
succeeds('pack that', 'convert', 'SeanLee97/angle-bert-base-uncased-nli-en-v1', 'safe.angle');
ok(slurp('bin.angle') eq slurp('safe.angle'), 'both ways give the same bytes');
rename 'SeanLee97/angle-bert-base-uncased-nli-en-v1', 'renamed';
succeeds('pack under another name', 'convert', '--model-name',
	'SeanLee97/angle-bert-base-uncased-nli-en-v1', 'renamed', 'named.angle');
ok(slurp('named.angle') eq slurp('bin.angle'), '--model-name stands for the path');

# ---- directories of several folders and shards ----------------------------

succeeds('copy a model with a dense layer', 'convert', '--format', 'safetensors', $dense, 'dense');
is(listing('dense'), '1_Pooling 2_Dense config.json model.safetensors modules.json '
	  . 'sentence_bert_config.json tokenizer.json tokenizer_config.json',
	'the folders of its modules are there');
is_deeply(safetensors('dense/2_Dense/model.safetensors'),
	safetensors("$dense/2_Dense/model.safetensors"), 'with the weights of the layer');
succeeds('pack the copy', 'convert', 'dense', 'copy.angle');
ok(slurp('copy.angle') eq slurp('dense.angle'), 'the copy is the same model');

succeeds('join shards', 'convert', '--format', 'safetensors',
	"$GOLDEN/encoder/local/sharded", 'sharded');
unlike(listing('sharded'), qr/index|-of-/, 'no shard and no index is left');
succeeds('pack the shards', 'convert', "$GOLDEN/encoder/local/sharded", 'shards.angle');
succeeds('pack the joined', 'convert', 'sharded', 'joined.angle');
ok(slurp('shards.angle') eq slurp('joined.angle'), 'the joined model is the same');

# ---- what exists is not lost ----------------------------------------------

sub fails
{
	my ($name, $pattern, @arguments) = @_;
	my ($status, $out, $err) = angle(@arguments);
	is($status, 1, "$name: status");
	like($err, qr/^angle: $pattern/, "$name: message");
}

spit('mine', 'precious');
system('cp', '-r', "$GOLDEN/encoder/WhereIsAI/UAE-Large-V1", 'broken');
spit('broken/tokenizer.json', '{');
my $before = listing();
fails('a broken tokenizer', 'directory "broken": file "tokenizer.json" is not valid JSON: line 1: ',
	'convert', 'broken', 'new');
fails('existing file', '"mine" exists already\nhint: .*--force', 'convert', $dense, 'mine');
is(slurp('mine'), 'precious', 'it is untouched');
fails('existing directory', '"dense" exists already',
	'convert', '--format', 'safetensors', $torch, 'dense');
fails('a failure', '.*config\.json', 'convert', '--force', "$GOLDEN/encoder/local", 'mine');
is(slurp('mine'), 'precious', 'a failed --force leaves the old file');
fails('a directory for a file', '"dense" is not a regular file',
	'convert', '--force', $torch, 'dense');
fails('a device without --force', '"/dev/null" is not a regular file', 'convert', $torch, '/dev/null');
fails('a device', '"/dev/null" is not a regular file', 'convert', '--force', $torch, '/dev/null');
fails('no model there', 'directory "." is not a model and is not replaced',
	'convert', '--force', '--format', 'safetensors', $torch, '.');
fails('onto itself', 'a model cannot be converted onto itself',
	'convert', '--force', '--format', 'safetensors', 'dense', 'dense/');
fails('no such directory', '"gone" is not a directory\nhint:', 'convert', 'gone', 'x');
fails('nowhere to write', 'could not write "gone/x": No such file', 'convert', $dense, 'gone/x');
is(listing(), $before, 'failures leave no files');

succeeds('--force replaces a file', 'convert', '--force', $dense, 'mine');
ok(slurp('mine') eq slurp('dense.angle'), 'by the new one');
succeeds('--force replaces a model', 'convert', '--force', '--format', 'safetensors',
	$torch, 'dense');
ok(!-e 'dense/2_Dense', 'as a whole');
is(listing(), $before, 'and leaves no other files');

done_testing();
