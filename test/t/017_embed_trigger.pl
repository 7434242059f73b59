# Embeddings that the schema keeps, by triggers, generated columns and indexes,
# with a model of the database: who may write, what dumps and subscribers get.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Models;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 'logical');
$node->start;
my $sharded = hub('local/sharded');
my $schema = q{
	CREATE TABLE article (id int PRIMARY KEY, title varchar(40), body text, note text,
		embedding angle_vector,
		by_column angle_vector GENERATED ALWAYS AS (angle_embed(body, 'm')) STORED);
	CREATE TRIGGER embed BEFORE INSERT OR UPDATE ON article FOR EACH ROW
		EXECUTE FUNCTION angle_embed_trigger('embedding', 'm', 'title', 'body');
	CREATE INDEX by_value ON article ((angle_embed(body, 'm')));
	CREATE INDEX by_meaning ON article USING angle (angle_embed(body, 'm'));};
$node->safe_psql('postgres', qq{
	CREATE EXTENSION angle;
	SELECT angle_load_model('m', '$sharded');
	$schema
	CREATE ROLE writer LOGIN;
	GRANT SELECT, INSERT, UPDATE ON article TO writer});
$node->safe_psql('postgres', q{INSERT INTO article (id, title, body)
	SELECT i, 'title ' || i, 'body ' || i FROM generate_series(1, 30) AS i;
	INSERT INTO article (id) VALUES (31)});

my $right = q{SELECT count(*), count(embedding),
	bool_and(embedding = angle_embed(concat_ws(E'\n', title, body), 'm')),
	bool_and(by_column = angle_embed(body, 'm')) FROM article};
is($node->safe_psql('postgres', $right), '31|30|t|t', 'rows are embedded');
is($node->safe_psql('postgres', q{SET enable_seqscan = off;
	SELECT id FROM article WHERE angle_embed(body, 'm') = angle_embed('body 7', 'm')}),
	'7', 'an expression index finds the text');

my $search = q{SET enable_seqscan = off; SET angle.recall_target = 1;
	SELECT id FROM article ORDER BY angle_embed(body, 'm') <=> angle_embed('body 7', 'm') LIMIT 1};
is($node->safe_psql('postgres', $search), '7', 'and what is near it');

# ---- COPY, in text and in binary
my $folder = PostgreSQL::Test::Utils::tempdir();
for my $format ('text', 'binary')
{
	$node->safe_psql('postgres', qq{
		COPY (SELECT id + 1000, title, body || ' copied' FROM article) TO '$folder/rows' (FORMAT $format);
		COPY article (id, title, body) FROM '$folder/rows' (FORMAT $format)});
	is($node->safe_psql('postgres', "$right WHERE id > 1000"), '31|30|t|t',
		"COPY embeds, $format");
	$node->safe_psql('postgres', 'DELETE FROM article WHERE id > 1000');
}

# ---- the model
my $used = error_of($node, q{SELECT angle_drop_model('m')});
like($used, qr/2BP01: cannot drop model "m"/, 'a model that a schema uses stays');
like($used, qr/trigger embed on table article/, 'the trigger is named');
like($used, qr/column by_column of table article/, 'and the column');
like($used, qr/index $_/, 'and the index') for 'by_value', 'by_meaning';
$node->safe_psql('postgres', q{SELECT angle_revoke_model('m', 'public')});
my @writer = (extra_params => [ '-U', 'writer' ]);
my $denied = error_of($node, q{INSERT INTO article (id, body) VALUES (40, 'x')}, @writer);
like($denied, qr/42501: permission denied for model "m"/, 'who writes must be allowed to use it');
like($denied, qr/CONTEXT:  trigger "embed" of relation "article"/, 'the trigger is told');
$node->safe_psql('postgres', q{SELECT angle_grant_model('m', 'writer')});
is(error_of($node, q{INSERT INTO article (id, body) VALUES (40, 'x')}, @writer), 'no error',
	'and is when it is granted');

