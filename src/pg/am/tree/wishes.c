/* Where rows would have their second entries: see wishes.h. */
#include "postgres.h"

#include <math.h>

#include "core/ann/kmeans.h"
#include "core/distance/sums.h"
#include "pg/am/tree/wishes.h"

/* Losses that the limits follow from: as many as these are enough. */
#define SAMPLE 4096

/* Room for pieces that is made first. */
#define PIECES 16

static void
add_piece(AngleWishes *wishes)
{
	const Size pieces = wishes->count / ANGLE_WISHES_EACH;

	if (wishes->room == 0)
	{
		wishes->room = PIECES;
		wishes->pieces = palloc(wishes->room * sizeof(AngleWish *));
	}
	if (pieces == wishes->room)
	{
		wishes->room *= 2;
		wishes->pieces =
			repalloc_huge(wishes->pieces, wishes->room * sizeof(AngleWish *));
	}
	wishes->pieces[pieces] = palloc(ANGLE_WISHES_EACH * sizeof(AngleWish));
}

static AngleWish *
new_wish(AngleWishes *wishes)
{
	if (wishes->count % ANGLE_WISHES_EACH == 0)
		add_piece(wishes);
	return angle_wish(wishes, wishes->count++);
}

/* Puts a leaf among those of a wish, which are sorted by their losses. */
static void
add_leaf(AngleWish *wish, float *losses, uint32 leaf, float loss)
{
	int place = ANGLE_WISHES - 1;

	if (loss >= losses[place])
		return;
	for (; place > 0 && loss < losses[place - 1]; place--)
	{
		wish->leaves[place] = wish->leaves[place - 1];
		losses[place] = losses[place - 1];
	}
	wish->leaves[place] = leaf;
	losses[place] = loss;
}

AngleWish *
angle_wishes_add(AngleWishes *wishes, const AngleWisher *wisher, uint32 first)
{
	const Size dims = wisher->dims;
	const float *centroid = wisher->centroids + first * dims;
	const double to_first =
		angle_distance_kernels()->l2_squared(wisher->point, centroid, dims);
	AngleWish *wish = new_wish(wishes);
	float losses[ANGLE_WISHES];

	*wish = (AngleWish){.first = first, .second = ANGLE_WISH_NONE};
	for (int i = 0; i < ANGLE_WISHES; i++)
	{
		wish->leaves[i] = ANGLE_WISH_NONE;
		losses[i] = INFINITY;
	}
	for (int i = 0; i < ANGLE_WISHES_OF && wisher->nearest[i] < wisher->count;
		 i++)
		if (wisher->nearest[i] != first)
			add_leaf(
				wish, losses, wisher->nearest[i],
				angle_second_loss(wisher->point, centroid,
								  wisher->centroids + wisher->nearest[i] * dims,
								  dims, to_first, wisher->distances[i]));
	wish->loss = losses[0] - to_first;
	return wish;
}

static int
compare_losses(const void *a, const void *b)
{
	const float x = *(const float *) a, y = *(const float *) b;

	return (x > y) - (x < y);
}

void
angle_wishes_part(AngleWishes *wishes)
{
	const Size count = Min(wishes->count, SAMPLE);
	float *losses = palloc(Max(1, count) * sizeof(float));

	for (Size i = 0; i < count; i++)
		losses[i] = angle_wish(wishes, i * wishes->count / count)->loss;
	qsort(losses, count, sizeof(float), compare_losses);
	for (int round = 0; round < ANGLE_WISH_ROUNDS; round++)
	{
		const Size place = (round + 1) * count / ANGLE_WISH_ROUNDS;

		wishes->limits[round] = place < count ? losses[place] : INFINITY;
	}
	pfree(losses);
}
