#include "core/text/sentence.h"

#include <utf8proc.h>

#include "core/base/utf8.h"
#include "core/text/unicode.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* How a run of terminators ends a sentence. */
typedef enum EndKind
{
	END_NONE,
	END_FULL_STOP, /* perhaps: an abbreviation, or 3.14 */
	END_STRONG,	   /* before white space */
	END_WIDE,	   /* always */
} EndKind;

/* Of the scripts that set no space behind a sentence. */
static const uint32_t wide_terminators[] = {0x3002, 0xFF01, 0xFF1F, 0xFF61};

/* Unicode's STerm, of the scripts with more than a few readers. */
static const uint32_t strong_terminators[] = {
	'!',	'?',	0x0589, 0x061E, 0x061F, 0x06D4, 0x0964, 0x0965,
	0x104A, 0x104B, 0x1362, 0x1367, 0x17D4, 0x17D5, 0x203C, 0x203D,
	0x2047, 0x2048, 0x2049, 0xA4FF, 0xA6F3, 0xA6F7, 0xFE56, 0xFE57,
};

static const uint32_t full_stops[] = {'.', 0x2024, 0x2026, 0xFE52, 0xFF0E};

/* Marks that go on with a sentence (SContinue). */
static const uint32_t continuing[] = {
	',', '-', ':', ';', 0x2013, 0x2014, 0x3001, 0xFF0C, 0xFF1A, 0xFF1B,
};

static const char *const abbreviations[] = {
	"capt", "cf", "col", "dr",	 "gen", "gov", "hon", "lt",	 "messrs", "mr",
	"mrs",	"ms", "mt",	 "prof", "rep", "rev", "sen", "sgt", "st",	   "vs",
};

static const char *const before_numbers[] = {
	"al",  "approx", "apr", "art",	"aug", "ca",  "ch",	 "dec",	 "eq",
	"eqs", "feb",	 "fig", "figs", "jan", "jul", "jun", "mar",	 "no",
	"nos", "nov",	 "nr",	"oct",	"pp",  "sec", "sep", "sept", "vol",
};

/* The longest entry of both lists, and one letter more. */
#define MAX_ABBREVIATION 7

#define MAX_NUMBER_BYTES 64

static bool
is_one_of(uint32_t c, const uint32_t *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
	{
		if (list[i] == c)
			return true;
	}
	return false;
}

static EndKind
end_kind(uint32_t c)
{
	if (c < 0x80)
		return c == '.'				  ? END_FULL_STOP
			   : c == '!' || c == '?' ? END_STRONG
									  : END_NONE;
	if (is_one_of(c, wide_terminators, LENGTH(wide_terminators)))
		return END_WIDE;
	if (is_one_of(c, strong_terminators, LENGTH(strong_terminators)))
		return END_STRONG;
	if (is_one_of(c, full_stops, LENGTH(full_stops)))
		return END_FULL_STOP;
	return END_NONE;
}

bool
angle_char_ends_sentence(uint32_t c)
{
	return end_kind(c) != END_NONE;
}

static bool
is_quote(uint32_t c)
{
	utf8proc_category_t category = utf8proc_category((utf8proc_int32_t) c);

	return c == '"' || c == '\'' || category == UTF8PROC_CATEGORY_PI ||
		   category == UTF8PROC_CATEGORY_PF;
}

static bool
is_closing(uint32_t c)
{
	return is_quote(c) ||
		   utf8proc_category((utf8proc_int32_t) c) == UTF8PROC_CATEGORY_PE;
}

static bool
is_opening(uint32_t c)
{
	return is_quote(c) ||
		   utf8proc_category((utf8proc_int32_t) c) == UTF8PROC_CATEGORY_PS;
}

static bool
is_lower(uint32_t c)
{
	return utf8proc_category((utf8proc_int32_t) c) == UTF8PROC_CATEGORY_LL;
}

/* What stands behind a run of terminators. */
typedef struct Behind
{
	bool spaced;	 /* white space or the end of the text follows */
	bool end;		 /* nothing but white space is left */
	bool new_line;	 /* a line ends before the next character */
	uint32_t next;	 /* the next character that is not white space */
	uint32_t inside; /* the first one behind opening marks */
} Behind;

