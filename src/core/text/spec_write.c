/* Writes the image of a tokenizer. */
#include "core/text/spec.h"

#include <stdlib.h>

#include "core/base/utf8.h"
#include "core/text/image.h"

typedef struct Writer
{
	const AngleTokenizerSpec *spec;
	AngleError *err;
	AngleBytes *texts; /* (vocab_size) by id */
	uint32_t vocab_size;
	uint32_t unknown_id;
	uint32_t max_piece_bytes;
	uint32_t slot_count;
	uint8_t *slots;			  /* (slot_count) */
	AngleSpecAdded *patterns; /* (added_count) raw ones first, then sorted */
	uint32_t raw_count;
	uint32_t pattern_count; /* without the equal ones */
	uint64_t strings_size;
	uint8_t *image;
	uint8_t *at; /* of the next section */
} Writer;

static void
store_u32(uint8_t *p, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t) (value >> 8 * i);
}

/* Messages show at most this much of a token. */
static int
shown(AngleBytes text)
{
	return text.size < 64 ? (int) text.size : 64;
}

static AngleStatus
place_text(Writer *writer, AngleBytes text, uint32_t id)
{
	AngleBytes *place = &writer->texts[id];

	if (place->data != NULL && !angle_bytes_equal(*place, text))
		return angle_fail(writer->err, ANGLE_CORRUPT,
						  "tokens \"%.*s\" and \"%.*s\" share the id %u",
						  shown(*place), (const char *) place->data,
						  shown(text), (const char *) text.data, id);
	*place = text;
	return ANGLE_OK;
}

static AngleStatus
place_texts(Writer *writer)
{
	const AngleTokenizerSpec *spec = writer->spec;

	for (uint32_t i = 0; i < spec->vocab_count; i++)
	{
		if (spec->vocab[i].id >= writer->vocab_size)
			writer->vocab_size = spec->vocab[i].id + 1;
	}
	for (uint32_t i = 0; i < spec->added_count; i++)
	{
		if (spec->added[i].id >= writer->vocab_size)
			writer->vocab_size = spec->added[i].id + 1;
	}
	writer->texts = angle_arena_zalloc(spec->arena, writer->vocab_size,
									   sizeof(*writer->texts));
	if (writer->texts == NULL)
		return angle_no_memory(writer->err);
	for (uint32_t i = 0; i < spec->vocab_count; i++)
		ANGLE_TRY(place_text(writer, spec->vocab[i].text, spec->vocab[i].id));
	for (uint32_t i = 0; i < spec->added_count; i++)
		ANGLE_TRY(place_text(writer, spec->added[i].text, spec->added[i].id));
	return ANGLE_OK;
}

static uint32_t
hash_of(AngleBytes text)
{
	return angle_hash_extend(ANGLE_HASH_START, text.data, text.size);
}

/* The slot where text is, or the free one where it would go; NULL if both are
 * too far away. */
static uint8_t *
find_slot(const Writer *writer, AngleBytes text)
{
	uint32_t hash = hash_of(text);
	uint32_t slot = angle_hash_slot(hash);

	for (uint32_t probe = 0; probe <= ANGLE_MAX_RUN; probe++, slot++)
	{
		uint8_t *entry =
			writer->slots +
			(size_t) (slot & (writer->slot_count - 1)) * ANGLE_IMAGE_SLOT_SIZE;
		uint32_t id = angle_load_u32(entry + 4);

		if (id == ANGLE_IMAGE_EMPTY_SLOT ||
			(angle_load_u32(entry) == hash &&
			 angle_bytes_equal(writer->texts[id], text)))
			return entry;
	}
	return NULL;
}

/* The id by which words are cut into text, or ANGLE_IMAGE_EMPTY_SLOT. */
static uint32_t
find_id(const Writer *writer, AngleBytes text)
{
	const uint8_t *entry = find_slot(writer, text);

	return entry == NULL ? ANGLE_IMAGE_EMPTY_SLOT : angle_load_u32(entry + 4);
}

/* Whether the tokens fit well; a text that occurs twice is known by its last
 * id. */
