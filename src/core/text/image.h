/*
 * The tokenizer image: a vocabulary and its settings in one run of bytes that
 * is looked up in place. Byte layout: docs/model-format.md, "Tokenizer".
 */
#ifndef ANGLE_IMAGE_H
#define ANGLE_IMAGE_H

#include "core/text/added_tokens.h"
#include "core/text/normalize.h"
#include "core/text/tokenizer.h"

#define ANGLE_IMAGE_MAGIC "ANGLETOK"
#define ANGLE_IMAGE_VERSION 1

/* Offsets of the header's fields; all but the magic are u32. */
enum
{
	ANGLE_IMAGE_AT_MAGIC = 0,
	ANGLE_IMAGE_AT_VERSION = 8,
	ANGLE_IMAGE_AT_FLAGS = 12,
	ANGLE_IMAGE_AT_VOCAB_SIZE = 16,
	ANGLE_IMAGE_AT_UNKNOWN_ID = 20,
	ANGLE_IMAGE_AT_MAX_WORD_CHARS = 24,
	ANGLE_IMAGE_AT_MAX_PIECE_BYTES = 28,
	ANGLE_IMAGE_AT_CONTINUATION_SIZE = 32,
	ANGLE_IMAGE_AT_SLOT_COUNT = 36,
	ANGLE_IMAGE_AT_RAW_COUNT = 40,
	ANGLE_IMAGE_AT_NORMALIZED_COUNT = 44,
	ANGLE_IMAGE_AT_BEFORE_COUNT = 48,
	ANGLE_IMAGE_AT_AFTER_COUNT = 52,
	ANGLE_IMAGE_AT_STRINGS_SIZE = 56,
	ANGLE_IMAGE_HEADER_SIZE = 64,
};

/* Sizes of the entries of the sections, which follow the header in this order:
 * token ends, slots, raw and normalised added tokens, special ids before and
 * after the text, strings. */
enum
{
	ANGLE_IMAGE_END_SIZE = 4,
	ANGLE_IMAGE_SLOT_SIZE = 8,
	ANGLE_IMAGE_ID_SIZE = 4,
};

#define ANGLE_IMAGE_EMPTY_SLOT UINT32_MAX

/* Limits, far above what any model uses, that bound the work per byte. */
#define ANGLE_MAX_VOCAB_SIZE ((uint32_t) 1 << 22)
#define ANGLE_MAX_WORD_CHARS 10000u
#define ANGLE_MAX_SPECIAL_IDS 64u
#define ANGLE_MAX_RUN 256u /* of slots taken */

/* FNV-1a, extended byte by byte, and mixed when it is looked up. */
#define ANGLE_HASH_START 0x811c9dc5u

static inline uint32_t
angle_hash_extend(uint32_t hash, const uint8_t *p, size_t size)
{
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ p[i]) * 0x01000193u;
	return hash;
}

static inline uint32_t
angle_hash_slot(uint32_t hash)
{
	return hash ^ hash >> 15;
}

/* Whether a search of the table ends soon wherever it begins: some slot is
 * free, and no more than ANGLE_MAX_RUN in a row are taken. slot_count is a
 * power of two. */
bool angle_slots_are_sparse(const uint8_t *slots, uint32_t slot_count);

struct AngleTokenizer
{
	uint32_t flags; /* AngleNormalizeFlags */
	uint32_t vocab_size;
	int32_t unknown_id;
	uint32_t max_word_chars;
	uint32_t max_piece_bytes;	/* the longest key of the slots */
	uint32_t continuation_hash; /* of continuation */
	AngleBytes continuation;	/* "##" */
	AngleBytes token_ends;		/* (vocab_size) u32: in strings */
	AngleBytes slots;			/* (slot_mask + 1) of u32 hash, u32 id */
	uint32_t slot_mask;
	AngleBytes strings;
	AngleAddedSet raw;		  /* looked for in the text as it is */
	AngleAddedSet normalized; /* looked for in the normalised text */
	AngleBytes before;		  /* i32 ids of special tokens */
	AngleBytes after;
	uint8_t ascii[128]; /* see wordpiece.c */
};

/* Points tokenizer, which is zero, into the image and checks every offset; the
 * ascii table is left to angle_words_prepare(). Errors: ANGLE_CORRUPT,
 * ANGLE_UNSUPPORTED. */
ANGLE_MUST_CHECK AngleStatus angle_image_open(AngleBytes image,
											  AngleTokenizer *tokenizer,
											  AngleError *err);

/* The text of a token; id must be below vocab_size. */
static inline AngleBytes
angle_tokenizer_text(const AngleTokenizer *tokenizer, uint32_t id)
{
	const uint8_t *ends = tokenizer->token_ends.data;
	uint32_t start = id == 0 ? tokenizer->continuation.size
							 : angle_load_u32(ends + 4 * (size_t) (id - 1));

	return (AngleBytes){tokenizer->strings.data + start,
						angle_load_u32(ends + 4 * (size_t) id) - start};
}

#endif
