/*
 * What the end of a transaction does to the files of models: the draft of a
 * failed one goes, and so do the images that it made and then took back, or
 * dropped and then committed.
 */
#ifndef ANGLE_IMAGE_REMOVAL_H
#define ANGLE_IMAGE_REMOVAL_H

#define ANGLE_IMAGE_DIRECTORY "pg_angle"

/* From now on an abort removes the draft; until it is released. */
void angle_removal_guard_draft(void);
void angle_removal_release_draft(void);

#endif
