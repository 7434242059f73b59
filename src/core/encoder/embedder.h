/* Texts to embeddings: tokenize, batch by length, run the forward pass, pool. */
#ifndef ANGLE_EMBEDDER_H
#define ANGLE_EMBEDDER_H

#include "core/base/cancel.h"
#include "core/base/executor.h"
#include "core/encoder/model.h"

typedef struct AngleEmbedRequest
{
	const AngleBytes *texts; /* (count) UTF-8 */
	size_t count;
	const char *prompt; /* a prompt's name, a template with "{text}", or NULL
						   for the model's default prompt */
	int dimensions;		/* length of the prefix to keep, re-normalised;
						   0: the model's own */
	AngleExecutor *executor;   /* NULL: the calling thread alone */
	const AngleCancel *cancel; /* NULL: cannot be cancelled */
} AngleEmbedRequest;

/* The length of the embeddings that request will give.
 * Errors: ANGLE_INVALID_ARGUMENT (dimensions out of range). */
ANGLE_MUST_CHECK AngleStatus angle_embed_dimensions(
	const AngleModel *model, const AngleEmbedRequest *request, int *dimensions,
	AngleError *err);

/* Fills out (count, dimensions) with the embeddings of the texts. An embedding
 * does not depend on the other texts of the request, to the last bit. scratch
 * holds tokens and activations; what it needs is bounded by the length of the
 * texts and does not grow with their number beyond a few bytes each.
 * Errors: ANGLE_INVALID_TEXT, ANGLE_INVALID_ARGUMENT (no such prompt; the
 * prompt leaves no room), ANGLE_CANCELLED, ANGLE_NO_MEMORY. */
ANGLE_MUST_CHECK AngleStatus angle_embed_texts(const AngleModel *model,
											   const AngleEmbedRequest *request,
											   AngleArena *scratch, float *out,
											   AngleError *err);

/* The prompt that argument stands for (see AngleEmbedRequest.prompt), in arena;
 * empty prefix and suffix where there is none.
 * Errors: ANGLE_INVALID_ARGUMENT, with the model's prompt names in the hint. */
ANGLE_MUST_CHECK AngleStatus
angle_prompt_resolve(const AngleModelConfig *config, const char *argument,
					 AngleArena *arena, AnglePrompt *prompt, AngleError *err);

/* The tokens of a text that the model takes when the text is stored to be found:
 * its limit, less what the default prompt takes or one called "passage" or
 * "document", if that is longer; special tokens included.
 * Errors: ANGLE_INVALID_TEXT. */
ANGLE_MUST_CHECK AngleStatus angle_prompt_room(const AngleModel *model,
											   AngleArena *scratch,
											   size_t *room, AngleError *err);

#endif
