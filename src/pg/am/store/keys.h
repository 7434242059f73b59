/*
 * The columns behind the vector: eight bytes of each are in the leaf, so that
 * rows that a filter drops cost no visit of the table.
 *
 * Of a type that is passed by value they are the value, and filters are
 * decided here. Of others (text, uuid, numeric) they are a hash: equality is
 * decided but for collisions, order is not, and the executor looks again.
 */
#ifndef ANGLE_KEYS_H
#define ANGLE_KEYS_H

#include "access/skey.h"

#include "pg/am/store/node.h"

/* Raises an error unless every column behind the vector can be stored. */
void angle_keys_check(Relation index);

/* Fills row->nulls and row->values; values and isnull are of all columns. */
void angle_keys_store(Relation index, const Datum *values, const bool *isnull,
					  AngleRow *row);

typedef struct AngleFilter AngleFilter;

/* Prepares the conditions of a scan, in the current memory context. */
AngleFilter *angle_filter_make(Relation index, ScanKey keys, int count);

/* Whether a row with these contents may pass all conditions. */
bool angle_filter_pass(const AngleFilter *filter, const AngleLayout *layout,
					   Page head, int slot);

/* Whether there are no conditions. */
bool angle_filter_empty(const AngleFilter *filter);

/* Whether the executor must look again at what passes. */
bool angle_filter_lossy(const AngleFilter *filter);

#endif
