# Models in the database: loaded, used, dropped; by whom; and what is refused.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Models;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION angle');

my $dense = hub('local/dense');
my $sharded = hub('local/sharded');
my $packed = PostgreSQL::Test::Utils::tempdir() . '/dense.angle';
command_ok([ $node->config_data('--bindir') . '/angle', 'convert', $dense, $packed ],
	'the directory can be packed');

sub load
{
	my ($name, $from, @more) = @_;
	return $node->safe_psql('postgres',
		"SELECT angle_load_model('$name', '$from')", @more);
}

# ---- load and use
load('dense', $dense);
my $bits = bits($node, 'dense');
like($bits, qr/^[0-9a-f]{32}$/, 'a loaded model embeds');
is(bits($node, 'dense'), $bits, 'another backend gets the same');
load('packed', $packed);
is(bits($node, 'packed'), $bits, 'a packed file gives the same model');
is(scalar(images($node)), 1, 'and shares the file');
is($node->safe_psql('postgres', q{
	SELECT name, dimensions, quantization, owner = current_user, users, location,
		sha256 = (SELECT sha256 FROM angle_models WHERE name = 'packed')
	FROM angle_models WHERE name = 'dense'}),
	'dense|18|int8|t|{public}|database|t', 'the view shows it');
$node->safe_psql('postgres',
	"SELECT angle_load_model('f32', '$dense', 'f32')");
is($node->safe_psql('postgres',
		q{SELECT quantization FROM angle_models WHERE name = 'f32'}),
	'f32', 'in single precision, too');

# ---- a parallel worker, an index build and COPY read the tables
$node->safe_psql('postgres', q{
	CREATE TABLE doc (id serial PRIMARY KEY, body text,
		embedding angle_vector(18) GENERATED ALWAYS AS
			(angle_embed(body, 'dense')) STORED);
	INSERT INTO doc (body) SELECT 'text ' || i FROM generate_series(1, 200) AS i;
	CREATE INDEX doc_expression ON doc ((angle_embed(body, model => 'dense')))});
is($node->safe_psql('postgres', q{
	SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
	SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off;
	SELECT count(*) FROM doc WHERE embedding = angle_embed(body, 'dense')}),
	'200', 'parallel workers open the model');
is($node->safe_psql('postgres', qq{
	BEGIN;
	SELECT angle_load_model('own', '$dense');
	SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
	SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off;
	SELECT count(*) FROM doc WHERE embedding = angle_embed(body, 'own');
	ROLLBACK}) =~ /200/ ? 1 : 0, 1, 'also one of the own transaction');

# ---- rollback
my @before = images($node);
my $session = $node->background_psql('postgres', on_error_stop => 0);
$session->query("BEGIN; SELECT angle_load_model('gone', '$sharded')");
like($session->query(q{SELECT md5(angle_embed('a text', 'gone')::text)}),
	qr/[0-9a-f]{32}/, 'the transaction that loads a model can use it');
is($node->safe_psql('postgres',
		q{SELECT count(*) FROM angle_models WHERE name = 'gone'}),
	'0', 'others do not see it before the commit');
$session->query('ROLLBACK');
like(error_of($node, q{SELECT angle_embed('x', 'gone')}),
	qr/42704: model "gone" does not exist/, 'nor after a rollback');
unlike($session->query(q{SELECT md5(angle_embed('a text', 'gone')::text)}),
	qr/^[0-9a-f]{32}/, 'nor does the session itself');
is_deeply([ images($node) ], \@before, 'whose file is gone');
$session->query("BEGIN; SAVEPOINT s; SELECT angle_load_model('gone', '$sharded');
	ROLLBACK TO s; COMMIT");
is_deeply([ images($node) ], \@before, 'as after a rollback to a savepoint');

# ---- two at once
$session->query("BEGIN; SELECT angle_load_model('race', '$sharded')");
my $other = $node->background_psql('postgres', on_error_stop => 0);
$other->query_until(qr/started/,
	"\\echo started\nSELECT angle_load_model('race', '$sharded');\n");
$node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_locks
	WHERE NOT granted}) or die 'the second load does not wait';