static size_t
skip_while(AngleBytes text, size_t end, size_t position,
		   bool (*skipped)(uint32_t c), bool *new_line)
{
	while (position < end)
	{
		uint32_t c = angle_utf8_decode(text.data + position);

		if (!skipped(c))
			break;
		*new_line |= c == '\n' || c == '\r';
		position += angle_utf8_length(text.data[position]);
	}
	return position;
}

static Behind
look_behind(AngleBytes text, size_t end, size_t stop)
{
	Behind behind = {.end = false};
	bool unused = false;
	size_t next =
		skip_while(text, end, stop, angle_char_is_space, &behind.new_line);
	size_t inside;

	behind.spaced = next > stop || next == end;
	behind.end = next == end;
	if (behind.end)
		return behind;
	behind.next = angle_utf8_decode(text.data + next);
	inside = skip_while(text, end, next, is_opening, &unused);
	if (inside < end)
		behind.inside = angle_utf8_decode(text.data + inside);
	return behind;
}

/* The letters right before position, lowered; at most MAX_ABBREVIATION. A
 * single letter of any script with cases is 1 long; other letters that are not
 * of ASCII give none. */
static size_t
word_before(AngleBytes text, size_t start, size_t position,
			char word[MAX_ABBREVIATION + 1])
{
	size_t first = position;
	size_t length = 0;

	while (first > start && length < MAX_ABBREVIATION)
	{
		size_t previous = first - 1;
		uint32_t c;

		while (previous > start && angle_utf8_continues(text.data[previous]))
			previous--;
		c = angle_utf8_decode(text.data + previous);
		if (!angle_char_is_word(c))
			break;
		if (c >= 0x80)
			c = utf8proc_isupper((utf8proc_int32_t) c) || is_lower(c) ? 0x7F
																	  : ' ';
		word[MAX_ABBREVIATION - ++length] = (char) (c | ' ');
		first = previous;
	}
	memmove(word, word + MAX_ABBREVIATION - length, length);
	word[length] = '\0';
	return length;
}

static bool
is_listed(const char *word, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
	{
		if (strcmp(list[i], word) == 0)
			return true;
	}
	return false;
}

static bool
is_abbreviated(AngleBytes text, size_t start, size_t position,
			   const Behind *behind)
{
	char word[MAX_ABBREVIATION + 1];
	size_t length = word_before(text, start, position, word);

	if (length == 1)
		return word[0] > '9';
	if (is_listed(word, abbreviations, LENGTH(abbreviations)))
		return true;
	return behind->inside < 0x80 && behind->inside >= '0' &&
		   behind->inside <= '9' &&
		   is_listed(word, before_numbers, LENGTH(before_numbers));
}

/* Whether a beginning is more than a number: so long, or with a letter. The
 * bound keeps the work linear where terminators follow each other. */
static bool
is_more_than_number(AngleBytes text, size_t start, size_t stop)
{
	if (stop - start > MAX_NUMBER_BYTES)
		return true;
	while (start < stop)
	{
		utf8proc_category_t category = utf8proc_category(
			(utf8proc_int32_t) angle_utf8_decode(text.data + start));

		if (category >= UTF8PROC_CATEGORY_LU &&
			category <= UTF8PROC_CATEGORY_LO)
			return true;
		start += angle_utf8_length(text.data[start]);
	}
	return false;
}

bool
angle_sentence_ends(AngleBytes text, AngleRange sentence, size_t position,
					size_t *stop)
{
	EndKind kind = END_NONE;
	size_t run = position;
	bool unused = false;
	Behind behind;

	while (run < sentence.stop)
	{
		EndKind next = end_kind(angle_utf8_decode(text.data + run));

		if (next == END_NONE)
			break;
		kind = next > kind ? next : kind;
		run += angle_utf8_length(text.data[run]);
	}
	*stop = skip_while(text, sentence.stop, run, is_closing, &unused);
	if (kind == END_WIDE)
		return is_more_than_number(text, sentence.start, position);
	behind = look_behind(text, sentence.stop, *stop);
	if (!behind.spaced)
		return false;
	if (behind.end)
		return true;
	if (!behind.new_line &&
		is_one_of(behind.next, continuing, LENGTH(continuing)))
		return false;
	if ((kind == END_FULL_STOP || *stop > run) && is_lower(behind.inside))
		return false;
	if (kind == END_FULL_STOP && run == position + 1 &&
		is_abbreviated(text, sentence.start, position, &behind))
		return false;
	return is_more_than_number(text, sentence.start, position);
}
