#include "core/text/chunk.h"

#include <string.h>

#include "core/base/utf8.h"
#include "core/base/utf8_check.h"
#include "core/text/unicode.h"

/* What is not divided unless nothing else helps. */
typedef struct Atom
{
	AngleRange range;
	size_t tokens; /* in its place */
} Atom;

struct AngleChunker
{
	const AngleTokenizer *tokenizer;
	AngleChunkRequest request;
	AngleArena *arena;
	AngleSegmenter paragraphs;
	size_t specials; /* special tokens of every chunk */
	size_t room;	 /* tokens of the text that fit into a chunk */
	size_t whole;	 /* a unit of up to so many tokens is not divided */
	Atom *atoms;	 /* those from head to tail wait to be packed */
	size_t head;
	size_t tail;
	size_t capacity;
	/* the paragraph that is being divided */
	AngleTokens tokens; /* offsets from the paragraph's start */
	size_t base;		/* the paragraph's start */
	size_t next_token;	/* the first one of no atom yet */
	size_t last_token;	/* behind those of the text */
	/* what the next chunk repeats of the last one, if tokens is not 0 */
	size_t repeated_start;
	size_t repeated_tokens;
};

/* ---- tokens ------------------------------------------------------------- */

/* The tokens of a part of the text, in the scratch arena. */
static AngleStatus
encode(const AngleChunker *chunker, AngleRange range, AngleTokens *tokens,
	   AngleError *err)
{
	const AngleTokenizerInput input = {
		.text = {chunker->request.text.data + range.start,
				 range.stop - range.start},
	};

	angle_arena_reset(chunker->request.scratch);
	return angle_tokenizer_encode(chunker->tokenizer, &input,
								  chunker->request.cancel,
								  chunker->request.scratch, tokens, err);
}

/* The index behind the tokens that start before position. */
static size_t
token_before(const AngleChunker *chunker, size_t position)
{
	size_t i = chunker->next_token;

	while (i < chunker->last_token &&
		   (size_t) chunker->tokens.starts[i] + chunker->base < position)
		i++;
	return i;
}

/* ---- atoms -------------------------------------------------------------- */

/* Makes room for one more atom behind the tail. */
static AngleStatus
reserve_atom(AngleChunker *chunker, AngleError *err)
{
	size_t count = chunker->tail - chunker->head;
	Atom *atoms = chunker->atoms;

	if (chunker->tail < chunker->capacity)
		return ANGLE_OK;
	if (count > chunker->capacity / 2 || chunker->capacity == 0)
	{
		chunker->capacity = chunker->capacity == 0 ? 64 : 2 * chunker->capacity;
		atoms =
			angle_arena_alloc(chunker->arena, chunker->capacity, sizeof(Atom));
		if (atoms == NULL)
			return angle_no_memory(err);
	}
	if (count > 0)
		memmove(atoms, chunker->atoms + chunker->head, count * sizeof(Atom));
	chunker->atoms = atoms;
	chunker->head = 0;
	chunker->tail = count;
	return ANGLE_OK;
}

static AngleStatus
push_atom(AngleChunker *chunker, AngleRange range, size_t tokens,
		  AngleError *err)
{
	ANGLE_TRY(reserve_atom(chunker, err));
	chunker->atoms[chunker->tail++] = (Atom){range, tokens};
	return ANGLE_OK;
}

/* Whether the text may be cut inside a word, before position: not between a
 * letter and its marks. */
static bool
is_character(const AngleChunker *chunker, size_t position)
{
	return angle_char_class(angle_utf8_decode(chunker->request.text.data +
											  position)) != ANGLE_CHAR_MARK;
}

/* Divides a word, whose tokens end at last, into its tokens. */
static AngleStatus
push_tokens(AngleChunker *chunker, AngleRange word, size_t last,
			AngleError *err)
{
	size_t start = word.start;

	while (chunker->next_token < last)
	{
		size_t i = chunker->next_token + 1;
		size_t stop = word.stop;

		/* several tokens may stem from one character */
		for (; i < last; i++)
		{
			stop = (size_t) chunker->tokens.starts[i] + chunker->base;
			if (stop > start && stop < word.stop && is_character(chunker, stop))
				break;
		}
		if (i == last)
			stop = word.stop;
		ANGLE_TRY(push_atom(chunker, (AngleRange){start, stop},
							i - chunker->next_token, err));
		chunker->next_token = i;
		start = stop;
	}
	return ANGLE_OK;
}