static bool
fill_slots(Writer *writer)
{
	memset(writer->slots, 0xFF,
		   (size_t) writer->slot_count * ANGLE_IMAGE_SLOT_SIZE);
	for (uint32_t i = 0; i < writer->spec->vocab_count; i++)
	{
		const AngleSpecToken *token = &writer->spec->vocab[i];
		uint8_t *entry = find_slot(writer, token->text);

		if (entry == NULL)
			return false;
		store_u32(entry, hash_of(token->text));
		store_u32(entry + 4, token->id);
		if (token->text.size > writer->max_piece_bytes)
			writer->max_piece_bytes = (uint32_t) token->text.size;
	}
	return angle_slots_are_sparse(writer->slots, writer->slot_count);
}

/* At least half of the slots stay free. */
static AngleStatus
build_slots(Writer *writer)
{
	writer->slot_count = 2;
	while (writer->slot_count < 2 * writer->spec->vocab_count)
		writer->slot_count *= 2;
	for (int attempt = 0; attempt < 3; attempt++)
	{
		writer->slots = angle_arena_alloc(
			writer->spec->arena, writer->slot_count, ANGLE_IMAGE_SLOT_SIZE);
		if (writer->slots == NULL)
			return angle_no_memory(writer->err);
		if (fill_slots(writer))
			return ANGLE_OK;
		writer->slot_count *= 2;
	}
	return angle_fail(writer->err, ANGLE_UNSUPPORTED,
					  "the vocabulary's tokens collide in the hash table");
}

static AngleStatus
find_unknown(Writer *writer)
{
	AngleBytes text = writer->spec->unknown;

	writer->unknown_id = find_id(writer, text);
	if (writer->unknown_id == ANGLE_IMAGE_EMPTY_SLOT)
		return angle_fail(writer->err, ANGLE_CORRUPT,
						  "the unknown token \"%.*s\" is not in the vocabulary",
						  shown(text), (const char *) text.data);
	return ANGLE_OK;
}

/* Collects normalised bytes. */
typedef struct Buffer
{
	uint8_t *bytes; /* room for what normalising can make of a token */
	size_t size;
} Buffer;

static void
append_char(void *context, uint32_t c, AngleSpan span)
{
	Buffer *buffer = context;

	(void) span;
	buffer->size += angle_utf8_encode(c, buffer->bytes + buffer->size);
}

/* A byte becomes at most four characters: two spaces around an ideograph of
 * three bytes, or a decomposition in two bytes. */
static AngleStatus
normalize_pattern(Writer *writer, AngleBytes *text)
{
	Buffer buffer = {0};
	AngleNormalizer *normalizer =
		angle_arena_alloc(writer->spec->arena, 1, sizeof(*normalizer));
	AngleCharSink sink = {append_char, &buffer};

	buffer.bytes =
		angle_arena_alloc(writer->spec->arena, text->size, 4 * ANGLE_UTF8_MAX);
	if (normalizer == NULL || buffer.bytes == NULL)
		return angle_no_memory(writer->err);
	angle_normalizer_init(normalizer, writer->spec->flags, sink);
	for (size_t i = 0; i < text->size; i += angle_utf8_length(text->data[i]))
		angle_normalizer_push(normalizer, angle_utf8_decode(text->data + i),
							  (AngleSpan){0, 0});
	angle_normalizer_flush(normalizer);
	*text = (AngleBytes){buffer.bytes, buffer.size};
	return ANGLE_OK;
}

static AngleStatus
check_pattern(const Writer *writer, const AngleSpecAdded *added,
			  AngleBytes pattern)
{
	const char *text = (const char *) added->text.data;

	if (pattern.size == 0)
		return angle_fail(writer->err, ANGLE_UNSUPPORTED,
						  "added token \"%.*s\" is empty once normalised",
						  shown(added->text), text);
	if (pattern.size > ANGLE_MAX_ADDED_BYTES)
		return angle_fail(writer->err, ANGLE_TOO_LARGE,
						  "added token \"%.*s\"… is longer than %u bytes",
						  shown(added->text), text, ANGLE_MAX_ADDED_BYTES);
	return ANGLE_OK;
}

/* Raw before normalised, then by text, then by id. */
static int
compare_patterns(const void *left, const void *right)
{
	const AngleSpecAdded *a = left;
	const AngleSpecAdded *b = right;
	size_t common = a->text.size < b->text.size ? a->text.size : b->text.size;
	int order;

	if (a->normalized != b->normalized)
		return a->normalized ? 1 : -1;
	order = memcmp(a->text.data, b->text.data, common);
	if (order != 0)
		return order;
	if (a->text.size != b->text.size)
		return a->text.size < b->text.size ? -1 : 1;
	return (a->id > b->id) - (a->id < b->id);
}

