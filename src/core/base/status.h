/*
 * How core reports failure: a status that the caller must look at, and a
 * message for a person. Core never prints, exits or jumps.
 */
#ifndef ANGLE_STATUS_H
#define ANGLE_STATUS_H

typedef enum AngleStatus
{
	ANGLE_OK = 0,
	ANGLE_NO_MEMORY,
	ANGLE_CANCELLED,		/* the caller's callback asked to stop */
	ANGLE_INVALID_ARGUMENT, /* a value from the caller is out of range */
	ANGLE_INVALID_TEXT,		/* text is not valid UTF-8 */
	ANGLE_NOT_FOUND,		/* no such file, prompt or tensor */
	ANGLE_NOT_PERMITTED,	/* a file that this user may not read */
	ANGLE_IO_ERROR,			/* the operating system refused otherwise */
	ANGLE_CORRUPT,			/* a file contradicts its own format */
	ANGLE_UNSUPPORTED,		/* well-formed, but asks for what is not built */
	ANGLE_TOO_LARGE,		/* exceeds a documented limit */
} AngleStatus;

/* What went wrong, in PostgreSQL's message style; filled on failure only. Both
 * texts are UTF-8 without control characters, whatever they were made of: a
 * byte that is neither becomes a question mark. */
typedef struct AngleError
{
	AngleStatus status;
	char message[512]; /* lower case, no full stop, names what and where */
	char hint[256];	   /* how to mend it: sentences, or empty */
} AngleError;

#define ANGLE_MUST_CHECK __attribute__((warn_unused_result))
#define ANGLE_PRINTF(text_index, first_index) \
	__attribute__((format(printf, text_index, first_index)))

/* Fills err (which may be NULL) and returns status, for `return angle_fail(…)`.
 * Text that does not fit is cut between two characters. */
AngleStatus angle_fail(AngleError *err, AngleStatus status, const char *format,
					   ...) ANGLE_PRINTF(3, 4);

/* Adds the hint to an error that angle_fail() has filled. */
void angle_hint(AngleError *err, const char *format, ...) ANGLE_PRINTF(2, 3);

/* Puts "prefix: " before the message of an error that is already filled, so
 * that a caller can add the file or model it was working on. */
void angle_prefix(AngleError *err, const char *format, ...) ANGLE_PRINTF(2, 3);

/* Leaves the calling function with the status of expression unless it is OK. */
#define ANGLE_TRY(expression)                        \
	do                                               \
	{                                                \
		AngleStatus angle_try_status = (expression); \
		if (angle_try_status != ANGLE_OK)            \
			return angle_try_status;                 \
	} while (0)

#endif
