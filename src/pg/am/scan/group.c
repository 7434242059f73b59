/* Groups of nodes: see group.h. */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "utils/memutils.h"

#include "pg/am/scan/group.h"

/* So many times what the codes of eight bits are off by on average is taken off the bounds
 * of a node's rows. */
#define DEVIATIONS 4

/* Roundings on average, of (‖q‖ + ‖q − g‖)². */
#define ROUNDING 0x1p-21

/* ---- made of centroids ---------------------------------------------------- */

static Size
part(Size bytes)
{
	return TYPEALIGN(64, bytes);
}

AngleGroup *
angle_group_make(MemoryContext memory, const AngleLayout *layout, int count)
{
	const int slots = TYPEALIGN(ANGLE_BLOCK, count);
	const Size sizes[] = {part(sizeof(AngleGroup) + 64),
						  part(slots * layout->code_size),
						  part(slots * sizeof(float)),
						  part(slots * sizeof(float)),
						  part(layout->centroid_size),
						  part((Size) count * layout->dims),
						  part(count * sizeof(AngleMember)),
						  part(count * sizeof(AngleNodePointer))};
	Size size = 0;
	AngleGroup *group;
	char *at;

	for (int i = 0; i < lengthof(sizes); i++)
		size += sizes[i];
	group = MemoryContextAllocExtended(memory, size,
									   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	group->block = InvalidBlockNumber;
	group->size = GetMemoryChunkSpace(group);
	group->count = count;
	group->slots = slots;
	at = (char *) TYPEALIGN(64, group + 1);
	group->codes = (uint8 *) at;
	group->add = (float *) (at += sizes[1]);
	group->rescale = (float *) (at += sizes[2]);
	group->centre = (AngleBfloat *) (at += sizes[3]);
	group->fine = (uint8 *) (at += sizes[4]);
	group->members = (AngleMember *) (at += sizes[5]);
	group->leaves = (AngleNodePointer *) (at + sizes[6]);
	return group;
}

/* Makes centre the mean of the centroids, as it is stored. */
static void
set_centre(AngleGroup *group, const AngleBfloat *centroids, float *centre,
		   int dims)
{
	memset(centre, 0, dims * sizeof(float));
	for (int i = 0; i < group->count; i++)
		for (int j = 0; j < dims; j++)
			centre[j] += angle_bfloat_value(centroids[(Size) i * dims + j]) /
						 group->count;
	/* codes are relative to what is kept */
	angle_bfloat_encode(centre, group->centre, dims);
	angle_bfloat_decode(group->centre, centre, dims);
}

/* The code of eight bits of point, which becomes its difference to the centre. */
static void
code_member(AngleGroup *group, int i, float *point, const float *centre,
			int dims)
{
	uint8 *code = group->fine + (Size) i * dims;
	double squared = 0, product = 0;
	AngleRerankFactors factors;

	for (int j = 0; j < dims; j++)
	{
		point[j] -= centre[j];
		squared += (double) point[j] * point[j];
	}
	angle_rerank_encode(dims, ANGLE_GROUP_BITS, point, code, &factors);
	angle_rerank_decode(dims, ANGLE_GROUP_BITS, code, &factors, point);
	for (int j = 0; j < dims; j++)
		product += (double) centre[j] * point[j];
	group->members[i].scale = factors.scale;
	group->members[i].add = (float) (squared + 2 * product);
	group->members[i].error = (float) (factors.error / sqrt(Max(dims - 1, 1)));
}

void
angle_group_code(AngleGroup *group, const AngleIndex *self,
				 const AngleBfloat *centroids)
{
	const int dims = self->layout.dims;
	float *point = palloc(dims * sizeof(float));
	float *centre = palloc(dims * sizeof(float));
	uint8 code[ANGLE_CODED_MAX / 8];
	AngleFactors factors;

	set_centre(group, centroids, centre, dims);
	for (int i = 0; i < group->slots; i++)
		group->add[i] = INFINITY;
	for (int i = 0; i < group->count; i++)
	{
		const AngleBfloat *centroid = centroids + (Size) i * dims;
		const float spread = (float) angle_centroid_spread(self, centroid);

		angle_bfloat_decode(centroid, point, dims);
		angle_rabitq_encode(self->metric, dims, point, centre, code, &factors);
		angle_block_set(group->codes + i / ANGLE_BLOCK * angle_block_size(dims),
						dims, i % ANGLE_BLOCK, code);
		group->add[i] = factors.add + spread;
		group->members[i].spread = spread;
		group->rescale[i] = factors.rescale;
		code_member(group, i, point, centre, dims);
	}
	pfree(point);
	pfree(centre);
}

/* ---- met by a query ------------------------------------------------------- */

AngleCentre
angle_group_centre(const AngleGroup *group, const AngleQuery *query)
{
	const AngleIndex *self = query->self;
	AngleCentre centre = {.opposite = 0};

	centre.probe = angle_rabitq_probe_stored(self->metric, self->layout.dims,
											 query->point, group->centre);
	if (query->opposite != NULL)
		centre.opposite =
			angle_rabitq_probe_stored(self->metric, self->layout.dims,
									  query->opposite, group->centre)
				.add;
	return centre;
}

void
angle_group_estimate(const AngleGroup *group, AngleQuery *query,
					 const AngleCentre *centre, float *estimates)
{
	const AngleBlockView view = {group->codes, group->add, group->rescale, NULL,
								 NULL};
	const int blocks = group->slots / ANGLE_BLOCK;
	AngleProbe probe;

	if (query->opposite == NULL)
		angle_query_codes(query, &view, blocks, centre->probe, estimates, NULL);
	else
		/* codes of one bit are of one side only */
		for (int i = 0; i < group->count; i++)
			estimates[i] =
				(float) angle_group_node(group, i, query, centre, &probe);
	angle_blocks_tidy(estimates, blocks);
	for (int i = group->count; i < group->slots; i++)
		estimates[i] = INFINITY;
}

static double
clamp(double score)
{
	return fmin(fmax(score, -FLT_MAX), FLT_MAX);
}

double
angle_group_node(const AngleGroup *group, int i, const AngleQuery *query,
				 const AngleCentre *centre, AngleProbe *probe)
{
	const AngleMember *member = &group->members[i];
	const bool inner = query->self->metric == ANGLE_METRIC_INNER_PRODUCT;
	const int dims = query->self->layout.dims;
	const double away = centre->probe.error; /* ‖q − g‖ */
	const double norms = query->nodes.norm + away;
	const double product =
		angle_rerank_product(&query->nodes, group->fine + (Size) i * dims,
							 member->scale); /* ⟨q, r̂⟩ */
	const double squared = fmax(away * away + member->add - 2 * product, 0);
	const double off =
		(inner ? 1 : 2) * away * member->error + ROUNDING * norms * norms;
	const double score = inner ? centre->probe.add - product : squared;

	*probe = angle_rabitq_probe_at(score - DEVIATIONS * off, squared);
	if (query->opposite == NULL)
		return clamp(score + member->spread);
	return clamp(Min(score, centre->opposite + member->add + 2 * product) +
				 member->spread);
}

void
angle_group_prefetch(const AngleGroup *group, int i, int dims)
{
	const uint8 *fine = group->fine + (Size) i * dims;

	__builtin_prefetch(&group->leaves[i]);
	__builtin_prefetch(&group->members[i]);
	for (int at = 0; at < dims; at += 64)
		__builtin_prefetch(fine + at);
}
