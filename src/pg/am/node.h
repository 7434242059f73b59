/* Entries of nodes: how they are made, put on pages and read back. */
#ifndef ANGLE_NODE_H
#define ANGLE_NODE_H

#include "core/quant/rabitq.h"
#include "pg/am/index.h"

/* A row as a leaf stores it. */
typedef struct AngleRow
{
	ItemPointerData tid;
	uint32 nulls;	/* bit i: key column i is NULL */
	uint64 *values; /* (keys) as keys.h makes them */
	char *body;		/* (row_size) AngleRerankFactors and the re-rank code */
	AngleFactors factors; /* these two are relative to the leaf's centroid */
	uint8 code[ANGLE_CODED_MAX / 8];
} AngleRow;

/* A child as an inner node stores it. */
typedef struct AngleChild
{
	AngleNodePointer pointer;
	AngleNodeKind kind;
	AngleBfloat *centroid; /* (dims) */
} AngleChild;

/* Palloc's the parts of a row. */
void angle_row_init(AngleRow *row, const AngleLayout *layout);

/* Fills body from point (dims). */
void angle_row_set_point(AngleRow *row, const AngleLayout *layout,
						 const float *point);

/* The point (dims) that body stands for. */
void angle_row_get_point(const AngleRow *row, const AngleLayout *layout,
						 float *point);

/* Fills code and factors. */
void angle_row_set_code(AngleRow *row, const AngleIndex *self,
						const float *point, const float *centroid);

/* Puts all of row but its body into a slot that is not live, and makes it live. */
void angle_head_put_row(const AngleLayout *layout, Page head, int slot,
						const AngleRow *row);

/* Reads tid, nulls and values of a slot. */
void angle_head_get_row(const AngleLayout *layout, Page head, int slot,
						AngleRow *row);

/* The same of a child. */
void angle_head_put_child(const AngleLayout *layout, Page head, int slot,
						  const AngleChild *child);

/*
 * The pages of a segment in memory, on which a node is put together before it is
 * written: pages[0] is the head; of the bodies, used are initialised.
 */
typedef struct AngleImage
{
	const AngleLayout *layout;
	PGAlignedBlock *pages; /* (layout->pages) */
	int used;			   /* pages with contents, the head included */
} AngleImage;

AngleImage *angle_image_make(const AngleLayout *layout);

/* Empties it. */
void
angle_image_reset(AngleImage *image, AngleNodeKind kind, uint32 generation);

/* Adds an entry behind the last one. */
void angle_image_add_row(AngleImage *image, const AngleRow *row);
void angle_image_add_child(AngleImage *image, const AngleChild *child);

#endif
