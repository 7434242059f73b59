/*
 * Heaps of candidates in memory of the caller: the k best of many, and a queue
 * that gives the nearest first. Equal keys come out in the order of their ids,
 * so that results do not depend on the order in which they went in.
 */
#ifndef ANGLE_HEAP_H
#define ANGLE_HEAP_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* key must not be NaN; id is the caller's. */
typedef struct AngleCandidate
{
	double key;
	uint64_t id;
} AngleCandidate;

/* The capacity smallest of what was offered; the root is the worst of them. */
typedef struct AngleTop
{
	AngleCandidate *items; /* (capacity), the caller's */
	size_t count;
	size_t capacity; /* at least 1 */
} AngleTop;

static inline void
angle_top_init(AngleTop *top, AngleCandidate *items, size_t capacity)
{
	*top = (AngleTop){items, 0, capacity};
}

/* What a key must be below to get in for certain; infinite until it is full. */
static inline double
angle_top_limit(const AngleTop *top)
{
	return top->count < top->capacity ? INFINITY : top->items[0].key;
}

/* True if the candidate got in. */
bool angle_top_offer(AngleTop *top, double key, uint64_t id);

/* Sorts the items, smallest first; after it the heap may only be read or
 * initialised again. */
void angle_top_sort(AngleTop *top);

/* A queue of at most capacity candidates; the root is the smallest. */
typedef struct AngleQueue
{
	AngleCandidate *items; /* (capacity), the caller's */
	size_t count;
	size_t capacity;
} AngleQueue;

static inline void
angle_queue_init(AngleQueue *queue, AngleCandidate *items, size_t capacity)
{
	*queue = (AngleQueue){items, 0, capacity};
}

/* False if it is full. The caller may then move items into a larger array and
 * set items and capacity. */
bool angle_queue_push(AngleQueue *queue, double key, uint64_t id);

/* The smallest key; infinite if it is empty. */
static inline double
angle_queue_least(const AngleQueue *queue)
{
	return queue->count == 0 ? INFINITY : queue->items[0].key;
}

/* Takes the smallest out; count must not be 0. */
AngleCandidate angle_queue_pop(AngleQueue *queue);

#endif
