/*
 * Which of many points are near to some queries: all are compared with all, by products,
 * which for hundreds of queries takes less time than to look at codes.
 */
#ifndef ANGLE_QUERIES_H
#define ANGLE_QUERIES_H

#include <stddef.h>

#include "core/base/arena.h"
#include "core/base/status.h"

typedef enum AngleNearness
{
	ANGLE_NEAR_BY_DISTANCE, /* ‖x − q‖² */
	ANGLE_NEAR_BY_PRODUCT,	/* −⟨x, q⟩ */
} AngleNearness;

typedef struct AngleQueries AngleQueries;

typedef struct AngleQueriesRequest
{
	const float *queries; /* (count, dims), finite; need not stay */
	size_t count;
	int dims;
	AngleNearness by;
} AngleQueriesRequest;

/* All of it lies in arena: (count + 15) (dims + 66) floats at most. */
ANGLE_MUST_CHECK AngleStatus
angle_queries_create(const AngleQueriesRequest *request, AngleArena *arena,
					 AngleQueries **made, AngleError *err);

/* From now on query is shown what is nearer than limit alone; at first all. */
void angle_queries_limit(AngleQueries *queries, size_t query, double limit);

/* Point, by its place, is so near to query. It may change the limits. */
typedef void (*AngleMeetPoint)(void *context, size_t query, size_t point,
							   double nearness);

typedef struct AngleShown
{
	const float *points;  /* (count, dims) */
	const float *squares; /* (count): ‖x‖²; for products NULL */
	size_t count;
} AngleShown;

/* Shows points to the queries, one after another. What is off its limit by less than the
 * rounding of a product may be shown or not. */
void angle_queries_show(AngleQueries *queries, const AngleShown *shown,
						AngleMeetPoint meet, void *context);

#endif
