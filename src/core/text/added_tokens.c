#include "core/text/added_tokens.h"

static const uint8_t *
entry_at(const AngleAddedSet *set, uint32_t index)
{
	return set->entries.data + (size_t) index * ANGLE_ADDED_ENTRY_SIZE;
}

static AngleBytes
entry_text(const AngleAddedSet *set, uint32_t index)
{
	const uint8_t *entry = entry_at(set, index);

	return (AngleBytes){set->strings.data + angle_load_u32(entry),
						angle_load_u32(entry + 4)};
}

static bool
is_before(AngleBytes a, AngleBytes b)
{
	int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);

	return order < 0 || (order == 0 && a.size < b.size);
}

static AngleStatus
check_entry(const AngleAddedSet *set, uint32_t index, uint32_t vocab_size,
			AngleError *err)
{
	const uint8_t *entry = entry_at(set, index);
	uint32_t size = angle_load_u32(entry + 4);
	AngleBytes text;

	if (size == 0 || size > ANGLE_MAX_ADDED_BYTES ||
		!angle_slice(set->strings, angle_load_u32(entry), size, &text) ||
		angle_load_u32(entry + 8) >= vocab_size ||
		(angle_load_u32(entry + 12) & ~ANGLE_ADDED_FLAGS_ALL) != 0)
		return angle_fail(err, ANGLE_CORRUPT,
						  "entry %u of the tokenizer's added tokens is invalid",
						  index);
	if (index > 0 && !is_before(entry_text(set, index - 1), text))
		return angle_fail(
			err, ANGLE_CORRUPT,
			"entry %u of the tokenizer's added tokens is out of order", index);
	return ANGLE_OK;
}

AngleStatus
angle_added_open(AngleBytes entries, AngleBytes strings, uint32_t vocab_size,
				 AngleAddedSet *set, AngleError *err)
{
	*set = (AngleAddedSet){
		.entries = entries,
		.strings = strings,
		.count = (uint32_t) (entries.size / ANGLE_ADDED_ENTRY_SIZE),
	};
	for (uint32_t i = 0; i < set->count; i++)
	{
		AngleBytes text;

		ANGLE_TRY(check_entry(set, i, vocab_size, err));
		text = entry_text(set, i);
		set->first[text.data[0]] = true;
		if (text.size > set->longest)
			set->longest = (uint32_t) text.size;
	}
	return ANGLE_OK;
}

/* The first entry in [low, high) whose byte at depth is at least byte; all of
 * them begin with the same depth bytes. */
static uint32_t
lower_bound(const AngleAddedSet *set, uint32_t low, uint32_t high, size_t depth,
			int byte)
{
	while (low < high)
	{
		uint32_t middle = low + (high - low) / 2;
		AngleBytes text = entry_text(set, middle);

		if ((text.size > depth ? text.data[depth] : -1) < byte)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool
angle_added_match(const AngleAddedSet *set, AngleByteSource text, size_t index,
				  AngleAddedMatch *match)
{
	uint32_t low = 0;
	uint32_t high = set->count;
	bool found = false;

	for (size_t depth = 0;; depth++)
	{
		int byte = text.byte(text.context, index + depth);

		if (byte < 0)
			break;
		low = lower_bound(set, low, high, depth, byte);
		high = lower_bound(set, low, high, depth, byte + 1);
		if (low == high)
			break;
		if (entry_text(set, low).size == depth + 1)
		{
			const uint8_t *entry = entry_at(set, low);

			found = true;
			*match = (AngleAddedMatch){depth + 1,
									   (int32_t) angle_load_u32(entry + 8),
									   angle_load_u32(entry + 12)};
		}
	}
	return found;
}