/* An added token that the vocabulary has too must have the same id there. */
static AngleStatus
check_added_id(const Writer *writer, const AngleSpecAdded *added)
{
	uint32_t id = find_id(writer, added->text);

	if (id == ANGLE_IMAGE_EMPTY_SLOT || id == added->id)
		return ANGLE_OK;
	return angle_fail(writer->err, ANGLE_CORRUPT,
					  "added token \"%.*s\" has the id %u, but %u in the "
					  "vocabulary",
					  shown(added->text), (const char *) added->text.data,
					  added->id, id);
}

static AngleStatus
build_patterns(Writer *writer)
{
	const AngleTokenizerSpec *spec = writer->spec;
	uint32_t count = spec->added_count;

	writer->patterns =
		angle_arena_alloc(spec->arena, count, sizeof(*writer->patterns));
	if (writer->patterns == NULL)
		return angle_no_memory(writer->err);
	for (uint32_t i = 0; i < count; i++)
	{
		AngleSpecAdded *pattern = &writer->patterns[i];

		*pattern = spec->added[i];
		ANGLE_TRY(check_added_id(writer, pattern));
		if (pattern->normalized)
			ANGLE_TRY(normalize_pattern(writer, &pattern->text));
		ANGLE_TRY(check_pattern(writer, &spec->added[i], pattern->text));
	}
	qsort(writer->patterns, count, sizeof(*writer->patterns), compare_patterns);
	return ANGLE_OK;
}

/* Of patterns that are equal once normalised, the lowest id is kept. */
static void
drop_equal_patterns(Writer *writer)
{
	AngleSpecAdded *patterns = writer->patterns;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < writer->spec->added_count; i++)
	{
		if (kept > 0 &&
			patterns[kept - 1].normalized == patterns[i].normalized &&
			angle_bytes_equal(patterns[kept - 1].text, patterns[i].text))
			continue;
		patterns[kept++] = patterns[i];
		writer->raw_count += !patterns[i].normalized;
	}
	writer->pattern_count = kept;
}

static AngleStatus
check_side(const Writer *writer, AngleSpecIds side)
{
	for (uint32_t i = 0; i < side.count; i++)
	{
		if (side.ids[i] >= writer->vocab_size)
			return angle_fail(writer->err, ANGLE_CORRUPT,
							  "special token %u around the text is not in the "
							  "vocabulary of %u",
							  side.ids[i], writer->vocab_size);
	}
	return ANGLE_OK;
}

static AngleStatus
measure(Writer *writer, size_t *size)
{
	const AngleTokenizerSpec *spec = writer->spec;
	uint64_t strings = spec->continuation.size;
	uint64_t total;

	for (uint32_t id = 0; id < writer->vocab_size; id++)
		strings += writer->texts[id].size;
	for (uint32_t i = 0; i < writer->pattern_count; i++)
		strings += writer->patterns[i].text.size;
	total = ANGLE_IMAGE_HEADER_SIZE +
			(uint64_t) writer->vocab_size * ANGLE_IMAGE_END_SIZE +
			(uint64_t) writer->slot_count * ANGLE_IMAGE_SLOT_SIZE +
			(uint64_t) writer->pattern_count * ANGLE_ADDED_ENTRY_SIZE +
			(uint64_t) (spec->before.count + spec->after.count) *
				ANGLE_IMAGE_ID_SIZE +
			strings;
	if (total > UINT32_MAX)
		return angle_fail(writer->err, ANGLE_TOO_LARGE,
						  "the tokenizer's vocabulary exceeds 4 GB");
	writer->strings_size = strings;
	*size = (size_t) total;
	return ANGLE_OK;
}

