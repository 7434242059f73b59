/*
 * Values from chunks whose places are known, without the index of the TOAST table.
 *
 * A place is a guess, and verified: a chunk says which value it is of. The table can have
 * changed since, or be another one of the same OID. What was read lately is remembered: a query
 * orders rows by a distance, and then gives it out.
 */
#ifndef ANGLE_TOAST_CHUNKS_H
#define ANGLE_TOAST_CHUNKS_H

#include "storage/buf.h"
#include "utils/snapshot.h"

#include "pg/type/toast_value.h"

/* Where a chunk is. */
typedef struct AngleToastPlace
{
	BlockNumber block;
	OffsetNumber offset; /* may be the one before the first */
	Buffer buffer;		 /* the block was in it; 0: not known */
} AngleToastPlace;

/* Takes the chunks of a value, none of which was taken, behind a place: those that follow it on
 * the same page, and on the pages after it. The place becomes that of the last one. Returns
 * whether the value is whole. */
bool angle_toast_follow(AngleToastValue *value, Snapshot snapshot,
						AngleToastPlace *place);

/* Remembers for a while the place before the first chunk of a value in a TOAST table. */
void angle_toast_note(Oid table, Oid value, AngleToastPlace place);

/* Fills place with that; false if it was forgotten, or never noted. */
bool angle_toast_noted(Oid table, Oid value, AngleToastPlace *place);

#endif
