/*
 * Nodes that are near to one another, in the memory of a backend, so that a scan can tell
 * how near they are to a query: roughly by codes of one bit for each coordinate
 * (core/quant/fastscan.h), and nearly by codes of eight (core/quant/rerank.h), half of what
 * centroids take on pages. Both are relative to the mean g of the centroids, about: of
 * r = c − g, so what they are off by is small beside the distances between these nodes.
 *
 *     ‖q − c‖² = ‖q − g‖² + ‖r‖² + 2⟨g, r⟩ − 2⟨q, r⟩
 */
#ifndef ANGLE_GROUP_H
#define ANGLE_GROUP_H

#include "pg/am/scan/query.h"

/* Beside the code of eight bits of r, which stands for r̂. */
typedef struct AngleMember
{
	float scale;
	float add;	  /* ‖r‖² + 2⟨g, r̂⟩ */
	float error;  /* ‖r − r̂‖/√(D − 1) */
	float spread; /* angle_centroid_spread() */
} AngleMember;

typedef struct AngleGroup
{
	/* the inner node whose leaves they are, as it was read; its block is
	 * InvalidBlockNumber for other groups */
	BlockNumber block;
	uint32 generation;
	uint32 changes;
	AngleNodePointer
		*leaves; /* (count); the caller's, unused for other groups */

	int users;
	Size size;			  /* bytes */
	int count;			  /* nodes */
	int slots;			  /* count rounded up to whole blocks of codes */
	AngleBfloat *centre;  /* (dims): g */
	uint8 *codes;		  /* of one bit, in blocks */
	float *add;			  /* (slots), with the spread; infinite behind count */
	float *rescale;		  /* (slots) */
	uint8 *fine;		  /* (count, dims) */
	AngleMember *members; /* (count) */
} AngleGroup;

/* A group of count nodes in one piece, without users, to be freed by pfree(); leaves and what
 * follows from centroids is not set. */
AngleGroup *
angle_group_make(MemoryContext memory, const AngleLayout *layout, int count);

/* Fills in what follows from the centroids (count, dims). */
void angle_group_code(AngleGroup *group, const AngleIndex *self,
					  const AngleBfloat *centroids);

/* How near the centre of a group is to a query. */
typedef struct AngleCentre
{
	AngleProbe probe;
	double opposite; /* the score of the query's other side, if it has two */
} AngleCentre;

AngleCentre
angle_group_centre(const AngleGroup *group, const AngleQuery *query);

/* Fills in estimates (slots) of the nodes' scores and spreads, rough ones where a query has one side; none
 * is NaN, and those behind count are infinite as no other is. */
void angle_group_estimate(const AngleGroup *group, AngleQuery *query,
						  const AngleCentre *centre, float *estimates);

/* The score of one node, nearly, with its spread, and what scanning it needs, with which bounds of its rows hold
 * though its centroid is not known exactly. */
double angle_group_node(const AngleGroup *group, int i, const AngleQuery *query,
						const AngleCentre *centre, AngleProbe *probe);

/* Asks the processor for what that reads. */
void angle_group_prefetch(const AngleGroup *group, int i, int dims);

#endif
