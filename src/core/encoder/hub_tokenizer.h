/* The tokenizer of a model directory. */
#ifndef ANGLE_HUB_TOKENIZER_H
#define ANGLE_HUB_TOKENIZER_H

#include "core/model/hub.h"
#include "core/text/tokenizer.h"

/* Builds the image of hub's tokenizer in arena and opens it. Errors: those of
 * angle_tokenizer_build() and angle_tokenizer_open(), with the directory. */
ANGLE_MUST_CHECK AngleStatus angle_hub_tokenizer(const AngleHubModel *hub,
												 AngleArena *arena,
												 AngleBytes *image,
												 AngleTokenizer **tokenizer,
												 AngleError *err);

#endif
