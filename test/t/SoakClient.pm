# One client of the soak test: a process that sends statements of every kind,
# drawn from a seed, and sorts what comes back into right answers, ends that were
# to be expected, and faults.
package SoakClient;
use strict;
use warnings;
use FindBin;
use IPC::Open2;
use JSON::PP ();
use Time::HiRes qw(time);

# The models that stay, and one that comes and goes under the others' feet.
our @MODELS = qw(angle-mini stored dense sharded);
our $VISITOR = 'visitor';
our $TEXTS = 40;

my $HUB = "$FindBin::RealBin/../golden/encoder";

# What a cancel, a timeout, a termination and a model that is away look like; the
# first that matches counts.
my @EXPECTED = (
	cancelled => qr/^ERROR:  canceling statement due to user request/,
	timed_out => qr/^ERROR:  canceling statement due to statement timeout/,
	terminated => qr/terminating connection due to administrator command/,
	away => qr/^ERROR:  model "(visitor|own_\d+)" does not exist/,
	there => qr/^ERROR:  model "(visitor|own_\d+)" already exists/,
	# the rest of a transaction, also of one whose BEGIN timed out, or of a session
	# whose PREPARE was cancelled
	followed => qr/^(ERROR:  (current transaction is aborted|prepared statement)|WARNING:  there is no transaction in progress)/,
	lost => qr/^(psql:.*)?(server closed the connection|\t|(no )?connection to (the )?server)/,
);

# ---- statements ------------------------------------------------------------

my $number;

sub pick { return $_[ int rand @_ ] }

sub range
{
	my ($most) = @_;
	my $first = 1 + int rand $TEXTS;
	return "id BETWEEN $first AND " . ($first + int rand $most);
}

# Says whether the column same is true in all rows.
sub verdict
{
	my ($what, $rows) = @_;
	$what =~ s/'/''/g;
	return qq{SELECT CASE WHEN bool_and(same) THEN 'right ' || count(*)
		ELSE 'WRONG: $what, texts ' || string_agg(id::text, ' ')
			FILTER (WHERE same IS NOT TRUE) END FROM ($rows) AS r};
}

# The embeddings of some texts by a call for each, made of the expression.
sub one_by_one
{
	my ($model, $call, $most) = @_;
	my $texts = range($most);
	return verdict($call, qq{SELECT id, angle_vector_send($call) = bits AS same
		FROM answer WHERE model = '$model' AND $texts});
}

sub scalar_job
{
	my $model = pick(@MODELS);
	return one_by_one($model, "angle_embed(body, '$model')", 8);
}

sub setting_job
{
	my $model = pick(@MODELS);
	return "SET angle.model = '$model';\n"
	  . one_by_one($model, 'angle_embed(body)', 8) . ";\nRESET angle.model";
}

sub constant_job
{
	my $model = pick(@MODELS);
	return verdict("constant, $model",
		qq{SELECT id, bits = angle_vector_send(angle_embed('a short text', '$model'))
			AS same FROM answer WHERE model = '$model' AND body = 'a short text'});
}

sub array_job
{
	my $model = pick(@MODELS);
	my $threads = pick(1, 2);
	my $texts = range($TEXTS);
	return "SET angle.threads = $threads;\n" . verdict("array, $model, $threads",
		qq{SELECT id, angle_vector_send(e) = bits AS same FROM (
			SELECT unnest(ids) AS id, unnest(bits) AS bits, unnest(e) AS e FROM (
				SELECT array_agg(id ORDER BY id) AS ids,
					array_agg(bits ORDER BY id) AS bits,
					angle_embed(array_agg(body ORDER BY id), '$model') AS e
				FROM answer WHERE model = '$model' AND $texts) AS a) AS b});
}

sub prepared_job
{
	my $model = pick(@MODELS);
	return "EXECUTE embed('$model', " . (1 + int rand $TEXTS) . ')';
}

sub token_job
{
	my $model = pick(@MODELS);
	my $texts = range(6);
	return verdict("tokens, $model", qq{SELECT id, tokens =
			(SELECT md5(string_agg(t::text, ',')) FROM angle_tokens(body, '$model') AS t)
			AND token_count = angle_token_count(body, '$model') AS same
		FROM answer WHERE model = '$model' AND $texts});
}

sub chunk_job
{
	my $model = pick(@MODELS);
	my $texts = range(6);
	return verdict("chunks, $model", qq{SELECT id, chunks IS NOT DISTINCT FROM
			(SELECT md5(string_agg(c::text, ','))
			FROM angle_chunks(body, '$model', 12, 2) AS c) AS same
		FROM answer WHERE model = '$model' AND $texts});
}

sub parallel_job
{
	my $model = pick(@MODELS);
	return "SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0;
		SET parallel_tuple_cost = 0;\n"
	  . one_by_one($model, "angle_embed(body, '$model')", $TEXTS)
	  . ";\nRESET min_parallel_table_scan_size; RESET parallel_setup_cost;
		RESET parallel_tuple_cost";
}