# ---- dumps: nothing is embedded again by the trigger, and it goes on
$node->safe_psql('postgres', q{UPDATE article SET embedding = by_column WHERE id = 1});
my $kept = q{SELECT embedding = by_column FROM article WHERE id = 1};
my $all = q{SELECT md5(string_agg(id || coalesce(embedding::text, ''), ',' ORDER BY id)) FROM article};
my $digest = $node->safe_psql('postgres', $all);
for my $format ('plain', 'custom')
{
	my $fresh = PostgreSQL::Test::Cluster->new("restored_$format");
	$fresh->init;
	$fresh->start;
	$fresh->safe_psql('postgres', 'CREATE ROLE writer LOGIN');
	$node->command_ok([ 'pg_dump', "--format=$format", '-f', "$folder/$format", 'postgres' ],
		"$format: dump");
	$fresh->command_ok($format eq 'plain'
		? [ 'psql', '-qXv', 'ON_ERROR_STOP=1', '-f', "$folder/plain", 'postgres' ]
		: [ 'pg_restore', '-e', '-d', 'postgres', "$folder/custom" ], "$format: restore");
	is($fresh->safe_psql('postgres', $all), $digest, "$format: embeddings are the same");
	is($fresh->safe_psql('postgres', $search), '7', "$format: an expression index is made again");
	is($fresh->safe_psql('postgres', $kept), 't', "$format: also one that the trigger did not make");
	$fresh->safe_psql('postgres', q{INSERT INTO article (id, title, body) VALUES (50, 'new', 'row');
		UPDATE article SET title = 'changed' WHERE id = 2});
	is($fresh->safe_psql('postgres', "$right WHERE id IN (2, 50)"), '2|2|t|t',
		"$format: the trigger goes on");
	$fresh->stop;
}

# A dump of the rows alone fires the trigger.
$node->command_ok([ 'pg_dump', '--data-only', '-t', 'article', '-f', "$folder/rows.sql", 'postgres' ],
	'dump of the rows');
$node->safe_psql('postgres', 'DELETE FROM article');
$node->command_ok([ 'psql', '-qXv', 'ON_ERROR_STOP=1', '-f', "$folder/rows.sql", 'postgres' ],
	'and restore');
is($node->safe_psql('postgres', "$right WHERE id = 1"), '1|1|t|t', 'embeds them again');

# ---- a logical subscriber, with a model of other weights under the name, which
# shows who embedded a row
my $copy = PostgreSQL::Test::Cluster->new('copy');
$copy->init;
$copy->start;
my $dense = hub('local/dense');
$copy->safe_psql('postgres', qq{CREATE EXTENSION angle; SELECT angle_load_model('m', '$dense'); $schema});
$node->safe_psql('postgres', 'CREATE PUBLICATION articles FOR TABLE article');
$copy->safe_psql('postgres', sprintf q{CREATE SUBSCRIPTION articles
	CONNECTION '%s dbname=postgres' PUBLICATION articles WITH (copy_data = false)}, $node->connstr);
$copy->wait_for_subscription_sync($node, 'articles');
my $who = q{SELECT embedding = angle_embed(concat_ws(E'\n', title, body), 'm') FROM article WHERE id = };
$node->safe_psql('postgres', q{INSERT INTO article (id, body) VALUES (60, 'first')});
$node->wait_for_catchup('articles');
my $origin = $node->safe_psql('postgres', 'SELECT embedding FROM article WHERE id = 60');
is($copy->safe_psql('postgres', 'SELECT embedding FROM article WHERE id = 60'), $origin,
	'a subscriber gets the embedding with the row');

# Without the column, the subscriber has to make its own.
$node->safe_psql('postgres',
	'ALTER PUBLICATION articles SET TABLE article (id, title, body, note)');
for my $mode ('REPLICA', 'ALWAYS')
{
	my $id = $mode eq 'ALWAYS' ? 62 : 61;
	$copy->safe_psql('postgres', "ALTER TABLE article ENABLE $mode TRIGGER embed");
	$node->safe_psql('postgres', "INSERT INTO article (id, body) VALUES ($id, 'row')");
	$node->safe_psql('postgres', "UPDATE article SET note = 'n' WHERE id = $id");
	$node->wait_for_catchup('articles');
	is($copy->safe_psql('postgres', "$who $id"), 't', "ENABLE $mode: the subscriber embeds by itself");
	$node->safe_psql('postgres', "UPDATE article SET body = 'other' WHERE id = $id");
	$node->wait_for_catchup('articles');
	is($copy->safe_psql('postgres', "$who $id"), 't', "ENABLE $mode: also after an update");
}

done_testing();
