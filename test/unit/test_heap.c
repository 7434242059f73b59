#include "test.h"

#include "core/ann/heap.h"
#include "core/base/rng.h"

static int
compare(const void *a, const void *b)
{
	const AngleCandidate *x = a;
	const AngleCandidate *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

/* Few different keys, so that ids decide. */
static void
fill(AngleCandidate *items, size_t n, uint64_t seed)
{
	AngleRng rng;

	angle_rng_seed(&rng, seed);
	for (size_t i = 0; i < n; i++)
		items[i] = (AngleCandidate){(double) angle_rng_below(&rng, 50) - 25, i};
}

TEST(heap_top_is_the_head_of_the_sorted_whole)
{
	AngleCandidate all[300];
	AngleCandidate kept[300];

	for (size_t n = 0; n <= 300; n += n < 20 ? 1 : 70)
	{
		for (size_t capacity = 1; capacity < 300; capacity += 13)
		{
			size_t expected = n < capacity ? n : capacity;
			AngleTop top;

			fill(all, n, n + 1);
			angle_top_init(&top, kept, capacity);
			for (size_t i = 0; i < n; i++)
				angle_top_offer(&top, all[n - 1 - i].key, all[n - 1 - i].id);
			CHECK_INT(top.count, expected);
			qsort(all, n, sizeof(*all), compare);
			CHECK(n < capacity
					  ? isinf(angle_top_limit(&top))
					  : angle_top_limit(&top) == all[capacity - 1].key);
			angle_top_sort(&top);
			for (size_t i = 0; i < expected; i++)
				CHECK(compare(&kept[i], &all[i]) == 0);
		}
	}
}

TEST(heap_top_says_what_got_in)
{
	AngleCandidate items[2];
	AngleTop top;

	angle_top_init(&top, items, 2);
	CHECK(angle_top_offer(&top, 3, 0));
	CHECK(angle_top_offer(&top, INFINITY, 1));
	CHECK(angle_top_offer(&top, 5, 2));
	CHECK(!angle_top_offer(&top, 6, 3));
	CHECK(!angle_top_offer(&top, 5, 4));
	CHECK(angle_top_offer(&top, 5, 1));
}

TEST(heap_queue_gives_the_least_first)
{
	AngleCandidate all[200];
	AngleCandidate items[200];
	AngleCandidate pushed[200];
	AngleQueue queue;
	size_t in = 0;
	size_t out = 0;

	fill(pushed, 200, 3);
	memcpy(all, pushed, sizeof(all));
	qsort(all, 200, sizeof(*all), compare);
	angle_queue_init(&queue, items, 200);
	CHECK(isinf(angle_queue_least(&queue)));
	while (in < 200)
	{
		CHECK(angle_queue_push(&queue, pushed[in].key, pushed[in].id));
		in++;
	}
	CHECK(!angle_queue_push(&queue, 0, 0));
	while (queue.count > 0)
	{
		CHECK(angle_queue_least(&queue) == all[out].key);
		{
			AngleCandidate least = angle_queue_pop(&queue);

			CHECK(compare(&least, &all[out]) == 0);
		}
		out++;
	}
	CHECK_INT(out, 200);
}

TEST(heap_queue_keeps_order_between_pushes_and_pops)
{
	AngleCandidate items[64];
	AngleQueue queue;
	AngleRng rng;
	uint64_t next = 0;
	double floor = 0;

	/* keys never below what came out last, as in a search that widens */
	angle_rng_seed(&rng, 6);
	angle_queue_init(&queue, items, 64);
	for (int step = 0; step < 5000; step++)
	{
		if (queue.count < 64 && angle_rng_below(&rng, 2) == 0)
			angle_queue_push(&queue, floor + angle_rng_float(&rng), next++);
		else if (queue.count > 0)
		{
			double key = angle_queue_pop(&queue).key;

			CHECK(key >= floor);
			floor = key;
		}
	}
}
