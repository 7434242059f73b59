/* Rows of a scan: see rows.h. */
#include "postgres.h"

#include <math.h>

#include "port/pg_bitutils.h"

#include "core/ann/order.h"
#include "pg/am/scan/candidates.h"
#include "pg/am/scan/rows.h"

/* Rows are near whose bound is not above so many estimates: as many as are asked for,
 * times this, for rows may be further than their estimates say. A row that was left out and
 * is due all the same costs a second look at its leaf. */
#define NEAR_SHARE 7

/* Estimates that are kept beside these, how many more are the occasion to let go of them, and
 * how many may stay. */
#define BEST_MORE 64
#define BEST_SOON 16
#define BEST_SLACK 8

/* Where more are asked for than so many, those with the least bounds are near, but for equal
 * ones: so many times the root of what is asked for, for of many the bounds overlap. As many
 * again for each batch that has leaves read. To keep the least estimates would take longer
 * than to take rows in vain. */
#define MANY 50
#define MANY_SHARE 283

/* Where less are asked for there are seldom as many as this. */
#define FEW_MOST 2048

/* Of so many none is left out. */
#define KEPT 2048

/* Rows that are sorted at a time: so many, or a part of all where those are many. Ten rows
 * are ready after some thirty were looked up. */
#define SORT_LEAST 64
#define SORT_SHARE 8

/* Rows that are remembered at first. */
#define MET_START 200

/* A body, by its block and slot. */
typedef struct Met
{
	uint64 body;
	char status;
} Met;

static inline uint32
hash_body(uint64 body)
{
	return (uint32) (body * UINT64CONST(0x9e3779b97f4a7c15) >> 32);
}

#define SH_PREFIX met
#define SH_ELEMENT_TYPE Met
#define SH_KEY_TYPE uint64
#define SH_KEY body
#define SH_HASH_KEY(table, key) hash_body(key)
#define SH_EQUAL(table, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

static inline uint64
key_of(AngleBodyPointer body)
{
	return (uint64) angle_body_block(body) << 16 | angle_body_slot(body);
}

static bool
was_met(const AngleRows *rows, AngleBodyPointer body)
{
	return rows->met != NULL && met_lookup(rows->met, key_of(body)) != NULL;
}

bool
angle_rows_meet(AngleRows *rows, AngleBodyPointer body)
{
	bool found = false;

	if (rows->met != NULL)
		(void) met_insert(rows->met, key_of(body), &found);
	return !found;
}

void
angle_rows_init(AngleRows *rows, bool once)
{
	/* arrays of less than 8 kB, which memory contexts do not give back at once */
	const uint32 start = 480;

	memset(rows, 0, sizeof(*rows));
	angle_queue_make(&rows->known, 64);
	angle_queue_make(&rows->queue, 64);
	rows->capacity = start;
	rows->items = palloc(start * sizeof(AngleRowItem));
	rows->free = UINT32_MAX;
	rows->leaf_capacity = 128;
	rows->leaves = palloc(rows->leaf_capacity * sizeof(AngleSeenLeaf));
	rows->near_capacity = start;
	rows->near_keys = palloc(start * sizeof(float));
	rows->near_items = palloc(start * sizeof(uint32));
	rows->most = FEW_MOST;
	rows->limit = rows->least_rest = INFINITY;
	if (!once)
		rows->met = met_create(CurrentMemoryContext, MET_START, NULL);
}

void
angle_rows_expect(AngleRows *rows, double asked)
{
	const uint32 rank = (uint32) (asked * NEAR_SHARE);

	if (asked > MANY)
	{
		rows->most = (uint32) (MANY_SHARE * sqrt(asked));
		rows->best_rank = 0;
		rows->limit = INFINITY;
		return;
	}
	if (rank <= rows->best_rank)
		return;
	rows->best_rank = rank;
	rows->best_capacity = rank + BEST_MORE;
	rows->best =
		rows->best == NULL
			? palloc(rows->best_capacity * sizeof(float))
			: repalloc(rows->best, rows->best_capacity * sizeof(float));
	rows->limit = INFINITY;
}

