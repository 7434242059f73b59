/*
 * SIGINT, SIGTERM and SIGHUP ask the running subcommand to stop, so that it
 * can remove what it has half written.
 */
#ifndef ANGLE_INTERRUPT_H
#define ANGLE_INTERRUPT_H

#include "core/base/cancel.h"

/* Installs the handlers. Blocking calls end with EINTR. */
void angle_interrupt_install(void);

/* For core: whether a signal has come. */
const AngleCancel *angle_interrupt_cancel(void);

/* Ends the process as the signal that came would have; returns if none has. */
void angle_interrupt_reraise(void);

#endif
