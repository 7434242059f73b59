#include "core/text/wordpiece.h"

#include "core/base/utf8.h"
#include "core/text/image.h"

/* What to do with an ASCII byte: one of these, or else add its lower case to
 * the word. */
enum
{
	ASCII_SLOW = 0, /* leave it to the caller */
	ASCII_DROP = 1,
	ASCII_SPACE = 2,
	ASCII_PUNCTUATION = 0x80, /* or'ed to the character */
};

static uint8_t
ascii_action(const AngleTokenizer *tokenizer, uint8_t c)
{
	bool control = angle_char_class(c) == ANGLE_CHAR_CONTROL;

	if (tokenizer->normalized.count > 0 || tokenizer->raw.first[c])
		return ASCII_SLOW;
	if (tokenizer->flags & ANGLE_CLEAN_TEXT ? control : c < ' ')
		return tokenizer->flags & ANGLE_CLEAN_TEXT ? ASCII_DROP : ASCII_SLOW;
	if (angle_char_is_space(c))
		return ASCII_SPACE;
	if (angle_char_class(c) == ANGLE_CHAR_PUNCTUATION)
		return ASCII_PUNCTUATION | c;
	if ((tokenizer->flags & ANGLE_LOWERCASE) && c >= 'A' && c <= 'Z')
		return c + ('a' - 'A');
	return c;
}

void
angle_words_prepare(AngleTokenizer *tokenizer)
{
	for (int c = 0; c < 128; c++)
		tokenizer->ascii[c] = ascii_action(tokenizer, (uint8_t) c);
}

AngleStatus
angle_words_init(AngleWords *words, const AngleTokenizer *tokenizer,
				 AngleTokenSink sink, AngleArena *arena, AngleError *err)
{
	size_t max = tokenizer->max_word_chars;

	*words = (AngleWords){
		.tokenizer = tokenizer,
		.sink = sink,
		.bytes = angle_arena_alloc(arena, max, ANGLE_UTF8_MAX),
		.spans = angle_arena_alloc(arena, max, sizeof(AngleSpan)),
		.ends = angle_arena_alloc(arena, max, sizeof(uint32_t)),
		.hashes = angle_arena_alloc(arena, max, sizeof(uint32_t)),
		.pieces = angle_arena_alloc(arena, max, sizeof(AnglePiece)),
		.max_chars = tokenizer->max_word_chars,
	};
	if (words->bytes == NULL || words->spans == NULL || words->ends == NULL ||
		words->hashes == NULL || words->pieces == NULL)
		return angle_no_memory(err);
	return ANGLE_OK;
}

/* The id of prefix + piece, whose hash is given; −1 if there is none. */
static int32_t
find_piece(const AngleTokenizer *tokenizer, uint32_t hash, AngleBytes prefix,
		   AngleBytes piece)
{
	uint32_t slot = angle_hash_slot(hash) & tokenizer->slot_mask;

	for (;; slot = (slot + 1) & tokenizer->slot_mask)
	{
		const uint8_t *entry =
			tokenizer->slots.data + (size_t) slot * ANGLE_IMAGE_SLOT_SIZE;
		uint32_t id = angle_load_u32(entry + 4);
		AngleBytes text;

		if (id == ANGLE_IMAGE_EMPTY_SLOT)
			return -1;
		if (angle_load_u32(entry) != hash)
			continue;
		text = angle_tokenizer_text(tokenizer, id);
		if (text.size == prefix.size + piece.size &&
			memcmp(text.data, prefix.data, prefix.size) == 0 &&
			memcmp(text.data + prefix.size, piece.data, piece.size) == 0)
			return (int32_t) id;
	}
}

/* Finds the longest piece that starts with character first; *next becomes the
 * first character behind it. Returns −1 if the vocabulary has none. */
