/*
 * Where rows would have their second entries. Most leaves are full in the end, and not all
 * rows can have what they like best. A second entry near its leaf's centroid is found by more
 * searches than one far away, and more depends on it where the first one is far from its own:
 * so rows choose in the order of what is lost by their best leaf (angle_second_loss()) less
 * what is by the first one, by and by, in rounds.
 */
#ifndef ANGLE_WISHES_H
#define ANGLE_WISHES_H

#include "pg/am/store/page.h"

/* Leaves of which they are chosen: the nearest. */
#define ANGLE_WISHES_OF 12

/* Leaves that a row may have its second entry in. */
#define ANGLE_WISHES 6

/* So many rounds there are in which rows choose, with about as many of them each. */
#define ANGLE_WISH_ROUNDS 8

#define ANGLE_WISH_NONE UINT32_MAX

/* Leaves are places in an order that the caller knows. */
typedef struct AngleWish
{
	uint32 first;		   /* the leaf of the first entry … */
	uint16 slot;		   /* … and its slot there, or … */
	AngleBodyPointer body; /* … the row's body, as the caller likes */
	uint32 second;		   /* the leaf of the second one, or ANGLE_WISH_NONE */
	float loss;			   /* of the best leaf, less that of the first */
	uint32 leaves[ANGLE_WISHES]; /* the best first; ANGLE_WISH_NONE: no more */
} AngleWish;

/* Zeroed it is empty. Wishes lie in pieces, in the current memory context of each call: an array that
 * grows takes its memory twice meanwhile. */
typedef struct AngleWishes
{
	AngleWish **pieces;				 /* (room), of ANGLE_WISHES_EACH each */
	Size count;						 /* wishes */
	Size room;						 /* pieces */
	float limits[ANGLE_WISH_ROUNDS]; /* losses of a round, at most */
} AngleWishes;

#define ANGLE_WISHES_EACH 1024

static inline AngleWish *
angle_wish(const AngleWishes *wishes, Size i)
{
	return &wishes->pieces[i / ANGLE_WISHES_EACH][i % ANGLE_WISHES_EACH];
}

/* Bytes for the wishes of a leaf's rows, which have half of it about. */
static inline Size
angle_wishes_size(const AngleLayout *layout)
{
	return layout->capacity / 2 * sizeof(AngleWish);
}

/* A row among leaves whose centroids (…, dims) are known. */
typedef struct AngleWisher
{
	const float *point;		/* (dims) */
	const float *centroids; /* by place */
	int dims;
	uint32 count;			/* leaves: from this on places mean nothing */
	const uint32 *nearest;	/* (ANGLE_WISHES_OF) */
	const float *distances; /* of them, squared */
} AngleWisher;

/* Adds a wish for a row whose first entry is in a leaf, and returns it. The caller fills in the rest. */
AngleWish *
angle_wishes_add(AngleWishes *wishes, const AngleWisher *wisher, uint32 first);

/* Fills limits, when all are there. */
void angle_wishes_part(AngleWishes *wishes);

/* Whether it is the wish's turn in a round. */
static inline bool
angle_wish_is_due(const AngleWishes *wishes, const AngleWish *wish, int round)
{
	return wish->loss <= wishes->limits[round] &&
		   (round == 0 || wish->loss > wishes->limits[round - 1]);
}

#endif
