/*
 * The models that this backend has open, of the database and of the model
 * directory, in this order. A model is opened by the first call that names it and
 * stays open until the backend ends or finds that it was dropped; its weights are
 * a read-only mapping that all backends share.
 */
#ifndef ANGLE_REGISTRY_H
#define ANGLE_REGISTRY_H

#include "fmgr.h"

#include "core/encoder/model.h"
#include "pg/model/catalog.h"

/* The open model called name, which lasts at least until the transaction ends.
 * Raises ERRCODE_INVALID_NAME, ERRCODE_UNDEFINED_OBJECT, ERRCODE_DATA_CORRUPTED,
 * ERRCODE_INSUFFICIENT_PRIVILEGE and what else angle_check() has. */
const AngleModel *angle_registry_model(const char *name);

/* Changes when a model that was handed out is no longer open: what compares
 * models by their addresses over transactions has to compare this, too. */
uint64_t angle_registry_epoch(void);

/* The model that the argument at position of an IMMUTABLE function names. NULL raises
 * ERRCODE_NULL_VALUE_NOT_ALLOWED: it would make the result depend on a
 * setting. */
const AngleModel *
angle_registry_argument(FunctionCallInfo fcinfo, int position);

#endif
