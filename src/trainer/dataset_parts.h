/* What the parts of a dataset know of each other. */
#ifndef ANGLE_DATASET_PARTS_H
#define ANGLE_DATASET_PARTS_H

#include "trainer/row_stream.h"

/* A text of the batch and its hash; NULL: free. */
typedef struct AngleTextSlot
{
	const AngleBytes *text;
	uint64_t hash;
} AngleTextSlot;

struct AngleDataset
{
	AngleDatasetOptions options; /* its sources are copies in the arena */
	AngleRowStream *streams;	 /* (source_count) */
	bool *blocked;				 /* (source_count) no row for this batch */
	AngleRng rng;				 /* of the mixture */
	int turn;					 /* of round robin */
	uint64_t batches;
	AngleRowList batch;		 /* the rows that were given last */
	AngleDatasetText *texts; /* (batch_rows, columns) */
	float *labels;			 /* (batch_rows) */
	size_t text_capacity;
	AngleTextSlot *slots; /* (slot_count) hash table, linear probing */
	size_t slot_count;	  /* a power of two, at least twice the texts */
};

#endif
