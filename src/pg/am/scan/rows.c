/* Rows of a scan: see rows.h. */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "port/pg_bitutils.h"

#include "core/ann/order.h"
#include "pg/am/scan/candidates.h"
#include "pg/am/scan/rows.h"
#include "pg/am/store/body.h"

/* Rows are near whose bound is not above so many estimates: as many as are asked for,
 * times this, for rows may be further than their estimates say. A row that was left out and
 * is due all the same costs a second look at its leaf. */
#define NEAR_SHARE 7

/* Where these would be more than so many, they are found among one in two of all estimates,
 * in four, and so on: to keep the least ones of all would take longer than to take rows in
 * vain. Of some rows none is left out. With assertions both are so few that small indexes have
 * rows that are left out, and read again. */
#ifdef USE_ASSERT_CHECKING
#define BEST_MOST 32
#define KEPT 64
#else
#define BEST_MOST 512
#define KEPT 2048
#endif

/* Estimates that are kept beside these, how many more are the occasion to let go of them, and
 * how many may stay. */
#define BEST_MORE 64
#define BEST_SOON 16
#define BEST_SLACK 8

/* Where more are asked for than before, it is so many times as many at least; and no more than
 * so many. */
#define GROWTH 1.5
#define ASKED_MOST 1e8

/* When leaves are read again, it is for so many times as many rows as were asked for before. */
#define WIDER 4

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

#define SH_PREFIX met
#define SH_ELEMENT_TYPE Met
#define SH_KEY_TYPE uint64
#define SH_KEY body
#define SH_HASH_KEY(table, key) angle_body_hash(key)
#define SH_EQUAL(table, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

bool
angle_rows_meet(AngleRows *rows, AngleBodyPointer body)
{
	bool found = false;

	if (rows->met != NULL)
		(void) met_insert(rows->met, angle_body_key(body), &found);
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
	rows->stride = 1;
	rows->prune_at = 2 * KEPT;
	rows->limit = rows->least_rest = INFINITY;
	if (!once)
		rows->met = met_create(CurrentMemoryContext, MET_START, NULL);
}

/* Room for the estimates by which rows are near, and which of all those are. */
static void
make_best(AngleRows *rows)
{
	double rank = rows->asked * NEAR_SHARE;
	uint32 stride = 1;

	for (; rank > BEST_MOST; rank /= 2)
		stride *= 2;
	for (; rows->stride < stride; rows->stride *= 2)
	{
		rows->best_count /= 2;
		for (uint32 i = 0; i < rows->best_count; i++)
			rows->best[i] = rows->best[2 * i];
	}
	rows->best_rank = (uint32) rank;
	if (rows->best_capacity >= rows->best_rank + BEST_MORE)
		return;
	rows->best_capacity = rows->best_rank + BEST_MORE;
	rows->best =
		rows->best == NULL
			? palloc(rows->best_capacity * sizeof(float))
			: repalloc(rows->best, rows->best_capacity * sizeof(float));
}

void
angle_rows_expect(AngleRows *rows, double asked)
{
	if (Min(asked, ASKED_MOST) <= rows->asked)
		return;
	rows->asked = Min(Max(asked, rows->asked * GROWTH), ASKED_MOST);
	rows->limit = INFINITY;
	make_best(rows);
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

/* Which rows of the next block are among those whose estimates count. */
static unsigned
counted(AngleRows *rows)
{
	const uint32 phase = rows->phase++;

	if (rows->stride == 1)
		return ~0u;
	if (rows->stride < ANGLE_BLOCK)
	{
		unsigned bits = 0;

		for (uint32 i = phase % rows->stride; i < ANGLE_BLOCK;
			 i += rows->stride)
			bits |= 1u << i;
		return bits;
	}
	return phase % (rows->stride / ANGLE_BLOCK) == 0
			   ? 1u << phase / (rows->stride / ANGLE_BLOCK) % ANGLE_BLOCK
			   : 0;
}

void
angle_rows_estimated(AngleRows *rows, const float *estimates, int blocks,
					 const uint16 *near)
{
	for (int block = 0; block < blocks; block++)
	{
		unsigned bits = near[block] & counted(rows);

		if (rows->best_count + ANGLE_BLOCK > rows->best_capacity)
			narrow(rows);
		for (; bits != 0; bits &= bits - 1)
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

/* Leaves out the rows that are above limit. */
static void
leave_far(AngleRows *rows)
{
	uint32 kept = 0;

	for (uint32 i = 0; i < rows->near_count; i++)
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

/* How many rows work_mem has room for. */
static uint32
room(void)
{
	const Size each = sizeof(AngleRowItem) + sizeof(float) + sizeof(uint32);
	const Size rows = (Size) work_mem * 1024 / each;

	return (uint32) Max(2 * KEPT, Min(rows, UINT32_MAX / 4));
}

/* Leaves out rows that are not near, unless there are few, and the farthest if there are more
 * than work_mem has room for. */
static void
prune_near(AngleRows *rows)
{
	const uint32 most = room();

	if (rows->near_count >= most)
		rows->limit = Min(rows->limit,
						  angle_order_limit(rows->near_keys, rows->near_count,
											most / 2, most / 8));
	if (rows->near_count > KEPT)
		leave_far(rows);
	rows->near_parted = rows->near_count;
	rows->prune_at = Max(2 * KEPT, Min(2 * rows->near_count, most));
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

void
angle_rows_sort(AngleRows *rows)
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
	const uint32 most = room();

	if (rows->near_count >= rows->prune_at)
	{
		drop_next(rows);
		prune_near(rows);
	}
	if (rows->near_count < rows->near_capacity / 4 * 3)
		return;
	if (rows->near_capacity < most)
		rows->near_capacity = Min(2 * rows->near_capacity, most);
	else
		rows->near_capacity *= 2; /* many are equally near */
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

bool
angle_rows_exhausted(const AngleRows *rows)
{
	return rows->least_rest < INFINITY &&
		   least_unread(rows) >= rows->least_rest &&
		   angle_queue_least(&rows->known) + margin(rows) >= rows->least_rest;
}

void
angle_rows_widen(AngleRows *rows)
{
	rows->best_count = 0;
	rows->limit = rows->least_rest = INFINITY;
	angle_rows_expect(rows, WIDER * rows->asked);
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

void
angle_rows_add_part(AngleRows *rows, const AngleRowsPart *part,
					const AngleLeafEntry *entries, const double *keys,
					int count)
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
			angle_queue_add(&rows->queue, nearest[i].key, part->place);
			break;
		}
		angle_queue_add(&rows->known, nearest[i].key,
						add_item(rows, &entries[slot], part->place));
	}
	pfree(nearest);
}
