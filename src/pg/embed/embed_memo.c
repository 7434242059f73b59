#include "postgres.h"

#include "utils/memutils.h"

#include "pg/embed/embed_memo.h"
#include "pg/model/registry.h"

#define MEMOS_MAX 2

AngleEmbedMemo *
angle_embed_memos(FmgrInfo *flinfo, int count)
{
	AngleEmbedMemo *memos = flinfo->fn_extra;

	Assert(count <= MEMOS_MAX);
	if (memos == NULL)
	{
		memos = MemoryContextAllocZero(flinfo->fn_mcxt, count * sizeof(*memos));
		for (int i = 0; i < count; i++)
			memos[i].context = AllocSetContextCreate(
				flinfo->fn_mcxt, "angle memo", ALLOCSET_SMALL_SIZES);
		flinfo->fn_extra = memos;
	}
	return memos;
}

static bool
same_prompt(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
memo_matches(const AngleEmbedMemo *memo, const AngleEmbedCall *call,
			 AngleBytes content)
{
	return memo->result != NULL && memo->call.model == call->model &&
		   memo->epoch == angle_registry_epoch() &&
		   memo->call.dimensions == call->dimensions &&
		   same_prompt(memo->call.prompt, call->prompt) &&
		   angle_bytes_equal(memo->content, content);
}

static void
memo_store(AngleEmbedMemo *memo, const AngleEmbedCall *call, AngleBytes content,
		   const float *embedding)
{
	AngleVector *result;
	MemoryContext old;

	memo->result = NULL;
	MemoryContextReset(memo->context);
	old = MemoryContextSwitchTo(memo->context);
	memo->call = *call;
	memo->epoch = angle_registry_epoch();
	if (call->prompt != NULL)
		memo->call.prompt = pstrdup(call->prompt);
	memo->content.data =
		memcpy(palloc(content.size + 1), content.data, content.size);
	memo->content.size = content.size;
	result = angle_vector_new(call->dimensions);
	memcpy(result->x, embedding, sizeof(float) * call->dimensions);
	angle_vector_check_finite(result);
	memo->result = result;
	MemoryContextSwitchTo(old);
}

void
angle_embed_memos_fill(AngleEmbedMemo *memos, const AngleEmbedCall *call,
					   const AngleBytes *texts, int count)
{
	AngleBytes missing[MEMOS_MAX];
	int places[MEMOS_MAX];
	int n = 0;
	float *vectors;

	for (int i = 0; i < count; i++)
	{
		if (memo_matches(&memos[i], call, texts[i]))
			continue;
		missing[n] = texts[i];
		places[n++] = i;
	}
	if (n == 0)
		return;
	vectors = palloc(sizeof(float) * call->dimensions * n);
	angle_embed_call_run(call, missing, n, vectors);
	for (int i = 0; i < n; i++)
		memo_store(&memos[places[i]], call, missing[i],
				   vectors + (size_t) i * call->dimensions);
	pfree(vectors);
}
