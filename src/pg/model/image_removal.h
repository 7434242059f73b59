/*
 * What the end of a transaction does to the files of models: the draft of a
 * failed one goes, and so do the images that it made and then took back, or
 * dropped and then committed.
 */
#ifndef ANGLE_IMAGE_REMOVAL_H
#define ANGLE_IMAGE_REMOVAL_H

#include <stdint.h>

/* When a pending removal of a file comes to pass. */
typedef enum AngleRemoval
{
	ANGLE_REMOVE_AT_COMMIT, /* of a model that is dropped */
	ANGLE_REMOVE_AT_ABORT,	/* of a model that is made */
} AngleRemoval;

/* Removes the image's file when the current transaction ends so; call it for
 * one that is made before it is. A file that is there already is another
 * model's, too, and is kept by an abort. */
void angle_image_remove(const uint8_t *sha256, AngleRemoval when);

/* From now on an abort removes the draft; until it is released. */
void angle_removal_guard_draft(void);
void angle_removal_release_draft(void);

#endif
