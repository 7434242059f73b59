/*
 * The rows of a scan that were seen and not been dealt with.
 *
 * A row is known by its code first, then by its body. Of the leaves that are read only rows are
 * kept whose bound is not above the estimates of so many others. Of each leaf it is known up to
 * which bound its rows were taken. When one that was left out may be the next, the leaves are
 * read again, and more rows of them are taken. So memory follows from how many rows are
 * asked for, and is bounded by work_mem, but for 16 bytes of each row that was looked up.
 *
 * Where all of the index is read, rows come leaf by leaf as their bodies say, some of each at
 * a time.
 *
 * A row has two entries, and is met in the leaf of either. It is dealt with as the one says
 * that is looked up first: the bodies of the rows that were looked up are remembered, 16
 * bytes each.
 */
#ifndef ANGLE_ROWS_H
#define ANGLE_ROWS_H

#include "pg/am/scan/queue.h"
#include "pg/am/scan/route.h"

/* Rows of a leaf that are queued at a time where it is read again. */
#define ANGLE_ROWS_AT_A_TIME 16

/* What is known of a row. */
typedef struct AngleRowItem
{
	AngleLeafEntry entry;
	uint32 leaf; /* its place in leaves */
} AngleRowItem;

/* A leaf that was read. */
typedef struct AngleSeenLeaf
{
	AngleLeaf leaf;
	float rest; /* rows with greater keys were left out; infinite: none */
	uint16
		slot; /* of a leaf in the queue: its rows from this one on are left */
} AngleSeenLeaf;

typedef struct AngleRows
{
	AngleQueue known; /* rows that are known by their bodies: places of items */
	AngleQueue
		queue; /* leaves with rows that are left, where all is read: places */
	double margins;	  /* the sum of those of the rows that were looked up … */
	double looked_up; /* … so many */
	AngleRowItem *items;
	uint32 count;
	uint32 capacity;
	uint32 free; /* UINT32_MAX: none; else chained by leaf */
	AngleSeenLeaf *leaves;
	uint32 leaf_count;
	uint32 leaf_capacity;
	float least_rest; /* of all leaves */

	/* Rows that are known by their code, as places of items: from near_next on to
	 * near_sorted in order, to near_parted those that come later, behind that as they
	 * were taken. */
	float *near_keys;
	uint32 *near_items;
	uint32 near_next;
	uint32 near_sorted;
	uint32 near_parted;
	uint32 near_count;
	uint32 near_capacity;
	double asked;	 /* rows that are to be given out, as was said last */
	uint32 prune_at; /* so many that are near some are left out of again */
	float *
		best; /* (best_capacity): the best_rank smallest estimates, and others */
	uint32 best_rank;
	uint32 best_count;
	uint32 best_capacity;
	uint32 stride; /* one in so many estimates counts, a power of 2 … */
	uint32 phase;  /* … by the number of the block */
	float limit;   /* of keys that are near; falls */
	struct met_hash
		*met; /* bodies; NULL where rows come by their first entry only */
} AngleRows;

/* In the current memory context. once: rows come by one of their entries only. */
void angle_rows_init(AngleRows *rows, bool once);

/* Says that so many rows are to be given out in all: how many are near. */
void angle_rows_expect(AngleRows *rows, double asked);

/* Whether a row that was left out may come before all others. No row is unsorted. */
bool angle_rows_exhausted(const AngleRows *rows);

/* Says that leaves are read again, those that have a rest: more rows are near. */
void angle_rows_widen(AngleRows *rows);

/* Adds a leaf; returns its place. */
uint32 angle_rows_add_leaf(AngleRows *rows, const AngleLeaf *leaf);

/* Gives back the item of a row that was dealt with. */
void angle_rows_free_item(AngleRows *rows, uint32 place);

/* Says what rows of a leaf are estimated at, those of a block whose bits are set in near, and
 * again for each block: the limit may fall. */
void angle_rows_estimated(AngleRows *rows, const float *estimates, int blocks,
						  const uint16 *near);

/* Takes a row of the leaf at place, whose key is not above limit. */
void angle_rows_take(AngleRows *rows, uint32 place, const AngleLeafEntry *entry,
					 float key);

/* Notes that the row is looked up; false if it was before. */
bool angle_rows_meet(AngleRows *rows, AngleBodyPointer body);

/* Says what the body of this item's row says. */
void angle_rows_looked_up(AngleRows *rows, uint32 place, AngleRowKey key);

/* Whether a row or a leaf has to be looked at before the first one that is known by its
 * body. No row is unsorted. */
bool angle_rows_unread(const AngleRows *rows);

/* A bound of the keys by bodies of all rows of leaves that were read. */
double angle_rows_bound(const AngleRows *rows);

/* Says that rows of the leaf at place were left out whose keys are above limit. */
void angle_rows_leave(AngleRows *rows, uint32 place);

/* Whether the next of the rows that are known by their code may not be a sorted one. */
static inline bool
angle_rows_unsorted(const AngleRows *rows)
{
	return rows->near_count > (rows->near_next < rows->near_sorted
								   ? rows->near_parted
								   : rows->near_sorted);
}

/* Whether no row is left of the leaves that were read. */
static inline bool
angle_rows_none(const AngleRows *rows)
{
	return rows->known.count == 0 && rows->queue.count == 0 &&
		   rows->near_next == rows->near_count && rows->least_rest == INFINITY;
}

/* Sorts the nearest of what was taken. */
void angle_rows_sort(AngleRows *rows);

/* The least key of rows that are known by their code; infinite if there is none.
 * No row is unsorted. */
static inline double
angle_rows_least_near(const AngleRows *rows)
{
	return rows->near_next < rows->near_sorted
			   ? rows->near_keys[rows->near_next]
			   : INFINITY;
}

/* Some rows of a leaf: so many, from the key and slot on. */
typedef struct AngleRowsPart
{
	uint32 place; /* of the leaf */
	double floor;
	int slot;
	size_t most;
} AngleRowsPart;

/* Adds the nearest of part, as known by their bodies, and queues the leaf if any are left. */
void angle_rows_add_part(AngleRows *rows, const AngleRowsPart *part,
						 const AngleLeafEntry *entries, const double *keys,
						 int count);

#endif
