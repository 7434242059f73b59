#include "core/text/image.h"

/* Hands out the sections of an image in their order. */
typedef struct Cursor
{
	AngleBytes image;
	uint64_t at;
} Cursor;

static uint32_t
header_field(AngleBytes image, int at)
{
	return angle_load_u32(image.data + at);
}

static bool
take_section(Cursor *cursor, uint32_t count, uint32_t entry_size,
			 AngleBytes *section)
{
	uint64_t size = (uint64_t) count * entry_size;

	if (!angle_slice(cursor->image, cursor->at, size, section))
		return false;
	cursor->at += size;
	return true;
}

static AngleStatus
fail_corrupt(AngleError *err, const char *what)
{
	return angle_fail(err, ANGLE_CORRUPT, "tokenizer image: %s", what);
}

static AngleStatus
check_header(AngleBytes image, AngleError *err)
{
	if (image.size < ANGLE_IMAGE_HEADER_SIZE ||
		memcmp(image.data, ANGLE_IMAGE_MAGIC, strlen(ANGLE_IMAGE_MAGIC)) != 0)
		return fail_corrupt(err, "no header");
	if (header_field(image, ANGLE_IMAGE_AT_VERSION) != ANGLE_IMAGE_VERSION)
		return angle_fail(err, ANGLE_UNSUPPORTED,
						  "tokenizer image: version %u, but this build reads "
						  "version %u",
						  header_field(image, ANGLE_IMAGE_AT_VERSION),
						  ANGLE_IMAGE_VERSION);
	return ANGLE_OK;
}

/* Reads the settings and checks them. */
static AngleStatus
read_settings(AngleBytes image, AngleTokenizer *tokenizer, AngleError *err)
{
	uint32_t slots = header_field(image, ANGLE_IMAGE_AT_SLOT_COUNT);
	uint32_t unknown = header_field(image, ANGLE_IMAGE_AT_UNKNOWN_ID);

	tokenizer->flags = header_field(image, ANGLE_IMAGE_AT_FLAGS);
	tokenizer->vocab_size = header_field(image, ANGLE_IMAGE_AT_VOCAB_SIZE);
	tokenizer->max_word_chars =
		header_field(image, ANGLE_IMAGE_AT_MAX_WORD_CHARS);
	tokenizer->max_piece_bytes =
		header_field(image, ANGLE_IMAGE_AT_MAX_PIECE_BYTES);
	if ((tokenizer->flags & ~ANGLE_NORMALIZE_ALL) != 0)
		return fail_corrupt(err, "unknown flags");
	if (tokenizer->vocab_size == 0 ||
		tokenizer->vocab_size > ANGLE_MAX_VOCAB_SIZE ||
		unknown >= tokenizer->vocab_size)
		return fail_corrupt(err, "invalid vocabulary size or unknown token");
	if (tokenizer->max_word_chars == 0 ||
		tokenizer->max_word_chars > ANGLE_MAX_WORD_CHARS)
		return fail_corrupt(err, "invalid limit of word length");
	if (slots == 0 || (slots & (slots - 1)) != 0)
		return fail_corrupt(err, "hash table size is no power of two");
	tokenizer->unknown_id = (int32_t) unknown;
	tokenizer->slot_mask = slots - 1;
	return ANGLE_OK;
}

/* Cuts the image into its sections, which must fill it. */
static bool
take_sections(AngleBytes image, AngleTokenizer *tokenizer)
{
	Cursor cursor = {image, ANGLE_IMAGE_HEADER_SIZE};

	return take_section(&cursor, tokenizer->vocab_size, ANGLE_IMAGE_END_SIZE,
						&tokenizer->token_ends) &&
		   take_section(&cursor, header_field(image, ANGLE_IMAGE_AT_SLOT_COUNT),
						ANGLE_IMAGE_SLOT_SIZE, &tokenizer->slots) &&
		   take_section(&cursor, header_field(image, ANGLE_IMAGE_AT_RAW_COUNT),
						ANGLE_ADDED_ENTRY_SIZE, &tokenizer->raw.entries) &&
		   take_section(
			   &cursor, header_field(image, ANGLE_IMAGE_AT_NORMALIZED_COUNT),
			   ANGLE_ADDED_ENTRY_SIZE, &tokenizer->normalized.entries) &&
		   take_section(&cursor,
						header_field(image, ANGLE_IMAGE_AT_BEFORE_COUNT),
						ANGLE_IMAGE_ID_SIZE, &tokenizer->before) &&
		   take_section(&cursor,
						header_field(image, ANGLE_IMAGE_AT_AFTER_COUNT),
						ANGLE_IMAGE_ID_SIZE, &tokenizer->after) &&
		   take_section(&cursor,
						header_field(image, ANGLE_IMAGE_AT_STRINGS_SIZE), 1,
						&tokenizer->strings) &&
		   cursor.at == image.size;
}

