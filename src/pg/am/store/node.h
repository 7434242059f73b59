/* Entries of nodes: how they are made, put on pages and read back. */
#ifndef ANGLE_NODE_H
#define ANGLE_NODE_H

#include "core/quant/rabitq.h"
#include "pg/am/store/index.h"

/* A row as it is stored: body on a page of bodies, all else in a leaf. */
typedef struct AngleRow
{
	ItemPointerData tid;
	AngleBodyPointer where; /* is the body, and which of its entries this is */
	uint32 nulls;			/* bit i: key column i is NULL */
	uint64 *values;			/* (keys) as keys.h makes them */
	char *body; /* (row_size) AngleRerankFactors and the re-rank code */
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

/* Reads tid, where, nulls and values of a slot. */
void angle_head_get_row(const AngleLayout *layout, Page head, int slot,
						AngleRow *row);

/* Makes blocks of codes that are full such as searches like. In a loose block an insertion changes
 * bytes that lie together, in the others one here and there, for which WAL has four
 * bytes each. The last block stays loose, for first entries that take the place of second ones. */
void angle_leaf_pack(const AngleLayout *layout, Page head);

/* Whether there are such blocks. */
bool angle_leaf_packs(const AngleLayout *layout, Page head);

/* The same for a leaf that no scan sees yet: entries move to the front, and blocks with free slots
 * are loose. */
void angle_leaf_close(const AngleLayout *layout, Page head);

/* Second entries of a leaf. */
int angle_leaf_seconds(const AngleLayout *layout, Page head);

/* Of a leaf without free slots: the slot of the second entry that may give way to a first
 * one, the farthest, for it helps least. The capacity if first entries have most of the
 * leaf already, so that it had better be split. */
int angle_leaf_expendable(const AngleLayout *layout, Page head);

/* Puts a child, all but its centroid, into a slot that is not live. */
void angle_head_put_child(const AngleLayout *layout, Page head, int slot,
						  const AngleChild *child);

/* The pages of a node in memory, on which it is put together before it is written:
 * pages[0] is the head, those of centroids follow. */
typedef struct AngleImage
{
	const AngleLayout *layout;
	PGAlignedBlock *pages; /* (layout->pages) */
	int used;			   /* pages with contents, the head included */
	BlockNumber head;	   /* where it goes */
} AngleImage;

AngleImage *angle_image_make(const AngleLayout *layout);

/* Empties it: it is to be written to node. */
void
angle_image_reset(AngleImage *image, AngleNodeKind kind, AngleNodePointer node);

/* Adds an entry behind the last one. If the other entry of a row is there, it stays the
 * only one, and it is the first if either was. */
void angle_image_add_row(AngleImage *image, const AngleRow *row);
void angle_image_add_child(AngleImage *image, const AngleChild *child);

#endif
