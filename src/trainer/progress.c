#include "trainer/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define MAX_BAR 30

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double) time.tv_sec + 1e-9 * (double) time.tv_nsec;
}

static int
terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return 80;
	return size.ws_col;
}

/* "1:05", "2:00:00". */
static void
format_time(double seconds, char *text, size_t size)
{
	long whole = seconds < 1e6 ? (long) (seconds + 0.5) : 1000000;

	if (whole >= 3600)
		snprintf(text, size, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60,
				 whole % 60);
	else
		snprintf(text, size, "%ld:%02ld", whole / 60, whole % 60);
}

/* What was done, and how much of it in a second. */
static void
format_count(const AngleProgress *progress, uint64_t count, double seconds,
			 char *text, size_t size)
{
	double rate = seconds > 0 ? (double) count / seconds : 0;

	if (progress->unit == NULL)
		snprintf(text, size, "%.1f MB, %.1f MB/s", (double) count / 1e6,
				 rate / 1e6);
	else
		snprintf(text, size, "%llu %s, %.*f %s/s", (unsigned long long) count,
				 progress->unit, rate < 10 ? 1 : 0, rate, progress->unit);
}

/* Shows line in place of the last one. Spaces wipe what a longer one has left,
 * so that no terminal needs to understand more than a carriage return; the last
 * column stays free, because writing to it can move the cursor on. */
static void
show_line(const char *line)
{
	int width = terminal_width() - 1;

	fprintf(stderr, "\r%-*.*s\r", width, width, line);
}

/* The bar takes what the numbers leave of the line. */
static void
draw(const AngleProgress *progress, double fraction, uint64_t count)
{
	static const char full[] = "##############################";
	double seconds = progress->drawn - progress->started;
	char counted[80];
	char left[24] = "?";
	char numbers[128];
	char line[256];
	int filled;
	int bar;

	format_count(progress, count, seconds, counted, sizeof(counted));
	if (fraction > 0)
		format_time(seconds / fraction - seconds, left, sizeof(left));
	snprintf(numbers, sizeof(numbers), "%3d%%  %s  ETA %s",
			 (int) (fraction * 100), counted, left);
	bar = terminal_width() - 5 - (int) strlen(progress->label) -
		  (int) strlen(numbers);
	if (bar > MAX_BAR)
		bar = MAX_BAR;
	filled = (int) (fraction * bar);
	if (fraction < 0)
		snprintf(line, sizeof(line), "%s  %s", progress->label, counted);
	else if (bar < 1)
		snprintf(line, sizeof(line), "%s", numbers);
	else
		snprintf(line, sizeof(line), "%s [%.*s%*s] %s", progress->label, filled,
				 full, bar - filled, "", numbers);
	show_line(line);
}

void
angle_progress_start(AngleProgress *progress, const char *label,
					 const char *unit)
{
	*progress = (AngleProgress){.label = label, .unit = unit};
	progress->shown = isatty(STDERR_FILENO) == 1;
	progress->started = now();
	progress->drawn = progress->started;
}

void
angle_progress_update(AngleProgress *progress, double fraction, uint64_t count)
{
	double time;

	if (!progress->shown)
		return;
	time = now();
	if (time - progress->drawn < 0.1)
		return;
	progress->drawn = time;
	draw(progress, fraction > 1 ? 1 : fraction, count);
}

void
angle_progress_hide(void)
{
	if (isatty(STDERR_FILENO) == 1)
		show_line("");
}

void
angle_progress_end(AngleProgress *progress, bool succeeded, uint64_t count)
{
	double seconds;
	char counted[80];
	char time[24];

	if (!progress->shown)
		return;
	show_line("");
	if (!succeeded)
		return;
	seconds = now() - progress->started;
	format_count(progress, count, seconds, counted, sizeof(counted));
	format_time(seconds, time, sizeof(time));
	fprintf(stderr, "%s: %s, %s\n", progress->label, counted, time);
}
