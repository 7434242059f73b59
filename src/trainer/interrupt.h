/*
 * SIGINT, SIGTERM and SIGHUP ask the running subcommand to stop, so that it
 * can remove what it has half written.
 */
#ifndef ANGLE_INTERRUPT_H
#define ANGLE_INTERRUPT_H

#include "core/base/cancel.h"

/* Installs the handlers. Blocking calls end with EINTR. */
void angle_interrupt_install(void);

/* Takes the handlers out until they are installed again: meanwhile a signal ends
 * the process. For work that cannot ask whether one has come. */
void angle_interrupt_suspend(void);

/* For core: whether a signal has come. */
const AngleCancel *angle_interrupt_cancel(void);

/* Ends the process as the signal that came would have; returns if none has. */
void angle_interrupt_reraise(void);

#endif
