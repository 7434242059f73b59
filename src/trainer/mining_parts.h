/* What the parts of mining know of each other. */
#ifndef ANGLE_MINING_PARTS_H
#define ANGLE_MINING_PARTS_H

#include "trainer/mining.h"
#include "trainer/nearest.h"
#include "trainer/text_index.h"

/* A query with one of its positives, as places among the distinct texts. */
typedef struct AngleMiningRow
{
	uint32_t query;
	uint32_t positive;
	double similarity; /* of the two */
} AngleMiningRow;

/* Texts that grow; the bytes lie in an arena. */
typedef struct AngleTextList
{
	AngleBytes *texts; /* (count) */
	size_t count;
	size_t capacity;
} AngleTextList;

typedef struct AngleMining
{
	const AngleMiningOptions *options;
	AngleModelEncoder *encoder;
	AngleArena *memory;
	AngleMiningRow *rows; /* (row_count) in the order of the file */
	size_t row_count;
	AngleTextList queries;	 /* distinct */
	AngleTextList positives; /* distinct */
	/* rows by query, then by place: by_query[i] is a row */
	uint32_t *by_query;	 /* (row_count) */
	uint32_t *first_row; /* (queries + 1) where a query's rows start in it */
	AngleNearest nearest;
	/* of a corpus: what was found in it, ascending, with the texts */
	size_t *found;			 /* (found_count) */
	AngleBytes *found_texts; /* (found_count) */
	size_t found_count;
} AngleMining;

/* A copy of text in arena at the end of the list. */
ANGLE_MUST_CHECK AngleStatus angle_text_list_add(AngleTextList *list,
												 AngleBytes text,
												 AngleArena *arena,
												 AngleError *err);

/* Reads the rows: fills rows, the distinct texts, by_query and first_row. */
ANGLE_MUST_CHECK AngleStatus angle_mining_read(AngleMining *mining,
											   AngleError *err);

/* Embeds and searches; then nearest is finished and the texts of what was found are
 * known. */
ANGLE_MUST_CHECK AngleStatus angle_mining_search(AngleMining *mining,
												 AngleError *err);

/* The text of what nearest calls index. */
AngleBytes angle_mining_text(const AngleMining *mining, size_t index);

#endif
