/*
 * BertNormalizer: a stream of characters in, a stream of normalised characters
 * out, each with the bytes that it stems from. Nothing is buffered but the
 * combining marks behind one base character.
 */
#ifndef ANGLE_NORMALIZE_H
#define ANGLE_NORMALIZE_H

#include "core/base/status.h"
#include "core/text/unicode.h"

/* Steps, in the order in which they are done. */
typedef enum AngleNormalizeFlags
{
	ANGLE_CLEAN_TEXT = 1,	 /* drop controls, make white space U+0020 */
	ANGLE_SPLIT_CHINESE = 2, /* spaces around ideographs */
	ANGLE_STRIP_ACCENTS = 4, /* decompose, drop nonspacing marks */
	ANGLE_LOWERCASE = 8,
} AngleNormalizeFlags;

#define ANGLE_NORMALIZE_ALL 15u

/* Bytes [start, stop) of the input. */
typedef struct AngleSpan
{
	int64_t start;
	int64_t stop;
} AngleSpan;

/* Receives the normalised characters in order. */
typedef struct AngleCharSink
{
	void (*push)(void *context, uint32_t c, AngleSpan span);
	void *context;
} AngleCharSink;

/* More marks than this behind one base are put in canonical order in groups
 * of this size; no language comes near. */
#define ANGLE_MAX_MARKS 128

typedef struct AnglePendingMark
{
	uint32_t c;
	uint8_t combining;
	bool inserted; /* not the first of its decomposition */
} AnglePendingMark;

typedef struct AngleNormalizer
{
	uint32_t flags; /* AngleNormalizeFlags */
	AngleCharSink sink;
	AngleSpan last; /* of the last character that left the ordering */
	int mark_count;
	int span_count;
	AnglePendingMark marks[ANGLE_MAX_MARKS]; /* in canonical order */
	AngleSpan spans[ANGLE_MAX_MARKS]; /* of the marks not inserted, in text
									   * order */
} AngleNormalizer;

void angle_normalizer_init(AngleNormalizer *normalizer, uint32_t flags,
						   AngleCharSink sink);

void
angle_normalizer_push(AngleNormalizer *normalizer, uint32_t c, AngleSpan span);

/* Pushes out what is pending: at the end of a text, or where it is cut. */
void angle_normalizer_flush(AngleNormalizer *normalizer);

#endif
