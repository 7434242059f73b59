#include "core/text/normalize.h"

void
angle_normalizer_init(AngleNormalizer *normalizer, uint32_t flags,
					  AngleCharSink sink)
{
	normalizer->flags = flags;
	normalizer->sink = sink;
	normalizer->last = (AngleSpan){0, 0};
	normalizer->mark_count = 0;
	normalizer->span_count = 0;
}

static void
push_lowered(const AngleNormalizer *normalizer, uint32_t c, AngleSpan span)
{
	uint32_t lowered[ANGLE_MAX_LOWERED] = {c};
	int count = 1;

	if (normalizer->flags & ANGLE_LOWERCASE)
		count = angle_char_lower(c, lowered);
	for (int i = 0; i < count; i++)
		normalizer->sink.push(normalizer->sink.context, lowered[i], span);
}

static void
push_unless_mark(const AngleNormalizer *normalizer, uint32_t c, AngleSpan span)
{
	if (angle_char_class(c) != ANGLE_CHAR_MARK)
		push_lowered(normalizer, c, span);
}

/* Spans are dealt out by position, as Hugging Face does: a mark that was moved
 * gets the span of the place where it now stands. */
void
angle_normalizer_flush(AngleNormalizer *normalizer)
{
	int next_span = 0;

	for (int i = 0; i < normalizer->mark_count; i++)
	{
		const AnglePendingMark *mark = &normalizer->marks[i];

		if (!mark->inserted)
			normalizer->last = normalizer->spans[next_span++];
		push_unless_mark(normalizer, mark->c, normalizer->last);
	}
	normalizer->mark_count = 0;
	normalizer->span_count = 0;
}

/* Inserts behind the marks of the same or a lower class: canonical ordering
 * (Unicode 15, D109) is a stable sort. */
static void
add_mark(AngleNormalizer *normalizer, AnglePendingMark mark)
{
	int i = normalizer->mark_count++;

	for (; i > 0 && normalizer->marks[i - 1].combining > mark.combining; i--)
		normalizer->marks[i] = normalizer->marks[i - 1];
	normalizer->marks[i] = mark;
}

static void
push_decomposed(AngleNormalizer *normalizer, uint32_t c, AngleSpan span)
{
	uint32_t parts[ANGLE_MAX_DECOMPOSED];
	int count = angle_char_decompose(c, parts);

	if (normalizer->mark_count + count > ANGLE_MAX_MARKS)
		angle_normalizer_flush(normalizer);
	for (int i = 0; i < count; i++)
	{
		int combining = angle_char_combining(parts[i]);

		if (combining == 0)
		{
			angle_normalizer_flush(normalizer);
			normalizer->last = span;
			push_unless_mark(normalizer, parts[i], span);
			continue;
		}
		add_mark(normalizer,
				 (AnglePendingMark){parts[i], (uint8_t) combining, i > 0});
		if (i == 0)
			normalizer->spans[normalizer->span_count++] = span;
	}
}

static void
push_ordered(AngleNormalizer *normalizer, uint32_t c, AngleSpan span)
{
	if (normalizer->flags & ANGLE_STRIP_ACCENTS)
		push_decomposed(normalizer, c, span);
	else
		push_lowered(normalizer, c, span);
}

void
angle_normalizer_push(AngleNormalizer *normalizer, uint32_t c, AngleSpan span)
{
	bool apart;

	if (normalizer->flags & ANGLE_CLEAN_TEXT)
	{
		if (c == '\t' || c == '\n' || c == '\r')
			c = ' ';
		else if (angle_char_class(c) == ANGLE_CHAR_CONTROL)
			return;
		else if (angle_char_is_space(c))
			c = ' ';
	}
	apart =
		(normalizer->flags & ANGLE_SPLIT_CHINESE) && angle_char_is_chinese(c);
	if (apart)
		push_ordered(normalizer, ' ', span);
	push_ordered(normalizer, c, span);
	if (apart)
		push_ordered(normalizer, ' ', span);
}
