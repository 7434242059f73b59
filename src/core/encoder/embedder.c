/*
 * Texts are cut into groups of about one batch of tokens; a group is a task of
 * the executor: its texts are tokenized, encoded and pooled by one worker in
 * memory of its own. So memory follows the size of a group, not of the request,
 * and no thread waits for another inside a layer. Only where there are fewer
 * groups than workers do these share the layers.
 */
#include "core/encoder/embedder.h"

#include <stdatomic.h>
#include <string.h>

#include "core/encoder/bert.h"
#include "core/encoder/pooling.h"
#include "core/tensor/kernels.h"

/* Enough rows for the products to reach their full speed, few enough for the
 * states to stay in the cache. */
#define BATCH_TOKENS 512

/* Fewer are worked on by all threads together: weights are read once for all. */
#define LEAST_TOKENS 64

/* Bytes of a text that make a token, roughly: only to balance the groups. */
#define BYTES_PER_TOKEN 4

typedef struct Worker
{
	AngleArena *arena;
	AngleStatus status;
	AngleError err;
} Worker;

typedef struct Job
{
	const AngleModel *model;
	const AngleEmbedRequest *request;
	AngleExecutor *team; /* whose workers share each text, or NULL */
	AnglePrompt prompt;
	size_t dimensions;
	float *out;
	const size_t *groups; /* first text of each group, and the end */
	Worker *workers;
	atomic_bool failed;
} Job;

AngleStatus
angle_embed_dimensions(const AngleModel *model,
					   const AngleEmbedRequest *request, int *dimensions,
					   AngleError *err)
{
	int own = angle_model_config(model)->dimensions;

	if (request->dimensions < 0 || request->dimensions > own)
		return angle_fail(
			err, ANGLE_INVALID_ARGUMENT,
			"dimensions must be between 1 and the model's %d, not %d", own,
			request->dimensions);
	*dimensions = request->dimensions == 0 ? own : request->dimensions;
	return ANGLE_OK;
}

/* Lays out the tokens of texts one after another. */
static AngleStatus
make_batch(const AngleTokens *tokens, size_t texts, AngleArena *arena,
		   AngleBatch *batch, AngleError *err)
{
	size_t *starts = angle_arena_alloc(arena, texts + 1, sizeof(size_t));
	int32_t *ids;

	if (starts == NULL)
		return angle_no_memory(err);
	starts[0] = 0;
	for (size_t i = 0; i < texts; i++)
		starts[i + 1] = starts[i] + tokens[i].count;
	ids = angle_arena_alloc(arena, starts[texts], sizeof(int32_t));
	if (ids == NULL)
		return angle_no_memory(err);
	for (size_t i = 0; i < texts; i++)
		memcpy(ids + starts[i], tokens[i].ids,
			   tokens[i].count * sizeof(int32_t));
	*batch = (AngleBatch){.texts = texts, .ids = ids, .starts = starts};
	return ANGLE_OK;
}

/* Encodes and pools texts whose tokens are known. */
static AngleStatus
embed_batch(const Job *job, const AngleTokens *tokens, size_t texts, float *out,
			AngleArena *arena, AngleError *err)
{
	const AngleModelConfig *config = angle_model_config(job->model);
	AngleBertRun run = {.executor = job->team, .cancel = job->request->cancel};
	AngleBatch batch;
	float *scratch;
	const float *states = NULL;

	ANGLE_TRY(make_batch(tokens, texts, arena, &batch, err));
	run.workspace = angle_arena_alloc(
		arena, 1,
		angle_bert_workspace_size(config, &batch,
								  angle_executor_workers(job->team)));
	scratch =
		angle_arena_alloc(arena, angle_pool_scratch(config), sizeof(float));
	if (run.workspace == NULL || scratch == NULL)
		return angle_no_memory(err);
	ANGLE_TRY(angle_bert_forward(job->model, &batch, &run, &states, err));
	for (size_t i = 0; i < texts; i++)
	{
		AngleTokenStates text = {
			.rows = states +
					batch.starts[i] * angle_padded((size_t) config->hidden),
			.stride = angle_padded((size_t) config->hidden),
			.count = tokens[i].count,
			/* without a prompt the first special token is pooled, too */
			.prompt_count =
				job->prompt.prefix[0] != '\0' ? tokens[i].prompt_count : 0,
		};

		angle_pool(job->model, &text, (int) job->dimensions, scratch,
				   out + i * job->dimensions);
	}
	return ANGLE_OK;
}

static AngleStatus
tokenize(const Job *job, size_t text, AngleArena *arena, AngleTokens *tokens,
		 AngleError *err)
{
	const AngleTokenizerInput input = {
		.prefix = angle_bytes_of(job->prompt.prefix),
		.text = job->request->texts[text],
		.suffix = angle_bytes_of(job->prompt.suffix),
		.max_tokens = (size_t) angle_model_config(job->model)->max_tokens,
	};
	AngleStatus status =
		angle_tokenizer_encode(angle_model_tokenizer(job->model), &input,
							   job->request->cancel, arena, tokens, err);

	if (status == ANGLE_INVALID_TEXT && job->request->count > 1)
		angle_prefix(err, "text %zu", text + 1);
	return status;
}

