/* One index as the parts of the access method see it: what its metapage says,
 * its options, the way from vectors into its space, its nodes. */
#ifndef ANGLE_INDEX_H
#define ANGLE_INDEX_H

#include "access/amapi.h"
#include "storage/buf.h"
#include "utils/rel.h"

#include "core/quant/rabitq.h"
#include "core/quant/space.h"
#include "pg/am/store/page.h"

/* Strategies. Those of scalar columns are btree's; the others order by the
 * distance of the first column. */
#define ANGLE_STRATEGY_EQUAL 3
#define ANGLE_STRATEGY_COSINE 6	 /* <=> */
#define ANGLE_STRATEGY_ANGULAR 7 /* <^> */
#define ANGLE_STRATEGY_ANGLE 8	 /* <@> */
#define ANGLE_STRATEGY_L2 9		 /* <-> */
#define ANGLE_STRATEGY_IP 10	 /* <#> */
#define ANGLE_STRATEGIES 10

/* Support functions: of a vector's operator class the metric, of a scalar's the
 * extended hash function where its values are not passed by value. */
#define ANGLE_SUPPORT_METRIC 1
#define ANGLE_SUPPORT_HASH 2
#define ANGLE_SUPPORTS 2

/* The option rerank, where it is not given. Six bits leave a bound of 0.03 of a norm, and
 * room for a second entry of each row. */
#define ANGLE_RERANK_BITS 6

/* What WITH (…) gives. */
typedef struct AngleOptions
{
	int32 vl_len_; /* varlena header */
	int rerank;	   /* bits of a re-rank code */
} AngleOptions;

/* A private copy of what never changes in an index once it has dimensions; in
 * the memory context that was current when it was made. */
typedef struct AngleIndex
{
	AngleLayout layout; /* dims is 0 for an index that has never had a row */
	AngleSpace space;
	AngleMetric metric;
} AngleIndex;

/* The metric of the first column's operator class. */
AngleMetric angle_index_metric(Relation index);

/* The option rerank. */
int angle_index_bits(Relation index);

/* Raises an error unless the first column is a vector and no other one is. */
void angle_index_check_columns(Relation index);

/* A metapage for an index without rows: dims is 0. */
AngleMeta angle_meta_make(Relation index);

/* Fills in the sizes that follow from dims. */
void angle_meta_set_dims(AngleMeta *meta, int dims);

/* The metapage's contents, checked. */
AngleMeta angle_meta_read(Relation index);

/* Opens an index by its metapage; makes the rotation. */
AngleIndex *angle_index_open(Relation index);

/* The same for a metapage that is not written yet. */
AngleIndex *angle_index_make(const AngleMeta *meta);

/* Copies the vector of datum into point and takes it into the index's space;
 * false if it has no place there (zero under cosine). Raises an error for a
 * wrong number of dimensions. */
bool angle_index_point(Relation index, const AngleIndex *self, Datum datum,
					   float *point);

/* Reads the head of a node with a share or exclusive lock, and checks it. */
Buffer angle_read_head(Relation index, const AngleLayout *layout,
					   BlockNumber block, int lock);

/* The same through a pointer that may have outlived the node: InvalidBuffer where the
 * page is used for something else now. */
Buffer angle_read_node(Relation index, const AngleLayout *layout,
					   AngleNodePointer node, int lock);

/* Reads one page after another; keeps one locked (shared) until another is asked for.
 * Zero it before the first. */
typedef struct AnglePageReader
{
	Relation index;
	Buffer buffer; /* InvalidBuffer: none */
	char *scratch; /* for what lies on several pages; NULL until it is needed */
	int scratch_pages;
} AnglePageReader;

/* The page of a block, locked. */
char *angle_reader_page(AnglePageReader *reader, BlockNumber block);

/* Memory for what lies on so many pages, palloc'd; until the next such call. */
char *angle_reader_scratch(AnglePageReader *reader, int pages);

/* The centroid of entry slot of the inner node at head, whose head page the caller holds
 * locked; valid until the next call for the reader. */
const AngleBfloat *
angle_centroid_get(AnglePageReader *reader, const AngleLayout *layout,
				   BlockNumber head, int slot);

/* Lets go of the page. */
void angle_reader_done(AnglePageReader *reader);

/* Pins a block of a relation if it is in the buffer where it was when it was last looked
 * for; InvalidBuffer is none. False also where the page has been used so little that it is
 * time to have it looked for: only that counts as a use of it, by which PostgreSQL decides
 * what stays in memory. */
bool angle_pin_recent(Relation relation, BlockNumber block, Buffer recent);

/* What is added to the squared distance of a leaf's centroid (dims), so that leaves come in the
 * order in which they are likely to have the nearest rows: of two that are as near, that whose
 * rows lie closer together. Under cosine, where rows have the length 1, the rows of a leaf
 * are 1 − ‖c‖² away from their mean c, on average and squared; 0 for other metrics. */
double
angle_centroid_spread(const AngleIndex *self, const AngleBfloat *centroid);

/* Pins a block, which was in the buffer *recent when it was last looked for, or
 * nowhere known (InvalidBuffer); notes where it is now. */
Buffer angle_read_recent(Relation index, BlockNumber block, Buffer *recent);

/* The page in a buffer, which is neither pinned nor locked: it may be changing, and be another
 * one than when it was last looked for. NULL without such a buffer. Asks the processor
 * for what pinning it needs. */
Page angle_recent_page(Buffer recent);

/* Asks the processor for bytes of that page, if there is one. */
void angle_prefetch_bytes(Buffer recent, Size from, Size bytes);

#endif
