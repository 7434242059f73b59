/* Queues that grow, in palloc'd memory. */
#ifndef ANGLE_QUEUE_H
#define ANGLE_QUEUE_H

#include "core/ann/heap.h"

/* An empty queue in the current memory context, with room for so many at first. */
static inline void
angle_queue_make(AngleQueue *queue, size_t capacity)
{
	angle_queue_init(queue, palloc(capacity * sizeof(AngleCandidate)),
					 capacity);
}

/* Pushes to a queue, which grows. */
static inline void
angle_queue_add(AngleQueue *queue, double key, uint64 id)
{
	if (queue->count == queue->capacity)
	{
		queue->capacity *= 2;
		queue->items = repalloc_huge(queue->items,
									 queue->capacity * sizeof(AngleCandidate));
	}
	(void) angle_queue_push(queue, key, id);
}

#endif