/* Makes atoms of a unit: itself, if it fits, or else what it consists of. */
static AngleStatus
push_unit(AngleChunker *chunker, AngleRange range, AngleUnit unit,
		  AngleError *err)
{
	size_t last = token_before(chunker, range.stop);
	size_t tokens = last - chunker->next_token;
	AngleSegmenter parts;

	if (tokens <= chunker->whole)
	{
		chunker->next_token = last;
		return push_atom(chunker, range, tokens, err);
	}
	if (unit == ANGLE_UNIT_WORD)
		return push_tokens(chunker, range, last, err);
	angle_segmenter_init(&parts, chunker->request.text, range, unit + 1,
						 chunker->request.cancel);
	while (angle_segmenter_next(&parts, &range))
		ANGLE_TRY(push_unit(chunker, range, unit + 1, err));
	return parts.cancelled ? angle_fail_cancelled(err) : ANGLE_OK;
}

/* Makes atoms of the next paragraph, if there is one. */
static AngleStatus
push_paragraph(AngleChunker *chunker, bool *found, AngleError *err)
{
	AngleRange range;

	*found = angle_segmenter_next(&chunker->paragraphs, &range);
	if (chunker->paragraphs.cancelled)
		return angle_fail_cancelled(err);
	if (!*found)
		return ANGLE_OK;
	ANGLE_TRY(encode(chunker, range, &chunker->tokens, err));
	chunker->base = range.start;
	chunker->next_token = chunker->tokens.prompt_count;
	chunker->last_token = chunker->tokens.count - chunker->specials +
						  chunker->tokens.prompt_count;
	return push_unit(chunker, range, ANGLE_UNIT_PARAGRAPH, err);
}

/* ---- overlap ------------------------------------------------------------ */

/* Where the first unit begins that does so at limit or behind it; the part's end
 * if none does. */
static size_t
first_unit(const AngleChunker *chunker, AngleRange part, AngleUnit unit,
		   size_t limit)
{
	AngleSegmenter units;
	AngleRange range;

	angle_segmenter_init(&units, chunker->request.text, part, unit, NULL);
	while (angle_segmenter_next(&units, &range))
	{
		if (range.start >= limit)
			return range.start;
	}
	return part.stop;
}

/* Chooses what the next chunk repeats of this one, whose tokens are given: from
 * the start of a sentence or else of a word on, but not all of it. */
static void
choose_overlap(AngleChunker *chunker, const AngleChunk *chunk,
			   const AngleTokens *tokens)
{
	size_t first = tokens->prompt_count;
	size_t last = tokens->count - chunker->specials + first;
	size_t overlap = chunker->request.overlap;
	size_t start = chunk->range.start;
	size_t limit;

	chunker->repeated_tokens = 0;
	if (overlap == 0 || last - first < 2)
		return;
	first = last - first > overlap ? last - overlap : first + 1;
	limit = start + (size_t) tokens->starts[first];
	if (limit <= start)
		limit = start + 1;
	start = first_unit(chunker, chunk->range, ANGLE_UNIT_SENTENCE, limit);
	if (start == chunk->range.stop)
		start = first_unit(chunker, chunk->range, ANGLE_UNIT_WORD, limit);
	if (start == chunk->range.stop)
		return;
	while (first < last &&
		   chunk->range.start + (size_t) tokens->starts[first] < start)
		first++;
	chunker->repeated_start = start;
	chunker->repeated_tokens = last - first;
}

/* ---- packing ------------------------------------------------------------ */

/* Counts the atoms from head on that fit beside what is repeated: at least one,
 * or 0 at the end of the text. Fetches paragraphs as long as all fit. */
static AngleStatus
count_fitting(AngleChunker *chunker, size_t *count, AngleError *err)
{
	size_t tokens = chunker->repeated_tokens;

	*count = 0;
	for (;;)
	{
		bool found = true;

		if (chunker->head + *count == chunker->tail)
			ANGLE_TRY(push_paragraph(chunker, &found, err));
		if (!found)
			return ANGLE_OK;
		if (chunker->head + *count == chunker->tail)
			continue;
		tokens += chunker->atoms[chunker->head + *count].tokens;
		if (*count > 0 && tokens > chunker->room)
			return ANGLE_OK;
		++*count;
	}
}

/* Where the character before stop begins. */
static size_t
character_before(AngleBytes text, size_t stop)
{
	do
		stop--;
	while (angle_utf8_continues(text.data[stop]));
	return stop;
}

static bool
is_space_at(AngleBytes text, size_t position)
{
	return angle_char_is_space(angle_utf8_decode(text.data + position));
}

