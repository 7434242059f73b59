/* Rows of a scan: see scan_rows.h. */
#include "postgres.h"

#include "pg/am/scan_rows.h"

/* So many of the nearest rows are kept. Some 100 are looked up for ten; a row
 * that was left out and is due all the same costs a second look at its leaf. */
#define NEAR 256

void
angle_rows_init(AngleRows *rows)
{
	const uint32 start = 1024;

	memset(rows, 0, sizeof(*rows));
	angle_queue_make(&rows->queue, start);
	rows->capacity = start;
	rows->items = palloc(start * sizeof(AngleRowItem));
	rows->free = UINT32_MAX;
	rows->leaf_capacity = 128;
	rows->leaves = palloc(rows->leaf_capacity * sizeof(AngleSeenLeaf));
	rows->near_capacity = 3 * NEAR;
	rows->near = palloc(rows->near_capacity * sizeof(AngleCandidate));
	rows->limit = rows->least_rest = INFINITY;
}

uint32
angle_rows_add_leaf(AngleRows *rows, const AngleLeaf *leaf)
{
	if (rows->leaf_count == rows->leaf_capacity)
	{
		rows->leaf_capacity *= 2;
		rows->leaves = repalloc_huge(rows->leaves, rows->leaf_capacity *
													   sizeof(AngleSeenLeaf));
	}
	rows->leaves[rows->leaf_count] =
		(AngleSeenLeaf){.leaf = *leaf, .rest = INFINITY};
	return rows->leaf_count++;
}

uint32
angle_rows_add_item(AngleRows *rows, ItemPointer tid, uint32 leaf, int slot)
{
	uint32 place = rows->free;

	if (place != UINT32_MAX)
		rows->free = rows->items[place].leaf;
	else
	{
		if (rows->count == rows->capacity)
		{
			rows->capacity *= 2;
			rows->items = repalloc_huge(rows->items,
										rows->capacity * sizeof(AngleRowItem));
		}
		place = rows->count++;
	}
	rows->items[place] = (AngleRowItem){*tid, (uint16) slot, leaf};
	return place;
}

void
angle_rows_free_item(AngleRows *rows, uint32 place)
{
	rows->items[place].leaf = rows->free;
	rows->free = place;
}

void
angle_rows_leave(AngleRows *rows, uint32 place)
{
	AngleSeenLeaf *leaf = &rows->leaves[place];

	leaf->rest = Min(leaf->rest, rows->limit);
	leaf->slot = UINT16_MAX;
	rows->least_rest = Min(rows->least_rest, leaf->rest);
}

/* Brings the candidate of this rank in the order of keys to its place, smaller ones
 * before it (Hoare's selection). */
static void
select_rank(AngleCandidate *x, uint32 count, uint32 rank)
{
	int64 first = 0, last = (int64) count - 1;

	while (first < last)
	{
		const double pivot = x[first + (last - first) / 2].key;
		int64 i = first, j = last;

		while (i <= j)
		{
			while (x[i].key < pivot)
				i++;
			while (x[j].key > pivot)
				j--;
			if (i <= j)
			{
				AngleCandidate swap = x[i];

				x[i++] = x[j];
				x[j--] = swap;
			}
		}
		if (rank <= j)
			last = j;
		else if (rank >= i)
			first = i;
		else
			return;
	}
}

/* Leaves out what is further than the nearest NEAR. */
static void
narrow(AngleRows *rows)
{
	uint32 kept = 0;

	select_rank(rows->near, rows->near_count, NEAR - 1);
	rows->limit = (float) rows->near[NEAR - 1].key;
	for (uint32 i = 0; i < rows->near_count; i++)
	{
		const AngleCandidate row = rows->near[i];

		if (row.key <= rows->limit)
		{
			rows->near[kept++] = row;
			continue;
		}
		angle_rows_leave(rows, rows->items[row.id].leaf);
		angle_rows_free_item(rows, (uint32) row.id);
	}
	rows->near_count = kept;
	if (kept > rows->near_capacity / 2)
	{
		/* so many are equally far */
		rows->near_capacity *= 2;
		rows->near = repalloc_huge(rows->near, rows->near_capacity *
												   sizeof(AngleCandidate));
	}
}

void
angle_rows_take(AngleRows *rows, uint32 place, ItemPointer tid, int slot,
				float key)
{
	uint32 item = angle_rows_add_item(rows, tid, place, slot);

	rows->near[rows->near_count++] = (AngleCandidate){key, item};
	if (rows->near_count == rows->near_capacity)
		narrow(rows);
}

/* Queues an item for the rows that were left out of each leaf. */
static void
queue_rests(AngleRows *rows)
{
	for (; rows->rests_queued < rows->leaf_count; rows->rests_queued++)
	{
		const uint32 place = rows->rests_queued;

		if (rows->leaves[place].rest < INFINITY)
			angle_queue_add(&rows->queue, rows->leaves[place].rest,
							angle_item_id(ANGLE_ITEM_REST, place));
	}
	rows->least_rest = INFINITY;
}

void
angle_rows_flush(AngleRows *rows)
{
	if (rows->near_count > NEAR)
		narrow(rows);
	for (uint32 i = 0; i < rows->near_count; i++)
		angle_queue_add(&rows->queue, rows->near[i].key,
						angle_item_id(ANGLE_ITEM_ROW, rows->near[i].id));
	rows->near_count = 0;
	if (angle_queue_least(&rows->queue) >= rows->least_rest &&
		rows->least_rest < INFINITY)
		queue_rests(rows);
}

void
angle_rows_queue(AngleRows *rows, const AngleRowsPart *part, ItemPointer tids,
				 const double *keys, int count)
{
	AngleCandidate *nearest = palloc((count + 1) * sizeof(AngleCandidate));
	AngleTop top;

	angle_top_init(&top, nearest, Min(part->most, (size_t) count) + 1);
	for (int i = 0; i < count; i++)
		if (keys[i] > part->floor ||
			(keys[i] == part->floor && i >= part->slot))
			(void) angle_top_offer(&top, keys[i], i);
	angle_top_sort(&top);
	for (size_t i = 0; i < top.count; i++)
	{
		const int slot = (int) nearest[i].id;

		if (i == part->most)
		{
			rows->leaves[part->place].slot = slot;
			angle_queue_add(&rows->queue, nearest[i].key,
							angle_item_id(ANGLE_ITEM_REST, part->place));
			break;
		}
		angle_queue_add(
			&rows->queue, nearest[i].key,
			angle_item_id(part->kind, angle_rows_add_item(rows, &tids[slot],
														  part->place, slot)));
	}
	pfree(nearest);
}
