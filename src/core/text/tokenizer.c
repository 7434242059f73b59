#include "core/text/tokenizer.h"

#include "core/base/utf8.h"
#include "core/base/utf8_check.h"
#include "core/text/added_stream.h"
#include "core/text/image.h"
#include "core/text/spec.h"
#include "core/text/token_list.h"

/* Between two questions whether the caller wants to stop. */
#define BYTES_PER_POLL 16384

AngleStatus
angle_tokenizer_build(const AngleTokenizerFiles *files, AngleArena *arena,
					  AngleBytes *image, AngleError *err)
{
	AngleTokenizerSpec spec = {.arena = arena};

	if (files->tokenizer_json.size > 0)
		ANGLE_TRY(angle_spec_read_json(files->tokenizer_json, &spec, err));
	else if (files->vocab_txt.size > 0)
		ANGLE_TRY(angle_spec_read_vocab(files, &spec, err));
	else
		return angle_fail(err, ANGLE_NOT_FOUND,
						  "the model has neither tokenizer.json nor vocab.txt");
	return angle_spec_write(&spec, image, err);
}

AngleStatus
angle_tokenizer_open(AngleBytes image, AngleArena *arena,
					 AngleTokenizer **result, AngleError *err)
{
	AngleTokenizer *tokenizer =
		angle_arena_zalloc(arena, 1, sizeof(*tokenizer));

	if (tokenizer == NULL)
		return angle_no_memory(err);
	ANGLE_TRY(angle_image_open(image, tokenizer, err));
	angle_words_prepare(tokenizer);
	*result = tokenizer;
	return ANGLE_OK;
}

/* One text on its way through the stages. Positions count from the start of
 * the prefix, as if prefix, text and suffix were one string. */
typedef struct Scan
{
	const AngleTokenizer *tokenizer;
	AngleBytes parts[3];
	size_t starts[4]; /* of the parts, and the end of the last */
	size_t position;  /* of the next character */
	size_t barred;	  /* no added token starts before this position */
	size_t piece;	  /* where the last added token ended */
	AngleTokenList list;
	AngleWords words;
	AngleAddedStream stream;
	AngleNormalizer normalizer;
} Scan;

static void
push_token(void *context, int32_t id, AngleSpan span)
{
	angle_token_list_push(context, id, span);
}

static void
push_normalized(void *context, uint32_t c, AngleSpan span)
{
	angle_added_stream_push(context, c, span);
}

static AngleStatus
scan_init(Scan *scan, const AngleTokenizer *tokenizer,
		  const AngleTokenizerInput *input, AngleArena *arena, AngleError *err)
{
	AngleTokenSink tokens = {push_token, &scan->list};
	AngleCharSink chars = {push_normalized, &scan->stream};

	scan->tokenizer = tokenizer;
	scan->parts[0] = input->prefix;
	scan->parts[1] = input->text;
	scan->parts[2] = input->suffix;
	scan->starts[0] = 0;
	for (int i = 0; i < 3; i++)
		scan->starts[i + 1] = scan->starts[i] + scan->parts[i].size;
	scan->position = 0;
	scan->barred = 0;
	scan->piece = 0;
	ANGLE_TRY(angle_token_list_init(&scan->list, input, tokenizer, arena, err));
	ANGLE_TRY(angle_words_init(&scan->words, tokenizer, tokens, arena, err));
	ANGLE_TRY(angle_added_stream_init(&scan->stream, &tokenizer->normalized,
									  &scan->words, arena, err));
	angle_normalizer_init(&scan->normalizer, tokenizer->flags, chars);
	return ANGLE_OK;
}

/* The rest of the part that holds position, which must not be the end. */
static AngleBytes
rest_at(const Scan *scan, size_t position)
{
	int i = 0;

	while (position >= scan->starts[i + 1])
		i++;
	position -= scan->starts[i];
	return (AngleBytes){scan->parts[i].data + position,
						scan->parts[i].size - position};
}

static int
scan_byte(const void *context, size_t index)
{
	const Scan *scan = context;

	return index < scan->starts[3] ? rest_at(scan, index).data[0] : -1;
}

/* Where the character begins that ends before position. */
static size_t
position_before(const Scan *scan, size_t position)
{
	do
		position--;
	while ((scan_byte(scan, position) & 0xC0) == 0x80);
	return position;
}

static uint32_t
char_at(const Scan *scan, size_t position)
{
	return angle_utf8_decode(rest_at(scan, position).data);
}

