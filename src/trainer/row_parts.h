/* Which columns of a table play which part in a row of training data. */
#ifndef ANGLE_ROW_PARTS_H
#define ANGLE_ROW_PARTS_H

#include "trainer/dataset.h"

/* The column of a condition that rows must fulfil. */
typedef struct AngleRowCondition
{
	int column; /* place in the selection */
	AngleBytes value;
	bool is_equal; /* false: the column must differ */
} AngleRowCondition;

#define ANGLE_ROW_MAX_CONDITIONS 32
#define ANGLE_ROW_MAX_SELECTED \
	(ANGLE_DATASET_MAX_TEXTS + 1 + ANGLE_ROW_MAX_CONDITIONS)

/* Selected from the table are the texts in their order, the label if there is
 * one, the columns of conditions. */
typedef struct AngleRowParts
{
	AngleRowShape shape;
	int text_count;	  /* columns with texts, lists counted as one */
	int label_column; /* place in the selection, −1: none */
	AngleRowCondition conditions[ANGLE_ROW_MAX_CONDITIONS];
	int condition_count;
} AngleRowParts;

/* Finds the parts that source speaks of in the table's header and selects their
 * columns. Names lie in arena.
 * Errors: ANGLE_INVALID_ARGUMENT, with the columns that there are. */
ANGLE_MUST_CHECK AngleStatus
angle_row_parts_find(const AngleDatasetSource *source, AngleTable *table,
					 AngleArena *arena, AngleRowParts *parts, AngleError *err);

#endif