static int32_t
longest_piece(const AngleWords *words, uint32_t first, uint32_t *next)
{
	const AngleTokenizer *tokenizer = words->tokenizer;
	AngleBytes prefix = {NULL, 0};
	uint32_t hash = ANGLE_HASH_START;
	uint32_t start = first == 0 ? 0 : words->ends[first - 1];
	uint32_t end = start;
	uint32_t last;
	static const uint8_t nothing;

	prefix.data = &nothing;
	if (first > 0)
	{
		prefix = tokenizer->continuation;
		hash = tokenizer->continuation_hash;
	}
	for (last = first; last < words->count; last++)
	{
		if (words->ends[last] - start + prefix.size >
			tokenizer->max_piece_bytes)
			break;
		hash = angle_hash_extend(hash, words->bytes + end,
								 words->ends[last] - end);
		end = words->ends[last];
		words->hashes[last] = hash;
	}
	while (last-- > first)
	{
		AngleBytes piece = {words->bytes + start, words->ends[last] - start};
		int32_t id = find_piece(tokenizer, words->hashes[last], prefix, piece);

		if (id >= 0)
		{
			*next = last + 1;
			return id;
		}
	}
	return -1;
}

/* Cuts the word into pieces; returns how many, 0 if it cannot be cut. */
static uint32_t
cut(const AngleWords *words)
{
	uint32_t count = 0;
	uint32_t next = 0;

	while (next < words->count)
	{
		int32_t id = longest_piece(words, next, &next);

		if (id < 0)
			return 0;
		words->pieces[count++] = (AnglePiece){id, next};
	}
	return count;
}

static void
push_unknown(const AngleWords *words)
{
	AngleSpan span = {words->spans[0].start,
					  words->too_long ? words->long_end
									  : words->spans[words->count - 1].stop};

	words->sink.push(words->sink.context, words->tokenizer->unknown_id, span);
}

static void
push_pieces(const AngleWords *words, uint32_t count)
{
	uint32_t first = 0;

	for (uint32_t i = 0; i < count; i++)
	{
		uint32_t next = words->pieces[i].next;
		AngleSpan span = {words->spans[first].start,
						  words->spans[next - 1].stop};

		words->sink.push(words->sink.context, words->pieces[i].id, span);
		first = next;
	}
}

void
angle_words_flush(AngleWords *words)
{
	uint32_t count = 0;

	if (words->count == 0)
		return;
	if (!words->too_long)
		count = cut(words);
	if (count > 0)
		push_pieces(words, count);
	else
		push_unknown(words);
	words->count = 0;
	words->too_long = false;
}

static void
add_char(AngleWords *words, uint32_t c, AngleSpan span)
{
	uint32_t end = words->count == 0 ? 0 : words->ends[words->count - 1];

	if (words->count == words->max_chars)
	{
		words->too_long = true;
		words->long_end = span.stop;
		return;
	}
	words->ends[words->count] =
		end + (uint32_t) angle_utf8_encode(c, words->bytes + end);
	words->spans[words->count++] = span;
}

void
angle_words_push(AngleWords *words, uint32_t c, AngleSpan span)
{
	bool alone;

	if (angle_char_is_space(c))
	{
		angle_words_flush(words);
		return;
	}
	alone = angle_char_class(c) == ANGLE_CHAR_PUNCTUATION;
	if (alone)
		angle_words_flush(words);
	add_char(words, c, span);
	if (alone)
		angle_words_flush(words);
}

size_t
angle_words_push_ascii(AngleWords *words, AngleBytes text, int64_t position)
{
	const uint8_t *actions = words->tokenizer->ascii;
	size_t i;

	for (i = 0; i < text.size && text.data[i] < 0x80; i++)
	{
		uint8_t action = actions[text.data[i]];
		AngleSpan span = {position + (int64_t) i, position + (int64_t) i + 1};

		if (action == ASCII_SLOW)
			break;
		if (action == ASCII_DROP)
			continue;
		if (action == ASCII_SPACE || action & ASCII_PUNCTUATION)
			angle_words_flush(words);
		if (action != ASCII_SPACE)
			add_char(words, action & 0x7F, span);
		if (action & ASCII_PUNCTUATION)
			angle_words_flush(words);
	}
	return i;
}
