/* angle embed: lines of text to embeddings. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/executor.h"
#include "core/base/file.h"
#include "core/encoder/embedder.h"
#include "trainer/command.h"
#include "trainer/interrupt.h"
#include "trainer/line_reader.h"
#include "trainer/model_source.h"
#include "trainer/output.h"
#include "trainer/processors.h"
#include "trainer/progress.h"
#include "trainer/vector_writer.h"

/* A batch ends with either: enough lines to fill the processors and to sort
 * by length, little enough text to hold in memory. */
#define BATCH_LINES 1024
#define BATCH_BYTES ((size_t) 4 << 20)

typedef struct Arguments
{
	const char *model;
	const char *prompt;
	const char *output; /* NULL: standard output */
	AngleOverwrite overwrite;
	AngleVectorFormat format;
	int dimensions; /* 0: the model's own */
	int threads;
	int column; /* from 1; 0: the whole line */
	char *const *files;
	int file_count;
} Arguments;

/* Where a text comes from, for messages. */
typedef struct Place
{
	const char *file;
	unsigned long long line;
} Place;

/* Everything that one run works with. */
typedef struct Session
{
	const Arguments *arguments;
	const AngleModel *model;
	AngleEmbedRequest request;
	AngleVectorWriter writer;
	AngleLineReader reader;
	AngleProgress progress;
	AngleArena *texts;	 /* of one batch */
	AngleArena *scratch; /* of one batch */
	AngleBytes *batch;	 /* (batch_lines) */
	Place *places;		 /* (batch_lines) */
	size_t batch_lines;
	float *vectors; /* (batch_lines, dimensions) */
} Session;

/* ---- arguments ---------------------------------------------------------- */

static const struct option options[] = {
	{"column", required_argument, NULL, 'c'},
	{"dimensions", required_argument, NULL, 'd'},
	{"force", no_argument, NULL, 'f'},
	{"format", required_argument, NULL, 'F'},
	{"help", no_argument, NULL, ANGLE_OPTION_HELP},
	{"model", required_argument, NULL, 'm'},
	{"output", required_argument, NULL, 'o'},
	{"prompt", required_argument, NULL, 'p'},
	{"threads", required_argument, NULL, 't'},
	{NULL, 0, NULL, 0},
};

static void
read_option(int option, Arguments *arguments)
{
	const AngleCommand *command = &angle_embed_command;

	switch (option)
	{
		case 'c':
			arguments->column =
				angle_command_number(command, "--column", optarg, 1, 10000);
			break;
		case 'd':
			arguments->dimensions =
				angle_command_number(command, "--dimensions", optarg, 1, 16000);
			break;
		case 'f':
			arguments->overwrite = ANGLE_OVERWRITE_ALLOW;
			break;
		case 'F':
			if (!angle_vector_format_from_name(optarg, &arguments->format))
				angle_usage_error(command,
								  "\"--format\" must be text, copy or npy, not "
								  "\"%s\"",
								  optarg);
			break;
		case 'm':
			arguments->model = optarg;
			break;
		case 'o':
			arguments->output = optarg;
			break;
		case 'p':
			arguments->prompt = optarg;
			break;
		case 't':
			arguments->threads = angle_command_number(
				command, "--threads", optarg, 1, ANGLE_MAX_THREADS);
			break;
	}
}

static void
read_arguments(int argc, char **argv, Arguments *arguments)
{
	const AngleCommand *command = &angle_embed_command;
	int option;

	*arguments = (Arguments){.format = ANGLE_VECTORS_TEXT};
	while ((option = angle_command_option(command, argc, argv, options)) != -1)
		read_option(option, arguments);
	if (arguments->model == NULL)
		angle_usage_error(command, "\"--model\" is needed");
	if (arguments->threads == 0)
		arguments->threads = angle_processor_count();
	arguments->files = argv + optind;
	arguments->file_count = argc - optind;
}

/* ---- a batch ------------------------------------------------------------ */

/* The wanted column of a line; false if the line has fewer. */
static bool
select_column(AngleBytes *line, int column)
{
	const uint8_t *end = line->data + line->size;
	const uint8_t *tab = NULL;

	for (int i = 1; column > 0 && i <= column; i++)
	{
		if (i > 1)
		{
			if (tab == NULL)
				return false;
			line->data = tab + 1;
			line->size = (size_t) (end - line->data);
		}
		tab = line->size > 0 ? memchr(line->data, '\t', line->size) : NULL;
	}
	if (column > 0 && tab != NULL)
		line->size = (size_t) (tab - line->data);
	return true;
}

