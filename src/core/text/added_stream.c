/* Added tokens in normalised text. A few bytes wait, so that a match can be
 * seen whole, with the character behind it. */
#include "core/text/added_stream.h"
#include "core/base/utf8.h"
#include "core/text/unicode.h"

AngleStatus
angle_added_stream_init(AngleAddedStream *stream, const AngleAddedSet *set,
						AngleWords *words, AngleArena *arena, AngleError *err)
{
	size_t capacity =
		set->count == 0 ? 0 : 16 * (set->longest + 2 * ANGLE_UTF8_MAX);

	*stream = (AngleAddedStream){
		.set = set,
		.words = words,
		.bytes = angle_arena_alloc(arena, capacity, 1),
		.spans = angle_arena_alloc(arena, capacity, sizeof(AngleSpan)),
		.capacity = capacity,
		.previous = -1,
		.space_start = -1,
	};
	if (stream->bytes == NULL || stream->spans == NULL)
		return angle_no_memory(err);
	return ANGLE_OK;
}

static int
waiting_byte(const void *context, size_t index)
{
	const AngleAddedStream *stream = context;

	return index < stream->tail ? stream->bytes[index] : -1;
}

static void
close_token(AngleAddedStream *stream)
{
	if (stream->open)
		stream->words->sink.push(stream->words->sink.context, stream->open_id,
								 stream->open_span);
	stream->open = false;
}

/* Whether a match at head stands apart from word characters. */
static bool
is_single_word(const AngleAddedStream *stream, size_t size)
{
	size_t behind = stream->head + size;

	if (stream->previous >= 0 &&
		angle_char_is_word((uint32_t) stream->previous))
		return false;
	return behind == stream->tail ||
		   !angle_char_is_word(angle_utf8_decode(stream->bytes + behind));
}

/* The character that ends before offset at in bytes. */
static uint32_t
char_before(const uint8_t *bytes, size_t at)
{
	do
		at--;
	while ((bytes[at] & 0xC0) == 0x80);
	return angle_utf8_decode(bytes + at);
}

static void
take_token(AngleAddedStream *stream, const AngleAddedMatch *match)
{
	size_t behind = stream->head + match->size;
	AngleSpan span = {stream->spans[stream->head].start,
					  stream->spans[behind - 1].stop};

	angle_words_flush(stream->words);
	if ((match->flags & ANGLE_ADDED_LSTRIP) && stream->space_start >= 0)
		span.start = stream->space_start;
	stream->open = true;
	stream->open_id = match->id;
	stream->open_span = span;
	stream->previous = char_before(stream->bytes, behind);
	stream->space_start = -1;
	stream->head = behind;
	if (!(match->flags & ANGLE_ADDED_RSTRIP))
		close_token(stream);
}

static void
take_char(AngleAddedStream *stream)
{
	uint32_t c = angle_utf8_decode(stream->bytes + stream->head);
	size_t size = angle_utf8_length(stream->bytes[stream->head]);
	AngleSpan span = stream->spans[stream->head];
	bool space = angle_char_is_space(c);

	stream->head += size;
	stream->barred = stream->barred > size ? stream->barred - size : 0;
	stream->previous = c;
	if (stream->open && space)
	{
		stream->open_span.stop = span.stop;
		return;
	}
	close_token(stream);
	if (!space)
		stream->space_start = -1;
	else if (stream->space_start < 0)
		stream->space_start = span.start;
	angle_words_push(stream->words, c, span);
}

/* Takes one token or one character at head. */
static void
take_next(AngleAddedStream *stream)
{
	AngleByteSource text = {waiting_byte, stream};
	AngleAddedMatch match;

	if (stream->barred == 0 &&
		stream->set->first[stream->bytes[stream->head]] &&
		angle_added_match(stream->set, text, stream->head, &match))
	{
		if (!(match.flags & ANGLE_ADDED_SINGLE_WORD) ||
			is_single_word(stream, match.size))
		{
			close_token(stream);
			take_token(stream, &match);
			return;
		}
		stream->barred = match.size;
	}
	take_char(stream);
}

static void
make_room(AngleAddedStream *stream)
{
	size_t waiting = stream->tail - stream->head;

	if (stream->tail + ANGLE_UTF8_MAX <= stream->capacity)
		return;
	memmove(stream->bytes, stream->bytes + stream->head, waiting);
	memmove(stream->spans, stream->spans + stream->head,
			waiting * sizeof(AngleSpan));
	stream->head = 0;
	stream->tail = waiting;
}

void
angle_added_stream_push(AngleAddedStream *stream, uint32_t c, AngleSpan span)
{
	size_t size;

	if (stream->set->count == 0)
	{
		angle_words_push(stream->words, c, span);
		return;
	}
	make_room(stream);
	size = angle_utf8_encode(c, stream->bytes + stream->tail);
	for (size_t i = 0; i < size; i++)
		stream->spans[stream->tail + i] = span;
	stream->tail += size;
	while (stream->tail - stream->head >= stream->set->longest + ANGLE_UTF8_MAX)
		take_next(stream);
}

void
angle_added_stream_flush(AngleAddedStream *stream)
{
	while (stream->head < stream->tail)
		take_next(stream);
	close_token(stream);
	stream->barred = 0;
	stream->previous = -1;
	stream->space_start = -1;
}
