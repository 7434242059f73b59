#include "postgres.h"

#include "common/file_utils.h"
#include "miscadmin.h"

#include "pg/model/image_path.h"

char *
angle_sha256_hex(const uint8_t *sha256)
{
	char *hex = palloc(ANGLE_SHA256_HEX + 1);

	for (int i = 0; i < ANGLE_SHA256_BYTES; i++)
		sprintf(hex + 2 * i, "%02x", sha256[i]);
	return hex;
}

char *
angle_image_path(const uint8_t *sha256)
{
	return psprintf(ANGLE_IMAGE_DIRECTORY "/%s", angle_sha256_hex(sha256));
}

const char *
angle_draft_path(void)
{
	static char path[MAXPGPATH];

	snprintf(path, sizeof(path),
			 ANGLE_IMAGE_DIRECTORY "/" ANGLE_DRAFT_PREFIX "%d", MyProcPid);
	return path;
}