static AngleStatus
add_line(Session *session, AngleBytes line, size_t *count, AngleError *err)
{
	char *copy;

	if (!select_column(&line, session->arguments->column))
		return angle_fail(err, ANGLE_INVALID_ARGUMENT,
						  "file \"%s\", line %llu: there is no column %d",
						  session->reader.name,
						  (unsigned long long) session->reader.line,
						  session->arguments->column);
	copy =
		angle_arena_strdup(session->texts, (const char *) line.data, line.size);
	if (copy == NULL)
		return angle_no_memory(err);
	session->places[*count] =
		(Place){session->reader.name, session->reader.line};
	session->batch[(*count)++] =
		(AngleBytes){(const uint8_t *) copy, line.size};
	return ANGLE_OK;
}

static AngleStatus
read_batch(Session *session, size_t *count, bool *end, AngleError *err)
{
	size_t bytes = 0;

	angle_arena_reset(session->texts);
	*count = 0;
	*end = false;
	while (*count < session->batch_lines && bytes < BATCH_BYTES)
	{
		AngleBytes line;

		ANGLE_TRY(angle_lines_next(&session->reader, &line, end, err));
		if (*end)
			break;
		bytes += line.size;
		ANGLE_TRY(add_line(session, line, count, err));
	}
	return ANGLE_OK;
}

/* Says which line of a batch is not UTF-8. */
static AngleStatus
find_invalid(Session *session, size_t count, AngleError *err)
{
	const AngleTokenizer *tokenizer = angle_model_tokenizer(session->model);

	for (size_t i = 0; i < count; i++)
	{
		AngleTokenizerInput input = {.text = session->batch[i]};
		AngleTokens tokens;

		angle_arena_reset(session->scratch);
		if (angle_tokenizer_encode(tokenizer, &input, NULL, session->scratch,
								   &tokens, err) != ANGLE_INVALID_TEXT)
			continue;
		angle_prefix(err, "file \"%s\", line %llu", session->places[i].file,
					 session->places[i].line);
		break;
	}
	return ANGLE_INVALID_TEXT;
}

static AngleStatus
embed_batch(Session *session, size_t count, AngleError *err)
{
	AngleStatus status;

	session->request.texts = session->batch;
	session->request.count = count;
	angle_arena_reset(session->scratch);
	status = angle_embed_texts(session->model, &session->request,
							   session->scratch, session->vectors, err);
	if (status == ANGLE_INVALID_TEXT)
		return find_invalid(session, count, err);
	ANGLE_TRY(status);
	return angle_vectors_write(&session->writer, session->vectors, count, err);
}

static AngleStatus
embed_lines(Session *session, AngleError *err)
{
	const AngleLineReader *reader = &session->reader;
	bool end = false;

	while (!end)
	{
		size_t count;

		ANGLE_TRY(read_batch(session, &count, &end, err));
		if (count > 0)
			ANGLE_TRY(embed_batch(session, count, err));
		/* someone may be waiting for the answer to the line */
		if (session->batch_lines == 1)
			fflush(session->writer.stream);
		angle_progress_update(&session->progress,
							  reader->size > 0
								  ? (double) angle_lines_done(reader) /
										(double) reader->size
								  : -1,
							  session->writer.count);
	}
	return angle_vectors_finish(&session->writer, err);
}

/* ---- a run -------------------------------------------------------------- */

static AngleStatus
allocate(Session *session, int dimensions, AngleArena *arena, AngleError *err)
{
	session->batch =
		angle_arena_alloc(arena, session->batch_lines, sizeof(AngleBytes));
	session->places =
		angle_arena_alloc(arena, session->batch_lines, sizeof(Place));
	session->vectors = angle_arena_alloc(
		arena, session->batch_lines * (size_t) dimensions, sizeof(float));
	if (session->batch == NULL || session->places == NULL ||
		session->vectors == NULL || session->texts == NULL ||
		session->scratch == NULL)
		return angle_no_memory(err);
	return ANGLE_OK;
}

/* Progress would be in the way of lines that are typed on the terminal, and of
 * embeddings that are shown there. */
static bool
terminal_is_free(const Session *session)
{
	return session->batch_lines > 1 &&
		   (session->arguments->output != NULL || isatty(STDOUT_FILENO) != 1);
}

/* Embeds into stream, with the arenas and the executor of the session. */
static AngleStatus
embed_to(Session *session, FILE *stream, AngleArena *arena, AngleError *err)
{
	const Arguments *arguments = session->arguments;
	AngleStatus status;
	int dimensions;

	ANGLE_TRY(angle_embed_dimensions(session->model, &session->request,
									 &dimensions, err));
	ANGLE_TRY(allocate(session, dimensions, arena, err));
	ANGLE_TRY(angle_vectors_start(&session->writer, stream, arguments->format,
								  dimensions, err));
	angle_lines_open(&session->reader, arguments->files, arguments->file_count,
					 session->request.cancel);
	if (terminal_is_free(session))
		angle_progress_start(&session->progress, "embedding", "lines");
	status = embed_lines(session, err);
	angle_progress_end(&session->progress, status == ANGLE_OK,
					   session->writer.count);
	angle_lines_close(&session->reader);
	return status;
}

