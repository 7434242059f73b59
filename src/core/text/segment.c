#include "core/text/segment.h"

#include <utf8proc.h>

#include "core/base/utf8.h"
#include "core/text/sentence.h"
#include "core/text/unicode.h"

/* Between two questions whether the caller wants to stop. */
#define BYTES_PER_POLL 65536

void
angle_segmenter_init(AngleSegmenter *segmenter, AngleBytes text,
					 AngleRange part, AngleUnit unit, const AngleCancel *cancel)
{
	*segmenter = (AngleSegmenter){
		.text = text,
		.unit = unit,
		.cancel = cancel,
		.position = part.start,
		.end = part.stop,
		.poll = part.start + BYTES_PER_POLL,
	};
}

static bool
is_stopped(AngleSegmenter *segmenter, size_t position)
{
	if (position < segmenter->poll)
		return segmenter->cancelled;
	segmenter->poll = position + BYTES_PER_POLL;
	segmenter->cancelled |= angle_cancelled(segmenter->cancel);
	return segmenter->cancelled;
}

/* A run of white space. */
typedef struct Gap
{
	size_t stop;
	int lines; /* ends of lines in it; 2 for the end of a paragraph */
} Gap;

static Gap
read_gap(AngleSegmenter *segmenter, size_t position)
{
	const uint8_t *p = segmenter->text.data;
	Gap gap = {position, 0};

	while (gap.stop < segmenter->end && !is_stopped(segmenter, gap.stop))
	{
		uint32_t c = angle_utf8_decode(p + gap.stop);
		size_t size = angle_utf8_length(p[gap.stop]);

		if (!angle_char_is_space(c))
			break;
		if (c == '\r' && gap.stop + 1 < segmenter->end &&
			p[gap.stop + 1] == '\n')
			size = 2;
		if (c == '\f' || c == 0x2029)
			gap.lines = 2;
		else if ((c == '\n' || c == '\v' || c == '\r' || c == 0x85 ||
				  c == 0x2028) &&
				 gap.lines < 2)
			gap.lines++;
		gap.stop += size;
	}
	return gap;
}

/* Whether white space may stand for the end of a unit. */
static bool
gap_ends(AngleUnit unit, const Gap *gap)
{
	switch (unit)
	{
		case ANGLE_UNIT_PARAGRAPH:
			return gap->lines >= 2;
		case ANGLE_UNIT_LINE:
			return gap->lines >= 1;
		case ANGLE_UNIT_WORD:
			return true;
		case ANGLE_UNIT_SENTENCE:
			break;
	}
	return false;
}

/* Whether a word ends between two characters without white space: before an
 * ideograph that no bracket opens, and before a letter behind one. */
static bool
splits(uint32_t before, uint32_t c)
{
	utf8proc_category_t category;

	if (!angle_char_is_chinese(c))
		return angle_char_is_chinese(before) && angle_char_is_word(c);
	category = utf8proc_category((utf8proc_int32_t) before);
	return category != UTF8PROC_CATEGORY_PS && category != UTF8PROC_CATEGORY_PI;
}

/* Whether a unit ends at position, before or behind the character c there; if
 * behind, *stop is moved there. */
static bool
ends_at(AngleSegmenter *segmenter, size_t start, size_t position,
		uint32_t before, size_t *stop)
{
	uint32_t c = angle_utf8_decode(segmenter->text.data + position);

	*stop = position;
	if (segmenter->unit == ANGLE_UNIT_WORD)
		return position > start && splits(before, c);
	if (segmenter->unit == ANGLE_UNIT_SENTENCE && angle_char_ends_sentence(c))
		return angle_sentence_ends(segmenter->text,
								   (AngleRange){start, segmenter->end},
								   position, stop);
	return false;
}

bool
angle_segmenter_next(AngleSegmenter *segmenter, AngleRange *range)
{
	size_t start = read_gap(segmenter, segmenter->position).stop;
	size_t position = start;
	uint32_t before = 0;

	*range = (AngleRange){start, start};
	while (position < segmenter->end && !is_stopped(segmenter, position))
	{
		uint32_t c = angle_utf8_decode(segmenter->text.data + position);
		size_t stop;

		if (angle_char_is_space(c))
		{
			Gap gap = read_gap(segmenter, position);

			position = gap.stop;
			if (gap_ends(segmenter->unit, &gap))
				break;
			before = ' ';
			continue;
		}
		if (ends_at(segmenter, start, position, before, &stop))
		{
			range->stop = position = stop;
			break;
		}
		before = c;
		position =
			stop > position
				? stop
				: position + angle_utf8_length(segmenter->text.data[position]);
		range->stop = position;
	}
	segmenter->position = position;
	return range->stop > range->start && !segmenter->cancelled;
}