/* Token texts follow one another behind the continuation prefix. */
static AngleStatus
check_texts(AngleBytes image, AngleTokenizer *tokenizer, AngleError *err)
{
	uint32_t prefix = header_field(image, ANGLE_IMAGE_AT_CONTINUATION_SIZE);
	uint32_t end = prefix;

	if (!angle_slice(tokenizer->strings, 0, prefix, &tokenizer->continuation))
		return fail_corrupt(err, "continuation prefix out of bounds");
	for (uint32_t id = 0; id < tokenizer->vocab_size; id++)
	{
		uint32_t next =
			angle_load_u32(tokenizer->token_ends.data + 4 * (size_t) id);

		if (next < end || next > tokenizer->strings.size)
			return angle_fail(err, ANGLE_CORRUPT,
							  "tokenizer image: text of token %u out of bounds",
							  id);
		end = next;
	}
	tokenizer->continuation_hash =
		angle_hash_extend(ANGLE_HASH_START, tokenizer->continuation.data,
						  tokenizer->continuation.size);
	return ANGLE_OK;
}

static uint32_t
slot_id(const uint8_t *slots, uint32_t slot)
{
	return angle_load_u32(slots + (size_t) slot * ANGLE_IMAGE_SLOT_SIZE + 4);
}

bool
angle_slots_are_sparse(const uint8_t *slots, uint32_t slot_count)
{
	uint32_t run = 0;

	/* beyond the last slot, to see the run that crosses the table's end */
	for (uint64_t i = 0; i < (uint64_t) slot_count + ANGLE_MAX_RUN; i++)
	{
		uint32_t slot = (uint32_t) (i & (slot_count - 1));

		run = slot_id(slots, slot) == ANGLE_IMAGE_EMPTY_SLOT ? 0 : run + 1;
		if (run > ANGLE_MAX_RUN || run > slot_count)
			return false;
	}
	return true;
}

static AngleStatus
check_slots(const AngleTokenizer *tokenizer, AngleError *err)
{
	for (uint64_t slot = 0; slot <= tokenizer->slot_mask; slot++)
	{
		uint32_t id = slot_id(tokenizer->slots.data, (uint32_t) slot);

		if (id != ANGLE_IMAGE_EMPTY_SLOT && id >= tokenizer->vocab_size)
			return fail_corrupt(err, "token in the hash table out of range");
	}
	if (!angle_slots_are_sparse(tokenizer->slots.data,
								tokenizer->slot_mask + 1))
		return fail_corrupt(err, "hash table without enough free slots");
	return ANGLE_OK;
}

static AngleStatus
check_ids(const AngleTokenizer *tokenizer, AngleBytes ids, AngleError *err)
{
	if (ids.size > ANGLE_MAX_SPECIAL_IDS * ANGLE_IMAGE_ID_SIZE)
		return fail_corrupt(err, "too many special tokens");
	for (size_t i = 0; i < ids.size; i += ANGLE_IMAGE_ID_SIZE)
	{
		if (angle_load_u32(ids.data + i) >= tokenizer->vocab_size)
			return fail_corrupt(err, "special token out of range");
	}
	return ANGLE_OK;
}

AngleStatus
angle_image_open(AngleBytes image, AngleTokenizer *tokenizer, AngleError *err)
{
	ANGLE_TRY(check_header(image, err));
	ANGLE_TRY(read_settings(image, tokenizer, err));
	if (!take_sections(image, tokenizer))
		return fail_corrupt(err, "sections do not fill the image");
	ANGLE_TRY(check_texts(image, tokenizer, err));
	ANGLE_TRY(check_slots(tokenizer, err));
	ANGLE_TRY(check_ids(tokenizer, tokenizer->before, err));
	ANGLE_TRY(check_ids(tokenizer, tokenizer->after, err));
	ANGLE_TRY(angle_added_open(tokenizer->raw.entries, tokenizer->strings,
							   tokenizer->vocab_size, &tokenizer->raw, err));
	return angle_added_open(tokenizer->normalized.entries, tokenizer->strings,
							tokenizer->vocab_size, &tokenizer->normalized, err);
}

AngleBytes
angle_tokenizer_token(const AngleTokenizer *tokenizer, int32_t id)
{
	if (id < 0 || (uint32_t) id >= tokenizer->vocab_size)
		return (AngleBytes){NULL, 0};
	return angle_tokenizer_text(tokenizer, (uint32_t) id);
}

size_t
angle_tokenizer_vocab_size(const AngleTokenizer *tokenizer)
{
	return tokenizer->vocab_size;
}
