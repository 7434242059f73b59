/*
 * Leaves by a directory. The groups are taken whose centres are nearest, with many times as
 * many leaves as are wanted, and the distances of their leaves are estimated by rough codes;
 * of those that are nearest by that, as many as are wanted and some more, the fine codes are
 * looked at.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "pg/am/scan/candidates.h"
#include "pg/am/scan/choice.h"

/* Leaves that are estimated: so many times those that are looked at, and so many at least.
 * Of lists of text in high dimensions the nearest lie below many inner nodes. With assertions
 * so few that the small indexes of tests have far groups, too. */
#ifdef USE_ASSERT_CHECKING
#define ESTIMATED_SHARE 3
#define ESTIMATED_LEAST 64
#else
#define ESTIMATED_SHARE 48
#define ESTIMATED_LEAST 8192
#endif

/* Leaves whose fine codes are looked at: so many times those that are wanted, and so
 * many more, for estimates order them nearly. */
#define LOOK_SHARE 1.25
#define LOOK_MORE 16

/* Leaves that are asked for ahead of time. */
#define AHEAD 3

/* Estimates of which the reach of a choice is told, at least. */
#define SAMPLE 256

/* A group that was taken. A block of codes has 16 numbers, whether leaves have them or
 * not. */
typedef struct TakenGroup
{
	const AngleGroup *group;
	AngleCentre centre;
	int first; /* the number of its first leaf */
} TakenGroup;

struct AngleChoice
{
	AngleQuery *query;
	const AngleDirectory *directory;
	bool nearest;

	AngleCandidate
		*groups; /* of the directory; those before taken_count were taken */
	TakenGroup *taken; /* (taken_count) */
	int taken_count;
	int numbers;	  /* of the leaves of these */
	double passed;	  /* leaves that were chosen before */
	float *estimates; /* by number; infinite where no leaf has it */
	float *least;	  /* by number / ANGLE_BLOCK: of estimates above reached */
	float reached;	  /* leaves with estimates up to this were looked at */

	AngleLeaf *leaves;		/* that were looked at last */
	AngleCandidate *chosen; /* (count): their distances, in order, and places */
	int count;
	int next;
};

/* Estimates how near the centres of groups are. */
static void
estimate_groups(AngleChoice *choice)
{
	const AngleDirectory *directory = choice->directory;
	const AngleGroup *top = directory->top;
	float *estimates = palloc0(top->slots * sizeof(float));
	float *least = palloc(top->slots / ANGLE_BLOCK * sizeof(float));

	if (choice->nearest)
	{
		const AngleCentre centre = angle_group_centre(top, choice->query);

		angle_group_estimate(top, choice->query, &centre, estimates, least);
	}
	choice->groups = palloc(top->slots * sizeof(AngleCandidate));
	for (int i = 0; i < top->count; i++)
		choice->groups[i] = (AngleCandidate){estimates[i], i};
	pfree(estimates);
	pfree(least);
}

/* Raises estimates of what was reached already, so that it comes next; returns the least. */
static float
raise_block(const AngleChoice *choice, float *block)
{
	float least = INFINITY;

	for (int i = 0; i < ANGLE_BLOCK; i++)
	{
		if (block[i] <= choice->reached)
			block[i] = nextafterf(choice->reached, INFINITY);
		least = Min(least, block[i]);
	}
	return least;
}

/* Estimates the leaves of a group. */
static void
take_group(AngleChoice *choice, const AngleGroup *group)
{
	TakenGroup *taken = &choice->taken[choice->taken_count++];
	float *estimates = choice->estimates + choice->numbers;
	float *least = choice->least + choice->numbers / ANGLE_BLOCK;
	const int blocks = group->slots / ANGLE_BLOCK;

	*taken = (TakenGroup){.group = group, .first = choice->numbers};
	if (choice->nearest)
	{
		taken->centre = angle_group_centre(group, choice->query);
		angle_group_estimate(group, choice->query, &taken->centre, estimates,
							 least);
	}
	else
		for (int i = 0; i < group->slots; i++)
			estimates[i] = i < group->count ? 0 : INFINITY;
	if (!choice->nearest || choice->reached > -INFINITY)
		for (int i = 0; i < blocks; i++)
			least[i] = raise_block(choice, estimates + i * ANGLE_BLOCK);
	choice->numbers += group->slots;
}

