/* Looking for added tokens in text that is being normalised. */
#ifndef ANGLE_ADDED_STREAM_H
#define ANGLE_ADDED_STREAM_H

#include "core/text/added_tokens.h"
#include "core/text/wordpiece.h"

/* Finds the entries of a set in a stream of normalised characters; what lies
 * between them goes on to the words. */
typedef struct AngleAddedStream
{
	const AngleAddedSet *set;
	AngleWords *words;
	uint8_t *bytes;	  /* (capacity) waiting in [head, tail) */
	AngleSpan *spans; /* (capacity) of each byte */
	size_t capacity;
	size_t head;
	size_t tail;
	size_t barred;		 /* bytes behind head where no match may start */
	int64_t previous;	 /* the character before head, −1 at the start */
	int64_t space_start; /* of the white space right before head, or −1 */
	bool open;			 /* a token waits for white space to take */
	int32_t open_id;
	AngleSpan open_span;
} AngleAddedStream;

ANGLE_MUST_CHECK AngleStatus angle_added_stream_init(AngleAddedStream *stream,
													 const AngleAddedSet *set,
													 AngleWords *words,
													 AngleArena *arena,
													 AngleError *err);

void
angle_added_stream_push(AngleAddedStream *stream, uint32_t c, AngleSpan span);

/* Ends a piece of text: nothing matches across its end. */
void angle_added_stream_flush(AngleAddedStream *stream);

#endif
