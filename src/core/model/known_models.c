/* What the repositories of the AnglE models, and copies of them, leave out. */
#include <string.h>
#include <strings.h>

#include "core/model/hub_parts.h"

static const AnglePrompt retrieval[] = {
	{"query", "Represent this sentence for searching relevant passages: ", ""},
};

/* From the model cards of WhereIsAI/UAE-Large-V1 (copies: odunola/UAE-Large-VI,
 * karrar-alwaili/UAE-Large-V1), mixedbread-ai/mxbai-embed-large-v1 and
 * SeanLee97/angle-bert-base-uncased-nli-en-v1, and for
 * SeanLee97/angle-roberta-wwm-base-zhnli-v1, angle_emb's default. */
static const AngleKnownModel known_models[] = {
	{"UAE-Large-V1", ANGLE_POOLING_CLS, 1, retrieval},
	{"UAE-Large-VI", ANGLE_POOLING_CLS, 1, retrieval},
	{"mxbai-embed-large-v1", ANGLE_POOLING_CLS, 1, retrieval},
	{"angle-bert-base-uncased-nli-en-v1", ANGLE_POOLING_CLS_AVG, 0, NULL},
	{"angle-roberta-wwm-base-zhnli-v1", ANGLE_POOLING_CLS, 0, NULL},
};

/* The last component of path that ends at end; moves end before it. */
static AngleBytes
take_component(const char *path, const char **end)
{
	const char *stop = *end;
	const char *start;

	while (stop > path && stop[-1] == '/')
		stop--;
	start = stop;
	while (start > path && start[-1] != '/')
		start--;
	*end = start;
	return (AngleBytes){(const uint8_t *) start, (size_t) (stop - start)};
}

/* The part of a component that names the model. */
static AngleBytes
model_name(const char *path)
{
	const char *end = path + strlen(path);
	AngleBytes name = take_component(path, &end);

	if (!angle_bytes_equal(take_component(path, &end),
						   angle_bytes_of("snapshots")))
		return name;
	name = take_component(path, &end);
	for (size_t i = name.size; i > 1; i--)
	{
		if (name.data[i - 1] == '-' && name.data[i - 2] == '-')
			return (AngleBytes){name.data + i, name.size - i};
	}
	return name;
}

const AngleKnownModel *
angle_known_model(const char *path)
{
	AngleBytes name = model_name(path);

	for (size_t i = 0; i < sizeof(known_models) / sizeof(known_models[0]); i++)
	{
		const AngleKnownModel *known = &known_models[i];

		if (name.size == strlen(known->name) &&
			strncasecmp((const char *) name.data, known->name, name.size) == 0)
			return known;
	}
	return NULL;
}