static bool
is_single_word(const Scan *scan, size_t start, size_t stop)
{
	if (start > 0 &&
		angle_char_is_word(char_at(scan, position_before(scan, start))))
		return false;
	return stop == scan->starts[3] || !angle_char_is_word(char_at(scan, stop));
}

/* Ends what comes before an added token or the end of the text. */
static void
flush(Scan *scan)
{
	angle_normalizer_flush(&scan->normalizer);
	angle_added_stream_flush(&scan->stream);
	angle_words_flush(&scan->words);
}

static void
take_added(Scan *scan, const AngleAddedMatch *match)
{
	size_t start = scan->position;
	size_t stop = start + match->size;

	flush(scan);
	while ((match->flags & ANGLE_ADDED_LSTRIP) && start > scan->piece &&
		   angle_char_is_space(char_at(scan, position_before(scan, start))))
		start = position_before(scan, start);
	while ((match->flags & ANGLE_ADDED_RSTRIP) && stop < scan->starts[3] &&
		   angle_char_is_space(char_at(scan, stop)))
		stop += angle_utf8_length((uint8_t) scan_byte(scan, stop));
	angle_token_list_push(&scan->list, match->id,
						  (AngleSpan){(int64_t) start, (int64_t) stop});
	scan->position = stop;
	scan->piece = stop;
}

/* Takes the added token at the position, if there is one. */
static bool
try_added(Scan *scan)
{
	AngleByteSource text = {scan_byte, scan};
	AngleAddedMatch match;

	if (scan->position < scan->barred ||
		!angle_added_match(&scan->tokenizer->raw, text, scan->position, &match))
		return false;
	if ((match.flags & ANGLE_ADDED_SINGLE_WORD) &&
		!is_single_word(scan, scan->position, scan->position + match.size))
	{
		scan->barred = scan->position + match.size;
		return false;
	}
	take_added(scan, &match);
	return true;
}

static void
take_char(Scan *scan, AngleBytes rest)
{
	size_t size = angle_utf8_length(rest.data[0]);
	AngleSpan span = {(int64_t) scan->position,
					  (int64_t) (scan->position + size)};

	angle_normalizer_push(&scan->normalizer, angle_utf8_decode(rest.data),
						  span);
	scan->position += size;
}

/* Takes characters until position is at or behind stop. */
static void
take_until(Scan *scan, size_t stop)
{
	while (scan->position < stop)
	{
		AngleBytes rest = rest_at(scan, scan->position);

		if (rest.data[0] < 0x80 && scan->normalizer.mark_count == 0 &&
			scan->tokenizer->ascii[rest.data[0]] != 0)
		{
			if (rest.size > stop - scan->position)
				rest.size = stop - scan->position;
			scan->position += angle_words_push_ascii(&scan->words, rest,
													 (int64_t) scan->position);
			continue;
		}
		if (!scan->tokenizer->raw.first[rest.data[0]] || !try_added(scan))
			take_char(scan, rest);
	}
}

/* Whether nothing that is still to come can change the result. */
static bool
is_full(const Scan *scan)
{
	return scan->list.no_memory ||
		   (scan->list.tokens.truncated && scan->parts[2].size == 0);
}

static AngleStatus
scan_run(Scan *scan, const AngleCancel *cancel, AngleError *err)
{
	size_t total = scan->starts[3];

	while (scan->position < total && !is_full(scan))
	{
		size_t left = total - scan->position;

		if (angle_cancelled(cancel))
			return angle_fail_cancelled(err);
		take_until(scan, scan->position +
							 (left < BYTES_PER_POLL ? left : BYTES_PER_POLL));
	}
	flush(scan);
	return ANGLE_OK;
}

AngleStatus
angle_tokenizer_encode(const AngleTokenizer *tokenizer,
					   const AngleTokenizerInput *input,
					   const AngleCancel *cancel, AngleArena *arena,
					   AngleTokens *tokens, AngleError *err)
{
	Scan *scan = angle_arena_alloc(arena, 1, sizeof(*scan));

	if (scan == NULL)
		return angle_no_memory(err);
	ANGLE_TRY(angle_utf8_check(input->prefix, "prompt", cancel, err));
	ANGLE_TRY(angle_utf8_check(input->text, "text", cancel, err));
	ANGLE_TRY(angle_utf8_check(input->suffix, "prompt", cancel, err));
	ANGLE_TRY(scan_init(scan, tokenizer, input, arena, err));
	ANGLE_TRY(scan_run(scan, cancel, err));
	return angle_token_list_finish(&scan->list, input, tokenizer, tokens, err);
}