sub generated_job
{
	my $texts = range(5);
	return "BEGIN;
		INSERT INTO note (id, body) SELECT id, body FROM answer
			WHERE model = 'dense' AND $texts;\n"
	  . verdict('generated', q{SELECT id, angle_vector_send(embedding) = bits AS same
			FROM note JOIN answer USING (id) WHERE model = 'dense'})
	  . ";\nROLLBACK";
}

sub timeout_job
{
	my $after = 1 + int rand 40;
	return "SET statement_timeout = $after;\n"
	  . pick(\&array_job, \&scalar_job, \&load_job, \&parallel_job)->()
	  . ";\nRESET statement_timeout";
}

sub load_job
{
	my $name = pick($VISITOR, "own_$number");
	my $end = pick('COMMIT', 'COMMIT', 'ROLLBACK');
	return "SELECT angle_drop_model('$name');
		BEGIN;
		SELECT angle_load_model('$name', '$HUB/local/sharded', 'f32');\n"
	  . visit($name) . ";\n$end;\n" . visit($name);
}

# It is another file of the weights of "sharded", or it is away.
sub visit
{
	my ($name) = @_;
	my $texts = range(5);
	return verdict($name, qq{SELECT id, bits = angle_vector_send(
			angle_embed(body, '$name')) AS same
		FROM answer WHERE model = 'sharded' AND $texts});
}

sub visitor_job { return visit($VISITOR) }

my @JOBS = (
	(\&scalar_job) x 4, (\&array_job) x 4, (\&prepared_job) x 4,
	(\&setting_job) x 2, (\&timeout_job) x 2, (\&visitor_job) x 2,
	\&constant_job, \&token_job, \&chunk_job, \&parallel_job,
	\&generated_job, \&load_job);

# ---- the session -----------------------------------------------------------

my ($psql, $to, $from);

# The prepared statement compares by itself.
sub connect_psql
{
	my ($connection, $name) = @_;
	local $ENV{PGAPPNAME} = $name;
	local $ENV{PGCONNECT_TIMEOUT} = 60;
	$psql = open2($from, $to, "exec psql -XAtq -d '$connection' 2>&1");
	$to->autoflush(1);
	return ask("\\set VERBOSITY terse
		PREPARE embed(text, int) AS SELECT CASE
			WHEN angle_vector_send(angle_embed(body, \$1)) = bits THEN 'right 1'
			ELSE 'WRONG: prepared, text ' || \$2 END
		FROM answer WHERE model = \$1 AND id = \$2");
}

# The lines that the statements print; the last one is undef if the session ended.
sub ask
{
	my ($sql) = @_;
	my @lines;
	local $SIG{PIPE} = 'IGNORE';
	print $to "$sql;\n\\echo ----\n";
	while (defined(my $line = <$from>))
	{
		chomp $line;
		return @lines if $line eq '----';
		push @lines, $line;
	}
	close $to;
	close $from;
	waitpid $psql, 0;
	$psql = undef;
	return (@lines, undef);
}

sub count_line
{
	my ($count, $sql, $line) = @_;
	return $count->{sessions}++ unless defined $line;
	return $count->{answers} += $1 if $line =~ /^right (\d+)$/;
	return if $line eq '';
	for (my $i = 0; $i < @EXPECTED; $i += 2)
	{
		return $count->{ $EXPECTED[$i] }++ if $line =~ $EXPECTED[ $i + 1 ];
	}
	push @{ $count->{faults} }, "$line, after: $sql";
	return;
}

# Until the time comes, as a client of this number; returns what it counted.
# A client called steady is never terminated, one called mortal is.
sub soak
{
	my ($connection, $kind, $client, $seed, $until) = @_;
	my $count = { answers => 0, statements => 0, faults => [] };
	$number = $client;
	srand($seed * 1000 + $client);
	while (time < $until && @{ $count->{faults} } < 20)
	{
		if (!defined $psql)
		{
			count_line($count, 'connect', $_)
			  for connect_psql($connection, "$kind $client");
			next;
		}
		my $sql = pick(@JOBS)->();
		count_line($count, $sql, $_) for ask($sql);
		$count->{statements}++;
	}
	return $count unless defined $psql;
	count_line($count, 'SELECT 1', $_) for grep { defined && $_ ne '1' } ask('SELECT 1');
	close $to if defined $psql;
	return $count;
}

# In a process of its own, which leaves the count in the file.
sub start
{
	my ($file, @arguments) = @_;
	my $pid = fork // die "cannot fork: $!";
	return $pid if $pid;
	my $count = eval { soak(@arguments) } // { faults => [ "died: $@" ] };
	open my $out, '>', $file or die "cannot write $file: $!";
	print $out JSON::PP::encode_json($count);
	close $out;
	require POSIX;
	POSIX::_exit(0);
}

1;
