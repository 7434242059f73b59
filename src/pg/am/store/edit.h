/* A change of a page that is locked: logged, or, where the whole file is in the end,
 * without WAL. */
#ifndef ANGLE_EDIT_H
#define ANGLE_EDIT_H

#include "access/generic_xlog.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

typedef struct AngleEdit
{
	Buffer buffer;
	GenericXLogState *state; /* NULL: without WAL */
} AngleEdit;

/* The page, or a copy of it, to be changed. */
static inline Page
angle_edit_begin(AngleEdit *edit, Relation index, Buffer buffer, bool logged)
{
	edit->buffer = buffer;
	edit->state = logged ? GenericXLogStart(index) : NULL;
	return logged ? GenericXLogRegisterBuffer(edit->state, buffer, 0)
				  : BufferGetPage(buffer);
}

static inline void
angle_edit_end(AngleEdit *edit)
{
	if (edit->state != NULL)
		GenericXLogFinish(edit->state);
	else
		MarkBufferDirty(edit->buffer);
}

#endif