/* Takes the nearest groups, with those taken before about so many leaves. */
static void
take_groups(AngleChoice *choice, double leaves)
{
	const AngleDirectory *directory = choice->directory;
	const int before = choice->taken_count;
	const int count =
		leaves < directory->leaves
			? (int) ceil(leaves / directory->leaves * directory->groups)
			: directory->groups;

	if (count <= before)
		return;
	angle_candidates_select(choice->groups + before, directory->groups - before,
							count - before);
	while (choice->taken_count < count)
		take_group(choice,
				   directory->group[choice->groups[choice->taken_count].id]);
}

/* The group of the leaf with this number, of those that were taken. */
static const TakenGroup *
group_of(const AngleChoice *choice, int number)
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

/* Raises the least of blocks of which leaves were looked at. */
static void
pass_reached(AngleChoice *choice)
{
	for (int i = 0; i < choice->numbers / ANGLE_BLOCK; i++)
	{
		const float *block = choice->estimates + i * ANGLE_BLOCK;

		if (choice->least[i] > choice->reached)
			continue;
		choice->least[i] = INFINITY;
		for (int j = 0; j < ANGLE_BLOCK; j++)
			if (block[j] > choice->reached)
				choice->least[i] = Min(choice->least[i], block[j]);
	}
}

/* The least key of so many that all of them are not above. */
static float
greatest_of_least(AngleCandidate *candidates, size_t count, size_t rank)
{
	double greatest = -INFINITY;

	if (rank > count)
		return FLT_MAX;
	angle_candidates_select(candidates, count, rank);
	for (size_t i = 0; i < rank; i++)
		greatest = Max(greatest, candidates[i].key);
	return (float) Min(greatest, FLT_MAX);
}

/* A value that about so many of the estimates beyond reached are not above; FLT_MAX where
 * there may be fewer. Of few it is told by the least of blocks, of which no more than that many
 * are below it, so that there are enough; of more by a sample. */
static float
reach_for(const AngleChoice *choice, size_t wanted)
{
	const int count = choice->numbers, blocks = count / ANGLE_BLOCK;
	const int step = Max(1, count / SAMPLE);
	AngleCandidate *seen = palloc_extended(
		Max(blocks, 2 * SAMPLE) * sizeof(AngleCandidate), MCXT_ALLOC_HUGE);
	size_t rank = wanted, found = 0;
	float reach;

	if (wanted <= blocks / 4)
		for (int i = 0; i < blocks; i++)
			seen[found++] = (AngleCandidate){choice->least[i], i};
	else
	{
		rank = wanted / step + 2;
		for (int i = 0; i < count; i += step)
			if (choice->estimates[i] > choice->reached)
				seen[found++] = (AngleCandidate){choice->estimates[i], i};
	}
	reach = greatest_of_least(seen, found, rank);
	pfree(seen);
	return reach;
}

/* Makes chosen of the leaves whose estimates are beyond what was reached and not above
 * limit, the estimates as keys and numbers as ids. */
static void
collect(AngleChoice *choice, float limit)
{
	const int count = choice->numbers;
	const float *estimates = choice->estimates;
	const float reached = choice->reached;
	Size most = 0;

	for (int i = 0; i < count / ANGLE_BLOCK; i++)
		most += choice->least[i] <= limit ? ANGLE_BLOCK : 0;
	choice->chosen =
		palloc_extended(Max(most, 1) * sizeof(AngleCandidate), MCXT_ALLOC_HUGE);
	choice->count = 0;
	for (int first = 0; first < count; first += ANGLE_BLOCK)
	{
		if (!(choice->least[first / ANGLE_BLOCK] <= limit))
			continue;
		for (int i = first; i < first + ANGLE_BLOCK; i++)
			if (estimates[i] > reached && estimates[i] <= limit)
				choice->chosen[choice->count++] =
					(AngleCandidate){estimates[i], i};
	}
}

/* Leaves the wanted nearest in chosen, and those that are as near as the last of them. */
static void
cut(AngleChoice *choice, size_t wanted)
{
	AngleCandidate *chosen = choice->chosen;
	const size_t count = choice->count;
	double last = -INFINITY;

	if (wanted >= count)
		return;
	angle_candidates_select(chosen, count, wanted);
	for (size_t i = 0; i < wanted; i++)
		last = Max(last, chosen[i].key);
	choice->count = wanted;
	for (size_t i = wanted; i < count; i++)
		if (chosen[i].key == last)
			chosen[choice->count++] = chosen[i];
	choice->reached = (float) last;
}

