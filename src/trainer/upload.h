/* A packed model on its way into a database. */
#ifndef ANGLE_UPLOAD_H
#define ANGLE_UPLOAD_H

#include <libpq-fe.h>

#include "core/base/arena.h"
#include "core/base/bytes.h"
#include "core/base/status.h"

/* Looks for the extension and for the right to push, and fails with what is
 * missing. schema is that of the functions, quoted, in arena.
 * Errors: ANGLE_UNSUPPORTED, ANGLE_IO_ERROR, ANGLE_CANCELLED. */
ANGLE_MUST_CHECK AngleStatus angle_upload_check(PGconn *connection,
												AngleArena *arena,
												const char **schema,
												AngleError *err);

/* Pushes the image of a packed model under name, in one transaction, and shows
 * how far it is. Errors: ANGLE_IO_ERROR, ANGLE_CANCELLED. */
ANGLE_MUST_CHECK AngleStatus angle_upload_run(PGconn *connection,
											  const char *schema,
											  const char *name,
											  AngleBytes image,
											  AngleError *err);

#endif
