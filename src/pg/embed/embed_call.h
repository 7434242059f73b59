/* What a call that embeds asks for, beside the texts, and its run. */
#ifndef ANGLE_EMBED_CALL_H
#define ANGLE_EMBED_CALL_H

#include "core/encoder/embedder.h"
#include "fmgr.h"

typedef struct AngleEmbedCall
{
	const AngleModel *model;
	const char *prompt; /* as in AngleEmbedRequest */
	int asked;			/* dimensions as in AngleEmbedRequest */
	int dimensions;		/* those of the result */
} AngleEmbedCall;

/* The value of the SQL argument dimensions at position, 0 if it is NULL. Raises
 * ERRCODE_INVALID_PARAMETER_VALUE unless it is positive. */
int angle_embed_call_asked(FunctionCallInfo fcinfo, int position);

/* Fills dimensions in from the other fields. Raises
 * ERRCODE_INVALID_PARAMETER_VALUE if the model has not so many as are asked
 * for. */
void angle_embed_call_measure(AngleEmbedCall *call);

/* Embeds the texts into out (count, call->dimensions); count > 0. Raises the
 * errors of angle_embed_texts(). */
void angle_embed_call_run(const AngleEmbedCall *call, const AngleBytes *texts,
						  size_t count, float *out);

#endif
