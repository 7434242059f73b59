/* How many processors there are to work with. */
#ifndef ANGLE_PROCESSORS_H
#define ANGLE_PROCESSORS_H

/* The most threads that a command line may ask for. */
#define ANGLE_MAX_THREADS 1024

/* The processors that this process may use, at least 1. */
int angle_processor_count(void);

#endif