/* Divides the atom at the head near its middle. */
static AngleStatus
divide_atom(AngleChunker *chunker, AngleError *err)
{
	AngleBytes text = chunker->request.text;
	Atom *atom = &chunker->atoms[chunker->head];
	AngleRange range = atom->range;
	size_t first_tokens = atom->tokens / 2;
	size_t stop = range.start + (range.stop - range.start) / 2 + 1;
	size_t start;

	stop = character_before(text, stop);
	if (stop == range.start)
		stop += angle_utf8_length(text.data[stop]);
	if (stop == range.stop)
		return angle_fail(err, ANGLE_UNSUPPORTED,
						  "a character has more tokens than fit into a chunk");
	/* neither half is all white space, since no atom has it at its edges */
	for (start = stop; is_space_at(text, start);)
		start += angle_utf8_length(text.data[start]);
	while (is_space_at(text, character_before(text, stop)))
		stop = character_before(text, stop);
	ANGLE_TRY(reserve_atom(chunker, err));
	atom = &chunker->atoms[chunker->head];
	memmove(atom + 1, atom, (chunker->tail - chunker->head) * sizeof(Atom));
	chunker->tail++;
	atom[1].range.start = start;
	atom[1].tokens -= first_tokens;
	*atom = (Atom){{range.start, stop}, first_tokens};
	return ANGLE_OK;
}

/* Takes fewer atoms, by about excess tokens; if there is one alone, gives up the
 * overlap, and then divides the atom. */
static AngleStatus
take_less(AngleChunker *chunker, size_t excess, size_t *count, AngleError *err)
{
	size_t dropped = 0;

	if (*count == 1 && chunker->repeated_tokens == 0)
		return divide_atom(chunker, err);
	if (*count == 1)
		chunker->repeated_tokens = 0;
	for (; *count > 1 && dropped < excess; --*count)
		dropped += chunker->atoms[chunker->head + *count - 1].tokens;
	return ANGLE_OK;
}

static AngleRange
chunk_range(const AngleChunker *chunker, size_t count)
{
	const Atom *atoms = chunker->atoms + chunker->head;

	return (AngleRange){chunker->repeated_tokens > 0 ? chunker->repeated_start
													 : atoms[0].range.start,
						atoms[count - 1].range.stop};
}

AngleStatus
angle_chunker_next(AngleChunker *chunker, AngleChunk *chunk, bool *found,
				   AngleError *err)
{
	AngleTokens tokens;
	size_t count;

	ANGLE_TRY(count_fitting(chunker, &count, err));
	*found = count > 0;
	if (count == 0)
		return ANGLE_OK;
	for (;;)
	{
		chunk->range = chunk_range(chunker, count);
		ANGLE_TRY(encode(chunker, chunk->range, &tokens, err));
		if (tokens.count <= chunker->request.max_tokens)
			break;
		ANGLE_TRY(take_less(chunker, tokens.count - chunker->request.max_tokens,
							&count, err));
	}
	chunk->tokens = tokens.count;
	chunker->head += count;
	choose_overlap(chunker, chunk, &tokens);
	return ANGLE_OK;
}

/* ---- the beginning ------------------------------------------------------ */

static AngleStatus
check_limits(const AngleChunker *chunker, AngleError *err)
{
	const AngleChunkRequest *request = &chunker->request;

	if (request->max_tokens < chunker->specials + ANGLE_CHUNK_MIN_ROOM)
		return angle_fail(err, ANGLE_INVALID_ARGUMENT,
						  "max_tokens must be at least %zu, not %zu",
						  chunker->specials + ANGLE_CHUNK_MIN_ROOM,
						  request->max_tokens);
	if (request->overlap >= request->max_tokens - chunker->specials)
		return angle_fail(
			err, ANGLE_INVALID_ARGUMENT,
			"overlap must be less than the %zu tokens of a chunk, not %zu",
			request->max_tokens - chunker->specials, request->overlap);
	return ANGLE_OK;
}

AngleStatus
angle_chunker_create(const AngleTokenizer *tokenizer,
					 const AngleChunkRequest *request, AngleArena *arena,
					 AngleChunker **result, AngleError *err)
{
	AngleChunker *chunker = angle_arena_zalloc(arena, 1, sizeof(*chunker));
	const AngleRange all = {0, request->text.size};
	AngleTokens tokens;

	if (chunker == NULL)
		return angle_no_memory(err);
	chunker->tokenizer = tokenizer;
	chunker->request = *request;
	chunker->arena = arena;
	ANGLE_TRY(angle_utf8_check(request->text, "text", request->cancel, err));
	ANGLE_TRY(encode(chunker, (AngleRange){0, 0}, &tokens, err));
	chunker->specials = tokens.count;
	ANGLE_TRY(check_limits(chunker, err));
	chunker->room = request->max_tokens - chunker->specials;
	chunker->whole = chunker->room - request->overlap;
	angle_segmenter_init(&chunker->paragraphs, request->text, all,
						 ANGLE_UNIT_PARAGRAPH, request->cancel);
	*result = chunker;
	return ANGLE_OK;
}
