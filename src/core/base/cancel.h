/* How a caller stops long work: core asks between steps. */
#ifndef ANGLE_CANCEL_H
#define ANGLE_CANCEL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/status.h"

/* requested may be called from any thread of an executor. */
typedef struct AngleCancel
{
	bool (*requested)(void *context);
	void *context;
} AngleCancel;

/* Whether the caller wants to stop; cancel may be NULL. */
static inline bool
angle_cancelled(const AngleCancel *cancel)
{
	return cancel != NULL && cancel->requested(cancel->context);
}

/* The failure that follows when it does. */
static inline AngleStatus
angle_fail_cancelled(AngleError *err)
{
	return angle_fail(err, ANGLE_CANCELLED, "cancelled");
}

#endif