/* One line at a time for a person at a terminal, many for the rest. */
static size_t
lines_per_batch(const Arguments *arguments)
{
	bool terminal = arguments->file_count == 0 && isatty(STDIN_FILENO) == 1;

	return terminal ? 1 : BATCH_LINES;
}

static AngleStatus
embed_with(const Arguments *arguments, const AngleModel *model, FILE *stream,
		   AngleArena *arena, AngleError *err)
{
	Session session = {
		.arguments = arguments,
		.model = model,
		.request = {.prompt = arguments->prompt,
					.dimensions = arguments->dimensions,
					.cancel = angle_interrupt_cancel()},
		.texts = angle_arena_create(NULL),
		.scratch = angle_arena_create(NULL),
		.batch_lines = lines_per_batch(arguments),
	};
	AngleStatus status = angle_executor_start(arguments->threads, arena,
											  &session.request.executor, err);

	if (status == ANGLE_OK)
		status = embed_to(&session, stream, arena, err);
	angle_executor_stop(session.request.executor);
	angle_arena_destroy(session.texts);
	angle_arena_destroy(session.scratch);
	return status;
}

static AngleStatus
embed_to_file(const Arguments *arguments, const AngleModel *model,
			  AngleArena *arena, AngleError *err)
{
	AngleOutput output;
	AngleStatus status;

	ANGLE_TRY(angle_output_begin(arguments->output, ANGLE_OUTPUT_FILE,
								 arguments->overwrite, arena, &output, err));
	status = embed_with(arguments, model, output.stream, arena, err);
	if (status != ANGLE_OK)
	{
		angle_output_name_failure(&output, err);
		angle_output_discard(&output);
		return status;
	}
	return angle_output_commit(&output, err);
}

static AngleStatus
check_terminal(const Arguments *arguments, AngleError *err)
{
	if (arguments->output != NULL || arguments->format == ANGLE_VECTORS_TEXT ||
		isatty(STDOUT_FILENO) != 1)
		return ANGLE_OK;
	angle_fail(err, ANGLE_INVALID_ARGUMENT,
			   "binary output is not written to a terminal");
	angle_hint(err, "Name a file with --output FILE, or choose --format text.");
	return ANGLE_INVALID_ARGUMENT;
}

static AngleStatus
run(int argc, char **argv, AngleArena *arena, AngleError *err)
{
	const AnglePackOptions packing = {.quantization = ANGLE_QUANTIZATION_F32,
									  .cancel = angle_interrupt_cancel()};
	Arguments arguments;
	AngleModel *model;
	AngleBytes image;
	AngleStatus status;

	read_arguments(argc, argv, &arguments);
	ANGLE_TRY(check_terminal(&arguments, err));
	ANGLE_TRY(angle_source_map(arguments.model, &packing, arena, &image, err));
	status = angle_model_open(image, ANGLE_PACKED_CHECK_CONTENT,
							  angle_interrupt_cancel(), arena, &model, err);
	if (status != ANGLE_OK)
		angle_prefix(err, "model \"%s\"", arguments.model);
	else if (arguments.output == NULL)
		status = embed_with(&arguments, model, stdout, arena, err);
	else
		status = embed_to_file(&arguments, model, arena, err);
	angle_file_unmap(&image);
	return status;
}

const AngleCommand angle_embed_command = {
	"embed",
	"--model PATH [OPTION]… [FILE]…",
	"turn lines of text into embeddings",
	"Reads the FILEs, or standard input where there are none or one is \"-\", and\n"
	"writes one embedding for each line, in their order.\n\n"
	"Options:\n"
	"  --model PATH       a packed file or a model directory, by its path; a\n"
	"                     directory is packed on the fly, as f32, so convert it\n"
	"                     first to use it often\n"
	"  --prompt PROMPT    a prompt of the model by its name, or a template such\n"
	"                     as 'query: {text}'\n"
	"  --dimensions N     only the first N components, normalised again; for\n"
	"                     models trained for it\n"
	"  --column N         the Nth column of tab-separated lines, from 1\n"
	"  --threads N        threads (as many as there are processors)\n"
	"  --format text      [0.1,-0.2] on each line, as angle_vector reads it (the\n"
	"                     default)\n"
	"  --format copy      PostgreSQL's binary COPY of one angle_vector column\n"
	"  --format npy       a NumPy array, float32, one row for each line\n"
	"  --output FILE      write to FILE, which appears when it is complete\n"
	"  --force            replace FILE if it exists\n"
	"  --help             this text\n\n"
	"Lines are UTF-8 and end with a newline, which the last may lack; an empty\n"
	"line is an empty text. What is compressed by xz or zstd is decompressed.\n\n"
	"Examples:\n"
	"  echo 'fear of spiders' | angle embed --model angle-mini.angle\n"
	"  angle embed --model m.angle --format copy titles.txt |\n"
	"    psql -c 'COPY docs (embedding) FROM STDIN (FORMAT binary)'\n",
	NULL,
	run,
};
