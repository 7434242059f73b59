#include "core/ann/heap.h"

static bool
before(const AngleCandidate *a, const AngleCandidate *b)
{
	return a->key < b->key || (a->key == b->key && a->id < b->id);
}

/* Puts item where the hole at place may go, down a heap whose parents come
 * before their children, or behind them where largest_first. */
static void
sink(AngleCandidate *items, size_t count, size_t place, AngleCandidate item,
	 bool largest_first)
{
	for (;;)
	{
		size_t child = 2 * place + 1;

		if (child >= count)
			break;
		if (child + 1 < count &&
			before(&items[child + 1], &items[child]) != largest_first)
			child++;
		if (before(&items[child], &item) == largest_first)
			break;
		items[place] = items[child];
		place = child;
	}
	items[place] = item;
}

static void
rise(AngleCandidate *items, size_t place, AngleCandidate item,
	 bool largest_first)
{
	while (place > 0)
	{
		size_t parent = (place - 1) / 2;

		if (before(&item, &items[parent]) == largest_first)
			break;
		items[place] = items[parent];
		place = parent;
	}
	items[place] = item;
}

bool
angle_top_offer(AngleTop *top, double key, uint64_t id)
{
	AngleCandidate item = {key, id};

	if (top->count < top->capacity)
	{
		rise(top->items, top->count++, item, true);
		return true;
	}
	if (!before(&item, &top->items[0]))
		return false;
	sink(top->items, top->count, 0, item, true);
	return true;
}

void
angle_top_sort(AngleTop *top)
{
	for (size_t last = top->count; last > 1; last--)
	{
		AngleCandidate item = top->items[last - 1];

		top->items[last - 1] = top->items[0];
		sink(top->items, last - 1, 0, item, true);
	}
}

bool
angle_queue_push(AngleQueue *queue, double key, uint64_t id)
{
	if (queue->count == queue->capacity)
		return false;
	rise(queue->items, queue->count++, (AngleCandidate){key, id}, false);
	return true;
}

AngleCandidate
angle_queue_pop(AngleQueue *queue)
{
	AngleCandidate least = queue->items[0];

	queue->count--;
	if (queue->count > 0)
		sink(queue->items, queue->count, 0, queue->items[queue->count], false);
	return least;
}
