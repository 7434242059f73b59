/*
 * Leaves by a directory. The groups are taken whose centres are nearest, with many times as
 * many leaves as are wanted, and the distances of their leaves are estimated by rough codes;
 * of those that are nearest by that, as many as are wanted and some more, the fine codes are
 * looked at.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "core/ann/order.h"
#include "pg/am/scan/candidates.h"
#include "pg/am/scan/choice.h"

/* Leaves that are estimated: so many times those that are looked at; where these are few, more
 * times as many, up to so many times a power of the leaves that there are. Of lists of text in
 * high dimensions the nearest lie below many inner nodes. With assertions so few that the small
 * indexes of tests have far groups, too. */
#ifdef USE_ASSERT_CHECKING
#define ESTIMATED_SHARE 3
#define ESTIMATED_SHARE_OF_FEW 6
#define ESTIMATED_FEW 3
#else
#define ESTIMATED_SHARE 16
#define ESTIMATED_SHARE_OF_FEW 64
#define ESTIMATED_FEW 16
#endif
#define ESTIMATED_POWER 0.6

/* Leaves whose fine codes are looked at: so many times those that are wanted, and so
 * many more, for estimates order them nearly. */
#define LOOK_SHARE 1.25
#define LOOK_MORE 8

/* Leaves that are asked for ahead of time. */
#define AHEAD 3

/* A group that was taken. A block of codes has 16 numbers, whether leaves have them or
 * not. */
typedef struct TakenGroup
{
	const AngleGroup *group;
	AngleCentre centre;
	uint32 first; /* the number of its first leaf */
} TakenGroup;

struct AngleChoice
{
	AngleQuery *query;
	const AngleDirectory *directory;
	bool nearest;

	float *groups;		  /* of the directory: estimates of their centres */
	float groups_reached; /* those up to this were taken */
	TakenGroup *taken;	  /* (taken_count) */
	int taken_count;
	uint32 numbers;	  /* of the leaves of these */
	double passed;	  /* leaves that were chosen before */
	float *estimates; /* by number; infinite where no leaf has it */
	float reached;	  /* leaves with estimates up to this were looked at */

	double expected;   /* leaves to be asked for, when some were chosen last */
	AngleLeaf *leaves; /* (count): those that were looked at last, … */
	uint32 *order;	   /* (count): … and their places, the nearest first */
	uint32 count;
	uint32 next;
};

/* Estimates how near the centres of groups are. */
static void
estimate_groups(AngleChoice *choice)
{
	const AngleGroup *top = choice->directory->top;
	AngleCentre centre;

	choice->groups = palloc0(top->slots * sizeof(float));
	choice->groups_reached = -INFINITY;
	if (!choice->nearest)
		return;
	centre = angle_group_centre(top, choice->query);
	angle_group_estimate(top, choice->query, &centre, choice->groups);
}

/* Estimates the leaves of a group. Those that are as near as what was looked at already come
 * next. */
static void
take_group(AngleChoice *choice, const AngleGroup *group)
{
	TakenGroup *taken = &choice->taken[choice->taken_count++];
	float *estimates = choice->estimates + choice->numbers;

	*taken = (TakenGroup){.group = group, .first = choice->numbers};
	if (choice->nearest)
	{
		taken->centre = angle_group_centre(group, choice->query);
		angle_group_estimate(group, choice->query, &taken->centre, estimates);
	}
	else
		for (int i = 0; i < group->slots; i++)
			estimates[i] = i < group->count ? 0 : INFINITY;
	for (int i = 0; choice->passed > 0 && i < group->slots; i++)
		if (estimates[i] <= choice->reached)
			estimates[i] = nextafterf(choice->reached, INFINITY);
	choice->numbers += group->slots;
}

/* Up to how many estimated leaves those that are looked at are few. */
static double
few(double leaves)
{
	return ESTIMATED_FEW * pow(leaves, ESTIMATED_POWER);
}

/* Of so many leaves, those that are to be estimated where so many are looked at. */
static double
estimated(double leaves, double looked_at)
{
	return Max(looked_at * ESTIMATED_SHARE,
			   Min(looked_at * ESTIMATED_SHARE_OF_FEW, few(leaves)));
}

double
angle_choice_reach(double leaves, double share)
{
	const double of_all = share * leaves;
	const double looked_at =
		of_all /
		(of_all < few(leaves) ? ESTIMATED_SHARE_OF_FEW : ESTIMATED_SHARE);

	return Max(0, (looked_at - LOOK_MORE) / LOOK_SHARE);
}

/* Takes the nearest groups, with those taken before about so many leaves. */
static void
take_groups(AngleChoice *choice, double leaves)
{
	const AngleDirectory *directory = choice->directory;
	const double groups =
		Min(ceil(leaves / directory->leaves * directory->groups),
			directory->groups);
	const float reached = choice->groups_reached;
	float limit;

	if (groups <= choice->taken_count)
		return;
	limit = angle_order_limit(choice->groups, directory->groups,
							  (size_t) groups, 0);
	for (int i = 0; i < directory->groups; i++)
		if (choice->groups[i] > reached && choice->groups[i] <= limit)
			take_group(choice, directory->group[i]);
	choice->groups_reached = limit;
}

/* The group of the leaf with this number, of those that were taken. */
static const TakenGroup *
group_of(const AngleChoice *choice, uint32 number)
{
	int low = 0, high = choice->taken_count - 1;

	while (low < high)
	{
		int middle = (low + high + 1) / 2;

		if (choice->taken[middle].first <= number)
			low = middle;
		else
			high = middle - 1;
	}
	return &choice->taken[low];
}