static AngleStatus
embed_group(const Job *job, size_t first, size_t last, Worker *worker)
{
	AngleArena *arena = worker->arena;
	AngleTokens *tokens =
		angle_arena_alloc(arena, last - first, sizeof(AngleTokens));

	if (tokens == NULL)
		return angle_no_memory(&worker->err);
	for (size_t i = first; i < last; i++)
		ANGLE_TRY(tokenize(job, i, arena, &tokens[i - first], &worker->err));
	for (size_t i = first; i < last;)
	{
		size_t begin = i;
		size_t count = 0;

		do
			count += tokens[i++ - first].count;
		while (i < last && count + tokens[i - first].count <= BATCH_TOKENS);
		ANGLE_TRY(embed_batch(job, tokens + (begin - first), i - begin,
							  job->out + begin * job->dimensions, arena,
							  &worker->err));
	}
	return ANGLE_OK;
}

static void
run_group(void *context, size_t index, int number)
{
	Job *job = context;
	Worker *worker = &job->workers[number];

	if (atomic_load(&job->failed))
		return;
	angle_arena_reset(worker->arena);
	worker->status =
		embed_group(job, job->groups[index], job->groups[index + 1], worker);
	if (worker->status != ANGLE_OK)
		atomic_store(&job->failed, true);
}

static size_t
estimated_tokens(const Job *job, size_t text)
{
	size_t tokens = job->request->texts[text].size / BYTES_PER_TOKEN + 2;
	size_t most = (size_t) angle_model_config(job->model)->max_tokens;

	return tokens < most ? tokens : most;
}

/* Tokens at which a group is full, so that every worker gets as much as the
 * others; few texts stay together, for a team. */
static size_t
tokens_of_groups(const Job *job, int workers)
{
	size_t round = (size_t) workers * BATCH_TOKENS;
	size_t total = 0;
	size_t rounds;
	size_t tokens;

	for (size_t i = 0; i < job->request->count; i++)
		total += estimated_tokens(job, i);
	rounds = (total + round - 1) / round;
	tokens = rounds == 0 ? 0 : total / (rounds * (size_t) workers);
	return tokens > LEAST_TOKENS ? tokens : LEAST_TOKENS;
}

/* Fills groups (at most count + 1 entries) and returns how many there are. */
static size_t
make_groups(const Job *job, int workers, size_t *groups)
{
	size_t full = tokens_of_groups(job, workers);
	size_t made = 0;
	size_t tokens = 0;

	for (size_t i = 0; i < job->request->count; i++)
	{
		size_t more = estimated_tokens(job, i);

		if (i == 0 || tokens >= full || tokens + more > BATCH_TOKENS)
		{
			groups[made++] = i;
			tokens = 0;
		}
		tokens += more;
	}
	groups[made] = job->request->count;
	return made;
}

/* Helper threads must not use the caller's allocator, which belongs to the
 * caller's thread; they get the C library's. */
static AngleStatus
start_workers(Job *job, int count, AngleArena *scratch, AngleError *err)
{
	job->workers = angle_arena_zalloc(scratch, (size_t) count, sizeof(Worker));
	if (job->workers == NULL)
		return angle_no_memory(err);
	for (int i = 0; i < count; i++)
	{
		job->workers[i].arena =
			angle_arena_create(i == 0 ? angle_arena_allocator(scratch) : NULL);
		if (job->workers[i].arena == NULL)
			return angle_no_memory(err);
	}
	return ANGLE_OK;
}

/* The error of the first worker that failed for itself. */
static AngleStatus
end_workers(Job *job, int count, AngleError *err)
{
	AngleStatus status = ANGLE_OK;

	for (int i = 0; job->workers != NULL && i < count; i++)
	{
		if (status == ANGLE_OK && job->workers[i].status != ANGLE_OK)
		{
			status = job->workers[i].status;
			if (err != NULL)
				*err = job->workers[i].err;
		}
		angle_arena_destroy(job->workers[i].arena);
	}
	return status;
}

/* Where there is no group for each worker, as with a question, they go through
 * the layers of each group together. */
static void
run_groups(Job *job, size_t groups, int workers)
{
	if (groups >= (size_t) workers)
	{
		angle_executor_run(job->request->executor, groups, run_group, job);
		return;
	}
	for (size_t i = 0; i < groups; i++)
	{
		job->team = angle_executor_offers_team(job->request->executor)
						? job->request->executor
						: NULL;
		run_group(job, i, 0);
	}
}

AngleStatus
angle_embed_texts(const AngleModel *model, const AngleEmbedRequest *request,
				  AngleArena *scratch, float *out, AngleError *err)
{
	Job job = {.model = model, .request = request, .out = out};
	int workers = angle_executor_workers(request->executor);
	int dimensions = 0;
	size_t *groups;
	AngleStatus status;

	ANGLE_TRY(angle_embed_dimensions(model, request, &dimensions, err));
	ANGLE_TRY(angle_prompt_resolve(angle_model_config(model), request->prompt,
								   scratch, &job.prompt, err));
	job.dimensions = (size_t) dimensions;
	groups = angle_arena_alloc(scratch, request->count + 1, sizeof(size_t));
	if (groups == NULL)
		return angle_no_memory(err);
	job.groups = groups;
	status = start_workers(&job, workers, scratch, err);
	if (status == ANGLE_OK)
		run_groups(&job, make_groups(&job, workers, groups), workers);
	else
	{
		(void) end_workers(&job, workers, NULL);
		return status;
	}
	return end_workers(&job, workers, err);
}
