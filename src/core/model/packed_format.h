/* Where things are in a packed file; docs/model-format.md explains them. */
#ifndef ANGLE_PACKED_FORMAT_H
#define ANGLE_PACKED_FORMAT_H

#define ANGLE_PACKED_MAGIC \
	"\x89"                 \
	"ANGLE"                \
	"\r\n"
#define ANGLE_PACKED_MAGIC_SIZE 8
#define ANGLE_PACKED_VERSION 2
#define ANGLE_PACKED_HEADER_SIZE 128
#define ANGLE_PACKED_ENTRY_SIZE 40
#define ANGLE_PACKED_MAX_NAME 255
#define ANGLE_PACKED_MAX_ARRAYS 65536

/* Offsets of the header's fields. */
enum
{
	HEADER_MAGIC = 0,
	HEADER_VERSION = 8,			 /* u32 */
	HEADER_FLAGS = 12,			 /* u32 */
	HEADER_SIZE = 16,			 /* u32 */
	HEADER_ARRAYS = 20,			 /* u32 */
	HEADER_FILE_SIZE = 24,		 /* u64 */
	HEADER_CONFIG_SIZE = 32,	 /* u64 */
	HEADER_DIRECTORY = 40,		 /* u64 */
	HEADER_NAMES = 48,			 /* u64 */
	HEADER_NAMES_SIZE = 56,		 /* u64 */
	HEADER_DATA = 64,			 /* u64 */
	HEADER_RESERVED = 72,		 /* 32 bytes */
	HEADER_METADATA_CHECK = 104, /* u64 */
	HEADER_DATA_CHECK = 112,	 /* u64 */
	HEADER_CHECK = 120,			 /* u64 */
};

/* Offsets of an entry's fields. */
enum
{
	ENTRY_NAME = 0,		 /* u32 */
	ENTRY_NAME_SIZE = 4, /* u32 */
	ENTRY_TYPE = 8,		 /* u32 */
	ENTRY_ROWS = 12,	 /* u32 */
	ENTRY_COLUMNS = 16,	 /* u32 */
	ENTRY_RESERVED = 20, /* u32 */
	ENTRY_DATA = 24,	 /* u64 */
	ENTRY_DATA_SIZE = 32 /* u64 */
};

#endif
