/* Where the images of models lie under PGDATA, and how they are called. */
#ifndef ANGLE_IMAGE_PATH_H
#define ANGLE_IMAGE_PATH_H

#include "common/file_utils.h"
#include "storage/fd.h"

#include "pg/model/catalog.h"

#define ANGLE_IMAGE_DIRECTORY "pg_angle"
#define ANGLE_DRAFT_PREFIX PG_TEMP_FILE_PREFIX "_angle."
#define ANGLE_SHA256_HEX (2 * ANGLE_SHA256_BYTES)

/* The path of the image with this digest, relative to PGDATA, palloc'd. */
char *angle_image_path(const uint8_t *sha256);

/* Lower-case hexadecimal, palloc'd. */
char *angle_sha256_hex(const uint8_t *sha256);

/* The path of the draft of this backend, in static memory. */
const char *angle_draft_path(void);

#endif
