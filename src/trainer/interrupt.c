#include "trainer/interrupt.h"

#include <signal.h>

/* The number of the signal that came, or 0. */
static volatile sig_atomic_t received;

static void
remember(int number)
{
	received = number;
}

static void
handle(void (*handler)(int))
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = handler};
	struct sigaction old;

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
	{
		/* nohup and background jobs of a shell ignore some of them */
		if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(numbers[i], &action, NULL);
	}
}

void
angle_interrupt_install(void)
{
	handle(remember);
}

void
angle_interrupt_suspend(void)
{
	handle(SIG_DFL);
}

static bool
requested(void *context)
{
	(void) context;
	return received != 0;
}

const AngleCancel *
angle_interrupt_cancel(void)
{
	static const AngleCancel cancel = {requested, NULL};

	return &cancel;
}

void
angle_interrupt_reraise(void)
{
	if (received == 0)
		return;
	signal(received, SIG_DFL);
	raise(received);
}
