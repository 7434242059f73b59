/*
 * The last texts that a call site embedded. The executor evaluates a STABLE call
 * with constant arguments once for every row of a sequential scan; with this,
 * `ORDER BY embedding <=> angle_embed('a question')` without an index runs the
 * encoder once.
 */
#ifndef ANGLE_EMBED_MEMO_H
#define ANGLE_EMBED_MEMO_H

#include "pg/embed/embed_call.h"
#include "pg/type/vector.h"

/* One text and its embedding. */
typedef struct AngleEmbedMemo
{
	AngleEmbedCall call;
	uint64_t epoch; /* of the registry, when call.model was open */
	AngleBytes content;
	AngleVector *result;   /* NULL: nothing is known yet */
	MemoryContext context; /* holds what the fields above point to */
} AngleEmbedMemo;

/* The memos of a call site, which always asks for the same number. */
AngleEmbedMemo *angle_embed_memos(FmgrInfo *flinfo, int count);

/* Makes memos[i] that of texts[i]; those that are not yet are embedded in one
 * run. Their results belong to the memos. count is at most 2. */
void angle_embed_memos_fill(AngleEmbedMemo *memos, const AngleEmbedCall *call,
							const AngleBytes *texts, int count);

#endif
