# angle_embed_table() beside other sessions: several at once, cancelled, killed,
# resumed; locked rows; who may; what others see of it.
use strict;
use warnings;
use FindBin;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'restart_after_crash = on');
$node->start;
my $rows = 5000;
$node->safe_psql('postgres', qq{
	CREATE EXTENSION angle;
	CREATE TABLE doc (id int PRIMARY KEY, body text, embedding angle_vector(384));
	INSERT INTO doc SELECT i, CASE WHEN i % 10 > 0 THEN 'this is the text of row ' || i END
		FROM generate_series(1, $rows) AS i});
my $texts = $rows * 0.9;
my $call = q{CALL angle_embed_table('doc', 'embedding', 'body')};
my $state = q{SELECT count(embedding) FROM doc};
my $busy = q{SELECT count(*) = %d FROM angle_stat_progress_embed WHERE rows_embedded > 0};
my ($rc, $out, $err);

# A call in the background. Returns the handle and a reference to its messages.
sub start_call
{
	my ($sql) = @_;
	my $messages = '';
	my $run = IPC::Run::start([ 'psql', '-qXd', $node->connstr('postgres'), '-c', $sql // $call ],
		'<', \undef, '>', \$messages, '2>', \$messages);
	return ($run, \$messages);
}

sub wait_until_busy
{
	my ($sessions) = @_;
	$node->poll_query_until('postgres', sprintf $busy, $sessions)
	  or die 'no progress is seen';
	return;
}

# ---- what others see, a cancel, and going on
my ($run, $messages) = start_call();
wait_until_busy(1);
is($node->safe_psql('postgres', q{SELECT datname, relid::regclass, rows_total,
	rows_embedded % 128 = 0, rows_passed BETWEEN 1 AND rows_total
	FROM angle_stat_progress_embed}), "postgres|doc|$texts|t|t", 'others see how far it is');
is($node->safe_psql('postgres', 'SELECT count(*) FROM angle_stat_progress_load'), '0',
	'and take it for no load of a model');
$node->safe_psql('postgres', q{SET lock_timeout = '10s';
	UPDATE doc SET body = 'changed meanwhile' WHERE id = 2999;
	INSERT INTO doc VALUES (10001, 'inserted meanwhile')});
$node->safe_psql('postgres', 'SELECT pg_cancel_backend(pid) FROM angle_stat_progress_embed');
$run->finish;
like($$messages, qr/NOTICE:  table "doc": $texts rows want an embedding/, 'it says what it begins');
like($$messages, qr/ERROR:  canceling statement due to user request/, 'it can be cancelled');
my $done = $node->safe_psql('postgres', $state);
cmp_ok($done, '>=', 128, 'what was committed stays');
cmp_ok($done, '<', $texts, 'and the rest is left');
is($node->safe_psql('postgres', 'SELECT count(*) FROM angle_stat_progress_embed'), '0',
	'nothing is under way any more');

# ---- a server that is killed
($run, $messages) = start_call();
wait_until_busy(1);
$node->stop('immediate');
$run->finish;
$node->start;
my $more = $node->safe_psql('postgres', $state);
cmp_ok($more, '>', $done, 'a crash keeps what was committed');

# ---- two at once, to the end
my @runs = map { [ start_call() ] } 1 .. 2;
wait_until_busy(2);
my $sum = 0;
for (@runs)
{
	ok($_->[0]->finish, 'a session that shares the work ends well');
	like(${ $_->[1] }, qr/NOTICE:  table "doc": \d+ rows embedded in [\d.]+ s/, 'and says what it did');
	$sum += $1 if ${ $_->[1] } =~ /: (\d+) rows embedded in/;
}
is($node->safe_psql('postgres', $state), $texts + 1, 'all rows are done');
is($sum, $texts + 1 - $more, 'none of them twice');
is($node->safe_psql('postgres', q{SELECT count(*) FROM doc
	WHERE embedding <> angle_embed(body) AND id % 7 = 0}), '0', 'each by its own text');
is($node->safe_psql('postgres', q{SELECT embedding = angle_embed('changed meanwhile')
	FROM doc WHERE id = 2999}), 't', 'a change meanwhile is not lost');

# ---- rows that another session holds are passed over, and told of
$node->safe_psql('postgres', 'UPDATE doc SET embedding = NULL WHERE id <= 50');
my $holder = $node->background_psql('postgres');
$holder->query_safe('BEGIN; SELECT * FROM doc WHERE id BETWEEN 1 AND 5 FOR UPDATE');
($rc, $out, $err) = $node->psql('postgres', $call);
is($rc, 0, 'it does not wait for a lock');
like($err, qr/DETAIL:  5 rows still want an embedding/, 'and tells what is left');
$holder->query_safe('ROLLBACK');
$node->safe_psql('postgres', $call);
is($node->safe_psql('postgres', $state), $texts + 1, 'which the next call does');

# A foreign key to a row of the batch does not wait.
$node->safe_psql('postgres', q{CREATE TABLE part (doc int REFERENCES doc);
	UPDATE doc SET embedding = NULL});
($run, $messages) = start_call();
wait_until_busy(1);
is($node->safe_psql('postgres', qq{SET lock_timeout = 1;
	INSERT INTO part SELECT id FROM doc WHERE id <= $rows; SELECT count(*) FROM part}), $rows,
	'rows can be referred to meanwhile');

# ---- what changes under it
$node->safe_psql('postgres', q{ALTER TABLE doc RENAME TO renamed;
	CREATE TABLE doc (id int, body text, embedding angle_vector(384));
	INSERT INTO doc VALUES (1, 'not this one')});
is($node->safe_psql('postgres', 'SELECT relid::regclass FROM angle_stat_progress_embed'),
	'renamed', 'it stays with the table when that is renamed');
$node->safe_psql('postgres', 'DROP TABLE renamed CASCADE');
$run->finish;
like($$messages, qr/ERROR:  the table to embed, with OID \d+, does not exist any more/,
	'and ends when it is dropped');
is($node->safe_psql('postgres', $state), '0', 'the table that took its name is left alone');

# ---- a model of the database, whose file has to be made between two commits, and
# which is dropped
my $hub = "$FindBin::RealBin/../golden/encoder/local/dense";
$node->safe_psql('postgres', qq{
	SELECT angle_load_model('m', '$hub');
	CREATE TABLE by_m AS SELECT 'text ' || i AS body, NULL::angle_vector AS embedding
		FROM generate_series(1, 300) AS i});
unlink glob($node->data_dir . '/pg_angle/*');
my $by_m = q{CALL angle_embed_table('by_m', 'embedding', 'body', 'm')};
$node->safe_psql('postgres', $by_m);
is($node->safe_psql('postgres', q{SELECT count(*) FROM by_m WHERE embedding = angle_embed(body, 'm')}),
	'300', 'a model of the database serves');
$node->safe_psql('postgres', q{CREATE FUNCTION drop_m() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM angle_drop_model('m') FROM angle_models WHERE name = 'm';
		RETURN NULL;
	END $$;
	UPDATE by_m SET embedding = NULL;
	CREATE TRIGGER drop_m AFTER UPDATE ON by_m EXECUTE FUNCTION drop_m()});
($rc, $out, $err) = $node->psql('postgres', $by_m);
like($err, qr/ERROR:  model "m" does not exist/, 'a model that is dropped meanwhile ends it');
is($node->safe_psql('postgres', 'SELECT count(embedding) FROM by_m'), '128',
	'after the batch in which it was');

# ---- an index on what is to be done
$node->safe_psql('postgres', q{
	TRUNCATE doc;
	INSERT INTO doc SELECT i, NULL, NULL FROM generate_series(1, 20000) AS i;
	UPDATE doc SET embedding = array_fill(1, ARRAY[384])::angle_vector WHERE id % 1000 > 0;
	INSERT INTO doc VALUES (1, 'x'), (20001, 'y');
	CREATE INDEX ON doc (id) WHERE embedding IS NULL;
	ANALYZE doc});
like($node->safe_psql('postgres', q{EXPLAIN SELECT count(*), min(ctid), max(ctid) FROM doc
	WHERE embedding IS NULL AND body IS NOT NULL}), qr/Index/, 'finds it');
$node->safe_psql('postgres', $call);
is($node->safe_psql('postgres', 'SELECT id FROM doc WHERE body IS NOT NULL AND embedding IS NOT NULL
	ORDER BY id'), "1\n20001", 'and it is done');

# ---- who may: the rights are the caller's
$node->safe_psql('postgres', q{
	TRUNCATE doc;
	CREATE ROLE reader LOGIN;
	CREATE ROLE editor LOGIN;
	INSERT INTO doc VALUES (1, 'one'), (2, 'two');
	GRANT SELECT ON doc TO reader, editor;
	GRANT UPDATE (embedding) ON doc TO editor});
($rc, $out, $err) = $node->psql('postgres', $call, extra_params => [ '-U', 'reader' ]);
like($err, qr/permission denied for table doc/, 'who may not update may not embed');
$node->safe_psql('postgres', q{ALTER TABLE doc ENABLE ROW LEVEL SECURITY;
	CREATE POLICY second ON doc USING (id = 2)});
$node->safe_psql('postgres', $call, extra_params => [ '-U', 'editor' ]);
is($node->safe_psql('postgres', 'SELECT id FROM doc WHERE embedding IS NOT NULL'), '2',
	'to update the column is enough, and policies apply');

done_testing();