/* Asks the processor for what look_at() reads of the leaf with this number. */
static void
prefetch_leaf(const AngleChoice *choice, uint32 number)
{
	const TakenGroup *taken = group_of(choice, number);

	angle_group_prefetch(taken->group, number - taken->first,
						 choice->query->self->layout.dims);
}

/* Makes what is known of the leaf with this number. */
static AngleLeaf
look_at(const AngleChoice *choice, uint32 number)
{
	const TakenGroup *taken = group_of(choice, number);
	const int i = number - taken->first;
	AngleLeaf leaf = {.node = taken->group->leaves[i]};

	if (choice->nearest)
		leaf.distance = angle_group_node(taken->group, i, choice->query,
										 &taken->centre, &leaf.probe);
	return leaf;
}

/* Puts the leaves in order. */
static void
put_in_order(AngleChoice *choice)
{
	const uint32 count = choice->count;
	float *distances = palloc_extended(count * sizeof(float), MCXT_ALLOC_HUGE);

	if (choice->order != NULL)
		pfree(choice->order);
	choice->order = palloc_extended(count * sizeof(uint32), MCXT_ALLOC_HUGE);
	for (uint32 i = 0; i < count; i++)
		distances[i] = (float) choice->leaves[i].distance;
	angle_candidates_order(distances, count, choice->order);
	choice->next = 0;
	pfree(distances);
}

/* Looks at so many leaves with these numbers, and puts them in order, together with those that were
 * not asked for yet. */
static void
look_at_all(AngleChoice *choice, const uint32 *numbers, uint32 count)
{
	const uint32 rest = choice->count - choice->next;
	AngleLeaf *leaves =
		palloc_extended((rest + count) * sizeof(AngleLeaf), MCXT_ALLOC_HUGE);

	for (uint32 i = 0; i < rest; i++)
		leaves[i] = choice->leaves[choice->order[choice->next + i]];
	for (uint32 i = 0; i < count; i++)
	{
		if (i + AHEAD < count)
			prefetch_leaf(choice, numbers[i + AHEAD]);
		leaves[rest + i] = look_at(choice, numbers[i]);
	}
	if (choice->leaves != NULL)
		pfree(choice->leaves);
	choice->leaves = leaves;
	choice->count = rest + count;
	put_in_order(choice);
}

/* A number that as many estimates beyond what was reached are not above, or some more; infinite
 * where there are fewer in the groups that were taken. */
static float
reach_for(const AngleChoice *choice, double wanted)
{
	const size_t rank =
		angle_order_count(choice->estimates, choice->numbers, choice->reached) +
		(size_t) wanted;

	return rank <= choice->numbers
			   ? angle_order_limit(choice->estimates, choice->numbers, rank,
								   wanted / 8)
			   : INFINITY;
}

/* How many leaves are to be looked at now: so many that there are enough in all where more are
 * expected than before, else, and where all that were looked at are used up, as many as are expected
 * or as the last time. */
static double
looked_at_next(const AngleChoice *choice, double expected)
{
	const double left = choice->directory->leaves - choice->passed;
	double more = 0;

	if (expected > choice->expected)
		more = ceil(expected * LOOK_SHARE) + LOOK_MORE - choice->passed;
	if (more <= 0 && choice->next == choice->count)
		more = ceil(Max(expected, choice->count) * LOOK_SHARE) + LOOK_MORE;
	return Min(left, more);
}

/* Chooses the next leaves. */
static void
choose(AngleChoice *choice, double expected)
{
	const double leaves = choice->directory->leaves;
	const double wanted = looked_at_next(choice, expected);
	uint32 *numbers, count;
	float limit;

	choice->expected = Max(expected, choice->expected);
	if (wanted <= 0)
		return;
	take_groups(choice, estimated(leaves, choice->passed + wanted));
	limit = reach_for(choice, wanted);
	if (isinf(limit))
	{
		take_groups(choice, leaves);
		limit = Min(reach_for(choice, wanted), FLT_MAX);
	}
	numbers =
		palloc_extended(choice->numbers * sizeof(uint32), MCXT_ALLOC_HUGE);
	count = angle_order_between(choice->estimates, choice->numbers,
								choice->reached, limit, numbers);
	choice->reached = limit;
	choice->passed += count;
	look_at_all(choice, numbers, count);
	pfree(numbers);
}

AngleChoice *
angle_choice_make(AngleQuery *query, const AngleDirectory *directory,
				  bool nearest)
{
	AngleChoice *choice = palloc0(sizeof(AngleChoice));

	choice->query = query;
	choice->directory = directory;
	choice->nearest = nearest;
	choice->reached = -INFINITY;
	choice->taken = palloc(directory->groups * sizeof(TakenGroup));
	choice->estimates =
		palloc_extended(directory->slots * sizeof(float), MCXT_ALLOC_HUGE);
	estimate_groups(choice);
	return choice;
}

const AngleLeaf *
angle_choice_peek(const AngleChoice *choice, uint32 ahead)
{
	return ahead < choice->count - choice->next
			   ? &choice->leaves[choice->order[choice->next + ahead]]
			   : NULL;
}

bool
angle_choice_next(AngleChoice *choice, double expected, AngleLeaf *leaf)
{
	if (expected > choice->expected || choice->next == choice->count)
		choose(choice, expected);
	if (choice->next == choice->count)
		return false;
	*leaf = *angle_choice_peek(choice, 0);
	choice->next++;
	return true;
}
