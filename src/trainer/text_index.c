#include "trainer/text_index.h"

#include <stdlib.h>
#include <xxhash.h>

#include "core/base/arena.h"

/* The slot of a text: where it stands, or the free one where it would. */
static uint32_t *
find_slot(const AngleTextIndex *index, AngleBytes text)
{
	size_t mask = index->slot_count - 1;
	size_t i = XXH3_64bits(text.size > 0 ? text.data : NULL, text.size) & mask;

	while (index->slots[i] != 0 &&
		   !angle_bytes_equal(index->texts[index->slots[i] - 1], text))
		i = (i + 1) & mask;
	return &index->slots[i];
}

AngleStatus
angle_text_index_build(AngleTextIndex *index, const AngleBytes *texts,
					   size_t count, AngleError *err)
{
	*index = (AngleTextIndex){.texts = texts, .slot_count = 16};
	if (count > UINT32_MAX - 2)
		return angle_fail(err, ANGLE_TOO_LARGE,
						  "there are %zu texts, more than 4,294,967,293",
						  count);
	while (index->slot_count < 2 * count)
		index->slot_count *= 2;
	index->slots = calloc(index->slot_count, sizeof(uint32_t));
	if (index->slots == NULL)
		return angle_no_memory(err);
	for (size_t i = 0; i < count; i++)
	{
		uint32_t *slot = find_slot(index, texts[i]);

		if (*slot == 0)
			*slot = (uint32_t) i + 1;
	}
	return ANGLE_OK;
}

int64_t
angle_text_index_find(const AngleTextIndex *index, AngleBytes text)
{
	return (int64_t) *find_slot(index, text) - 1;
}

void
angle_text_index_free(AngleTextIndex *index)
{
	free(index->slots);
	index->slots = NULL;
}