$session->query('COMMIT');
$other->query('SELECT 1');
like($other->{stderr}, qr/model "race" already exists/,
	'a second load of a name waits and is refused');
$other->quit;
is($node->safe_psql('postgres', q{SELECT count(*) FROM _angle.model
	WHERE name = 'race'}), '1', 'there is one');

# ---- sessions notice a drop and a new model of the name
my $old = bits($node, 'race');
like($session->query(q{SELECT md5(angle_embed('a text', 'race')::text)}),
	qr/$old/, 'a session has the model open');
$node->safe_psql('postgres', "SELECT angle_drop_model('race')");
unlike($session->query(q{SELECT md5(angle_embed('a text', 'race')::text)}),
	qr/$old/, 'it is gone there when it is dropped');
load('race', $dense);
like($session->query(q{SELECT md5(angle_embed('a text', 'race')::text)}),
	qr/$bits/, 'and is another one when one is loaded');
$session->quit;
is_deeply([ images($node) ], \@before, 'a dropped model leaves no file');

# ---- what cannot be dropped
my $used = error_of($node, "SELECT angle_drop_model('dense')");
like($used, qr/2BP01: cannot drop model "dense"/, 'a model in use stays');
like($used, qr/column embedding of table doc/, 'the generated column is named');
like($used, qr/index doc_expression/, 'and the index');
like(error_of($node, "SELECT angle_drop_model('angle-mini')"),
	qr/42809: model "angle-mini" is not in the database/, 'a file is not dropped');
is($node->safe_psql('postgres', q{
	CREATE TABLE named (body text CHECK (angle_token_count(body, 'f32') < 9),
		size int DEFAULT angle_token_count('x', 'f32'));
	CREATE VIEW seen AS SELECT angle_embed(body, 'f32') FROM doc;
	CREATE VIEW unseen AS SELECT angle_embed('f32', 'packed')}), '', 'uses');
$used = error_of($node, "SELECT angle_drop_model('f32')");
like($used, qr/$_/, "$_ is a use")
  for 'constraint named_body_check', 'default value for column size',
  'view seen';
unlike($used, qr/unseen/, 'a text that equals the name is none');
$node->safe_psql('postgres', "SELECT angle_drop_model('f32', force => true)");
like(error_of($node, 'SELECT * FROM seen'), qr/42704/, 'but force drops it');

# ---- what is refused
like(error_of($node, "SELECT angle_load_model('dense', '$dense')"),
	qr/42710: model "dense" already exists/, 'a name is taken once');
like(error_of($node, "SELECT angle_load_model('angle-mini', '$dense')"),
	qr/42710: model "angle-mini" already exists/, 'a file has a name as well');
like(error_of($node, "SELECT angle_load_model('../x', '$dense')"),
	qr/42602: invalid model name/, 'no path is a name');
like(error_of($node, "SELECT angle_load_model('x', '$dense', 'int3')"),
	qr/22023: unknown quantization "int3"/, 'nor anything a quantization');
like(error_of($node, "SELECT angle_load_model('x', '$packed', 'f32')"),
	qr/22023: the packed model/, 'a packed file has its own');
like(error_of($node, "SELECT angle_load_model('x', '/nowhere')"),
	qr/58P01: /, 'a directory has to exist');
like(error_of($node, 'SELECT angle_load_model(\'x\', \''
		. hub('SeanLee97/angle-bert-base-uncased-nli-en-v1') . '\')'),
	qr/pytorch_model\.bin/, 'the server reads no pickles');
like(error_of($node, 'BEGIN READ ONLY; ' . "SELECT angle_load_model('x', '$dense')"),
	qr/25006: /, 'nothing is loaded in a read-only transaction');
like(error_of($node, q{UPDATE _angle.model SET sha256 = sha256('x')}),
	qr/55000: a loaded model is never changed in place/, 'a model stays as it is');
is_deeply([ drafts($node) ], [], 'no attempt leaves a file');

done_testing();
