#include "core/encoder/hub_tokenizer.h"

AngleStatus
angle_hub_tokenizer(const AngleHubModel *hub, AngleArena *arena,
					AngleBytes *image, AngleTokenizer **tokenizer,
					AngleError *err)
{
	const AngleTokenizerFiles files = {
		.tokenizer_json = hub->tokenizer_json,
		.vocab_txt = hub->vocab_txt,
		.tokenizer_config_json = hub->tokenizer_config_json,
		.special_tokens_map_json = hub->special_tokens_map_json,
		.added_tokens_json = hub->added_tokens_json,
	};
	AngleStatus status = angle_tokenizer_build(&files, arena, image, err);

	if (status == ANGLE_OK)
		status = angle_tokenizer_open(*image, arena, tokenizer, err);
	if (status != ANGLE_OK)
		angle_prefix(err, "directory \"%s\"", hub->directory);
	return status;
}