static void
write_header(Writer *writer)
{
	const AngleTokenizerSpec *spec = writer->spec;
	uint8_t *p = writer->image;

	memset(p, 0, ANGLE_IMAGE_HEADER_SIZE);
	memcpy(p, ANGLE_IMAGE_MAGIC, strlen(ANGLE_IMAGE_MAGIC));
	store_u32(p + ANGLE_IMAGE_AT_VERSION, ANGLE_IMAGE_VERSION);
	store_u32(p + ANGLE_IMAGE_AT_FLAGS, spec->flags);
	store_u32(p + ANGLE_IMAGE_AT_VOCAB_SIZE, writer->vocab_size);
	store_u32(p + ANGLE_IMAGE_AT_UNKNOWN_ID, writer->unknown_id);
	store_u32(p + ANGLE_IMAGE_AT_MAX_WORD_CHARS, spec->max_word_chars);
	store_u32(p + ANGLE_IMAGE_AT_MAX_PIECE_BYTES, writer->max_piece_bytes);
	store_u32(p + ANGLE_IMAGE_AT_CONTINUATION_SIZE,
			  (uint32_t) spec->continuation.size);
	store_u32(p + ANGLE_IMAGE_AT_SLOT_COUNT, writer->slot_count);
	store_u32(p + ANGLE_IMAGE_AT_RAW_COUNT, writer->raw_count);
	store_u32(p + ANGLE_IMAGE_AT_NORMALIZED_COUNT,
			  writer->pattern_count - writer->raw_count);
	store_u32(p + ANGLE_IMAGE_AT_BEFORE_COUNT, spec->before.count);
	store_u32(p + ANGLE_IMAGE_AT_AFTER_COUNT, spec->after.count);
	store_u32(p + ANGLE_IMAGE_AT_STRINGS_SIZE, (uint32_t) writer->strings_size);
	writer->at = p + ANGLE_IMAGE_HEADER_SIZE;
}

static void
write_u32(Writer *writer, uint32_t value)
{
	store_u32(writer->at, value);
	writer->at += 4;
}

static void
write_bytes(Writer *writer, AngleBytes bytes)
{
	if (bytes.size > 0)
		memcpy(writer->at, bytes.data, bytes.size);
	writer->at += bytes.size;
}

static void
write_ids(Writer *writer, AngleSpecIds ids)
{
	for (uint32_t i = 0; i < ids.count; i++)
		write_u32(writer, ids.ids[i]);
}

static void
write_sections(Writer *writer)
{
	const AngleTokenizerSpec *spec = writer->spec;
	uint32_t end = (uint32_t) spec->continuation.size;

	for (uint32_t id = 0; id < writer->vocab_size; id++)
		write_u32(writer, end += (uint32_t) writer->texts[id].size);
	write_bytes(writer,
				(AngleBytes){writer->slots, (size_t) writer->slot_count *
												ANGLE_IMAGE_SLOT_SIZE});
	for (uint32_t i = 0; i < writer->pattern_count; i++)
	{
		const AngleSpecAdded *pattern = &writer->patterns[i];

		write_u32(writer, end);
		write_u32(writer, (uint32_t) pattern->text.size);
		write_u32(writer, pattern->id);
		write_u32(writer, pattern->flags);
		end += (uint32_t) pattern->text.size;
	}
	write_ids(writer, spec->before);
	write_ids(writer, spec->after);
	write_bytes(writer, spec->continuation);
	for (uint32_t id = 0; id < writer->vocab_size; id++)
		write_bytes(writer, writer->texts[id]);
	for (uint32_t i = 0; i < writer->pattern_count; i++)
		write_bytes(writer, writer->patterns[i].text);
}

AngleStatus
angle_spec_write(const AngleTokenizerSpec *spec, AngleBytes *image,
				 AngleError *err)
{
	Writer writer = {.spec = spec, .err = err};
	size_t size = 0;

	ANGLE_TRY(place_texts(&writer));
	ANGLE_TRY(check_side(&writer, spec->before));
	ANGLE_TRY(check_side(&writer, spec->after));
	ANGLE_TRY(build_slots(&writer));
	ANGLE_TRY(find_unknown(&writer));
	ANGLE_TRY(build_patterns(&writer));
	drop_equal_patterns(&writer);
	ANGLE_TRY(measure(&writer, &size));
	writer.image = angle_arena_alloc(spec->arena, size, 1);
	if (writer.image == NULL)
		return angle_no_memory(err);
	write_header(&writer);
	write_sections(&writer);
	*image = (AngleBytes){writer.image, size};
	return ANGLE_OK;
}