/* Asks the processor for what look_at() reads of the leaf with this number. */
static void
prefetch_leaf(const AngleChoice *choice, int number)
{
	const TakenGroup *taken = group_of(choice, number);

	angle_group_prefetch(taken->group, number - taken->first,
						 choice->query->self->layout.dims);
}

/* Makes what is known of the leaf with this number. */
static AngleLeaf
look_at(const AngleChoice *choice, int number)
{
	const TakenGroup *taken = group_of(choice, number);
	const int i = number - taken->first;
	AngleLeaf leaf = {.node = taken->group->leaves[i]};

	if (choice->nearest)
		leaf.distance = angle_group_node(taken->group, i, choice->query,
										 &taken->centre, &leaf.probe);
	return leaf;
}

/* Looks at the chosen leaves, and puts them in order. */
static void
look_at_all(AngleChoice *choice)
{
	AngleCandidate *chosen = choice->chosen;
	const int count = choice->count;

	choice->leaves =
		palloc_extended(count * sizeof(AngleLeaf), MCXT_ALLOC_HUGE);
	for (int i = 0; i < count; i++)
	{
		if (i + AHEAD < count)
			prefetch_leaf(choice, (int) chosen[i + AHEAD].id);
		choice->leaves[i] = look_at(choice, (int) chosen[i].id);
		chosen[i] = (AngleCandidate){choice->leaves[i].distance, i};
	}
	angle_candidates_sort(chosen, count);
}

static void
forget_chosen(AngleChoice *choice)
{
	if (choice->chosen != NULL)
		pfree(choice->chosen);
	if (choice->leaves != NULL)
		pfree(choice->leaves);
	choice->chosen = NULL;
	choice->leaves = NULL;
	choice->count = choice->next = 0;
}

/* Chooses the next leaves, as many as are expected to be asked for or as the last time; false
 * if there are none. */
static bool
choose(AngleChoice *choice, double expected)
{
	const double leaves = choice->directory->leaves;
	const double wanted = Min(
		leaves, ceil(Max(expected, choice->count) * LOOK_SHARE) + LOOK_MORE);
	float limit;

	forget_chosen(choice);
	take_groups(choice, Max((choice->passed + wanted) * ESTIMATED_SHARE,
							ESTIMATED_LEAST));
	if (choice->reached > -INFINITY)
		pass_reached(choice);
	limit = reach_for(choice, (size_t) wanted);
	if (limit == FLT_MAX && choice->taken_count < choice->directory->groups)
	{
		take_groups(choice, leaves);
		limit = reach_for(choice, (size_t) wanted);
	}
	collect(choice, limit);
	choice->reached = limit;
	if (choice->count == 0)
		return false;
	cut(choice, (size_t) wanted);
	look_at_all(choice);
	choice->passed += choice->count;
	return true;
}

AngleChoice *
angle_choice_make(AngleQuery *query, const AngleDirectory *directory,
				  bool nearest)
{
	const Size slots = directory->slots;
	AngleChoice *choice = palloc0(sizeof(AngleChoice));

	choice->query = query;
	choice->directory = directory;
	choice->nearest = nearest;
	choice->reached = -INFINITY;
	choice->taken = palloc(directory->groups * sizeof(TakenGroup));
	choice->estimates = palloc_extended(slots * sizeof(float), MCXT_ALLOC_HUGE);
	choice->least =
		palloc_extended(slots / ANGLE_BLOCK * sizeof(float), MCXT_ALLOC_HUGE);
	estimate_groups(choice);
	return choice;
}

const AngleLeaf *
angle_choice_peek(const AngleChoice *choice)
{
	return choice->next < choice->count
			   ? &choice->leaves[choice->chosen[choice->next].id]
			   : NULL;
}

bool
angle_choice_next(AngleChoice *choice, double expected, AngleLeaf *leaf)
{
	if (choice->next == choice->count && !choose(choice, expected))
		return false;
	*leaf = *angle_choice_peek(choice);
	choice->next++;
	return true;
}