/* Keeps the smallest estimates only, of which the limit is the greatest. */
static void
narrow(AngleRows *rows)
{
	const uint32 count = rows->best_count;
	float *best = rows->best;
	uint32 kept = 0;

	if (count <= rows->best_rank)
		return;
	rows->limit =
		Min(rows->limit,
			angle_order_limit(best, count, rows->best_rank, BEST_SLACK));
	for (uint32 i = 0; i < count && kept < rows->best_rank + BEST_SLACK; i++)
	{
		best[kept] = best[i];
		kept += best[i] <= rows->limit;
	}
	rows->best_count = kept;
}

void
angle_rows_estimated(AngleRows *rows, const float *estimates, int blocks,
					 const uint16 *near)
{
	if (rows->best_rank == 0)
		return;
	for (int block = 0; block < blocks; block++)
	{
		if (rows->best_count + ANGLE_BLOCK > rows->best_capacity)
			narrow(rows);
		for (unsigned bits = near[block]; bits != 0; bits &= bits - 1)
		{
			const float estimate =
				estimates[block * ANGLE_BLOCK + pg_rightmost_one_pos32(bits)];

			rows->best[rows->best_count] = estimate;
			rows->best_count += estimate < rows->limit;
		}
	}
	if (rows->best_count >= rows->best_rank + BEST_SOON)
		narrow(rows);
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

/* Adds an item; returns its place. */
static uint32
add_item(AngleRows *rows, const AngleLeafEntry *entry, uint32 leaf)
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
	rows->items[place] = (AngleRowItem){*entry, leaf};
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

/* Leaves out the rows taken last, from place on, that are above limit. */
static void
leave_far(AngleRows *rows, uint32 place)
{
	uint32 kept = place;

	for (uint32 i = place; i < rows->near_count; i++)
	{
		const float key = rows->near_keys[i];
		const uint32 item = rows->near_items[i];

		if (key <= rows->limit)
		{
			rows->near_keys[kept] = key;
			rows->near_items[kept++] = item;
			continue;
		}
		angle_rows_leave(rows, rows->items[item].leaf);
		angle_rows_free_item(rows, item);
	}
	rows->near_count = kept;
}

/* Forgets those of the rows that are near which were dealt with. */
static void
drop_next(AngleRows *rows)
{
	const uint32 next = rows->near_next;

	rows->near_count -= next;
	rows->near_parted -= next;
	memmove(rows->near_keys, rows->near_keys + next,
			rows->near_count * sizeof(float));
	memmove(rows->near_items, rows->near_items + next,
			rows->near_count * sizeof(uint32));
	rows->near_next = rows->near_sorted = 0;
}

/* Leaves out rows that are not near, unless there are few. Only those may be that were taken
 * since this was done last: rests of the leaves of others may have been queued. */
static void
prune_near(AngleRows *rows)
{
	const uint32 taken = rows->near_count - rows->near_parted;

	if (taken > rows->most)
		rows->limit = Min(rows->limit,
						  angle_order_limit(rows->near_keys + rows->near_parted,
											taken, rows->most, rows->most / 8));
	if (rows->near_count > KEPT)
		leave_far(rows, rows->near_parted);
	rows->near_parted = rows->near_count;
}

/* Sorts the first of the rows that are near. */
static void
sort_rows(AngleRows *rows, uint32 count)
{
	const Size keys_size = count * sizeof(float);
	const Size items_size = count * sizeof(uint32);
	float *keys = palloc_extended(keys_size, MCXT_ALLOC_HUGE);
	uint32 *items = palloc_extended(items_size, MCXT_ALLOC_HUGE);
	uint32 *places = palloc_extended(items_size, MCXT_ALLOC_HUGE);

	angle_candidates_order(rows->near_keys, count, places);
	for (uint32 i = 0; i < count; i++)
	{
		keys[i] = rows->near_keys[places[i]];
		items[i] = rows->near_items[places[i]];
	}
	memcpy(rows->near_keys, keys, keys_size);
	memcpy(rows->near_items, items, items_size);
	pfree(places);
	pfree(items);
	pfree(keys);
}

/* Puts in front those of the rows that are near which come before the others, so many or some
 * more; returns how many they are. */
static uint32
part_near(AngleRows *rows, uint32 wanted)
{
	const uint32 count = rows->near_count;
	const float limit =
		angle_order_limit(rows->near_keys, count, wanted, wanted / 4);
	const uint32 before = angle_order_count(rows->near_keys, count, limit);
	float *keys =
		palloc_extended(rows->near_capacity * sizeof(float), MCXT_ALLOC_HUGE);
	uint32 *items =
		palloc_extended(rows->near_capacity * sizeof(uint32), MCXT_ALLOC_HUGE);
	uint32 first = 0, rest = before;

	for (uint32 i = 0; i < count; i++)
	{
		const bool is_before = rows->near_keys[i] <= limit;
		const uint32 to = is_before ? first : rest;

		keys[to] = rows->near_keys[i];
		items[to] = rows->near_items[i];
		first += is_before;
		rest += !is_before;
	}
	pfree(rows->near_keys);
	pfree(rows->near_items);
	rows->near_keys = keys;
	rows->near_items = items;
	return before;
}

/* Sorts the nearest rows that are known by their code. */
static void
sort_near(AngleRows *rows)
{
	uint32 wanted;

	drop_next(rows);
	prune_near(rows);
	wanted =
		Min(rows->near_count, Max(SORT_LEAST, rows->near_count / SORT_SHARE));
	if (wanted < rows->near_count)
		wanted = part_near(rows, wanted);
	sort_rows(rows, wanted);
	rows->near_sorted = wanted;
}

/* Makes room for one more. */
static void
grow_near(AngleRows *rows)
{
	if (rows->near_count - rows->near_parted >= 2 * rows->most)
	{
		drop_next(rows);
		prune_near(rows);
	}
	if (rows->near_count < rows->near_capacity / 2)
		return;
	rows->near_capacity *= 2;
	rows->near_keys =
		repalloc_huge(rows->near_keys, rows->near_capacity * sizeof(float));
	rows->near_items =
		repalloc_huge(rows->near_items, rows->near_capacity * sizeof(uint32));
}

void
angle_rows_take(AngleRows *rows, uint32 place, const AngleLeafEntry *entry,
				float key)
{
	uint32 item;

	item = add_item(rows, entry, place);
	if (rows->near_count == rows->near_capacity)
		grow_near(rows);
	rows->near_keys[rows->near_count] = key;
	rows->near_items[rows->near_count++] = item;
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

/* By how much the key that a body will have is below its estimate, about. Bodies say less
 * than codes where rows are very near to one another. */
static double
margin(const AngleRows *rows)
{
	return rows->looked_up > 0 ? rows->margins / rows->looked_up : 0;
}

/* The least bound of the distance of what was not looked at. */
static double
least_unread(const AngleRows *rows)
{
	return Min(angle_queue_least(&rows->queue), angle_rows_least_near(rows));
}

void
angle_rows_flush(AngleRows *rows)
{
	if (angle_rows_unsorted(rows))
		sort_near(rows);
	if (least_unread(rows) >= rows->least_rest &&
		angle_queue_least(&rows->known) + margin(rows) >= rows->least_rest &&
		rows->least_rest < INFINITY)
		queue_rests(rows);
}

void
angle_rows_looked_up(AngleRows *rows, uint32 place, AngleRowKey key)
{
	rows->margins += key.margin;
	rows->looked_up++;
	angle_queue_add(&rows->known, key.key, place);
}

double
angle_rows_bound(const AngleRows *rows)
{
	return Min(angle_queue_least(&rows->known),
			   Min(least_unread(rows), rows->least_rest) - margin(rows));
}

bool
angle_rows_unread(const AngleRows *rows)
{
	return (rows->queue.count > 0 || rows->near_next < rows->near_sorted) &&
		   least_unread(rows) - margin(rows) <= angle_queue_least(&rows->known);
}

static void
add_row(AngleRows *rows, const AngleRowsPart *part, const AngleLeafEntry *entry,
		double key)
{
	const uint32 item = add_item(rows, entry, part->place);

	if (part->known)
		angle_queue_add(&rows->known, key, item);
	else
		angle_queue_add(&rows->queue, key, angle_item_id(ANGLE_ITEM_ROW, item));
}

void
angle_rows_queue(AngleRows *rows, const AngleRowsPart *part,
				 const AngleLeafEntry *entries, const double *keys, int count)
{
	AngleCandidate *nearest = palloc((count + 1) * sizeof(AngleCandidate));
	AngleTop top;

	angle_top_init(&top, nearest, Min(part->most, (size_t) count) + 1);
	for (int i = 0; i < count; i++)
		if ((keys[i] > part->floor ||
			 (keys[i] == part->floor && i >= part->slot)) &&
			!was_met(rows, entries[i].body))
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
		add_row(rows, part, &entries[slot], nearest[i].key);
	}
	pfree(nearest);
}
