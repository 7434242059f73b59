/* The query of a scan: what it is asked for, and how near rows and nodes are. */
#ifndef ANGLE_QUERY_H
#define ANGLE_QUERY_H

#include "access/skey.h"

#include "core/quant/fastscan.h"
#include "core/quant/rerank.h"
#include "pg/am/store/index.h"

/* Bits of a coordinate in the codes of group.h. */
#define ANGLE_GROUP_BITS 8

typedef struct AngleQuery
{
	const AngleIndex *self;
	int strategy;
	bool ordered; /* false: no query, or one that is NULL or zero */
	bool null;	  /* the distances are NULL */
	bool
		estimated; /* rows come by estimates; else by distances from the table */
	bool exact;	   /* bounds of bodies are to hold for certain */
	double ratio;  /* of angle_space_turn() */
	float bound_share; /* of codes' bounds: so much is taken off estimates */
	float *point;	   /* (dims) */
	float *opposite;   /* (dims) −point, for <@>; else NULL */
	AngleRerankQuery rerank; /* of bodies */
	AngleRerankQuery nodes;	 /* the same of group.h's codes */
	AngleTable coarse;
	AngleTable fine; /* of two planes; entries is NULL until it is needed */
	void *fine_memory;
} AngleQuery;

/* Prepares the query of an ordering key, in the current memory context. exact: bounds are to hold
 * for certain. read: rows that will be read, about, more than 0. */
AngleQuery *angle_query_make(Relation index, const AngleIndex *self,
							 ScanKey order, bool exact, double read);

/* The same of a point (dims) of the index's space, which must stay. */
AngleQuery *angle_query_of_point(const AngleIndex *self, float *point);

/* How near the node with this stored centroid (dims) is, with its spread, and what scanning it
 * needs. */
double angle_query_node(const AngleQuery *query, const AngleBfloat *centroid,
						AngleProbe *probe);

/* angle_blocks_estimate() with the table that is fine enough. */
void
angle_query_codes(AngleQuery *query, const AngleBlockView *first, int blocks,
				  AngleProbe probe, float *estimate, float *lower);

/* For the slots of the blocks of a leaf's head page that have rows, estimates of their scores,
 * which are of the query's own side if it has two, and lower bounds, of which a part is
 * too high. What they are where there is no row does not matter. Meanwhile ahead is asked
 * for. */
void angle_query_leaf(AngleQuery *query, Page head, AngleProbe probe,
					  AngleAhead *ahead, float *estimates, float *lower);

/* What a body says of its row. */
typedef struct AngleRowKey
{
	double
		key; /* a bound of its score; where rows come by estimates the estimate */
	double margin; /* so far it is below the estimate */
} AngleRowKey;

AngleRowKey angle_query_row(const AngleQuery *query, const char *body);

/* What the operator gives for a key. */
double angle_query_distance(const AngleQuery *query, double key);

#endif
