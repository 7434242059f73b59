#include "trainer/train_log.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/json.h"
#include "trainer/line_reader.h"

/* ---- writing ------------------------------------------------------------ */

static AngleStatus
fail_log(AngleError *err, const char *path)
{
	return angle_fail(err, ANGLE_IO_ERROR, "could not write \"%s\": %s", path,
					  strerror(errno));
}

AngleStatus
angle_log_open(const char *path, uint64_t kept, FILE **log, AngleError *err)
{
	*log = fopen(path, kept > 0 ? "r+e" : "we");
	if (*log == NULL)
		return fail_log(err, path);
	if (ftruncate(fileno(*log), (off_t) kept) != 0 ||
		fseeko(*log, (off_t) kept, SEEK_SET) != 0)
	{
		fclose(*log);
		*log = NULL;
		return fail_log(err, path);
	}
	return ANGLE_OK;
}

/* Writes the object and ends it. */
static AngleStatus
write_line(FILE *log, json_t *json, AngleError *err)
{
	char *text = json != NULL
					 ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(9))
					 : NULL;
	bool written =
		text != NULL && fprintf(log, "%s\n", text) > 0 && fflush(log) == 0;

	json_decref(json);
	if (text == NULL)
		return angle_no_memory(err);
	free(text);
	return written ? ANGLE_OK : fail_log(err, "the log");
}

AngleStatus
angle_log_step(FILE *log, const AngleLogStep *step, AngleError *err)
{
	return write_line(log,
					  json_pack("{s:I, s:f, s:f, s:f, s:I, s:f}", "step",
								(json_int_t) step->step, "loss", step->loss,
								"rate", step->rate, "norm", step->norm, "texts",
								(json_int_t) step->texts, "seconds",
								step->seconds),
					  err);
}

AngleStatus
angle_log_scores(FILE *log, const AngleLogScores *scores, AngleError *err)
{
	json_t *each = json_object();

	for (int i = 0; i < scores->count; i++)
		json_object_set_new(each, scores->names[i],
							json_real(scores->scores[i]));
	return write_line(log,
					  json_pack("{s:I, s:f, s:o}", "step",
								(json_int_t) scores->step, "score",
								scores->score, "scores", each),
					  err);
}

/* ---- reading ------------------------------------------------------------ */

/* Points of one curve. */
typedef struct Curve
{
	const char *name;
	const char *color;
	size_t count;
	double *x; /* (count) steps */
	double *y; /* (count) */
} Curve;

typedef struct Curves
{
	Curve loss;
	Curve score;
	size_t capacity;
} Curves;

static AngleStatus
add_point(Curve *curve, size_t capacity, double x, double y, AngleError *err)
{
	if (curve->count == capacity)
		return angle_fail(err, ANGLE_CORRUPT, "the log grew while it was read");
	curve->x[curve->count] = x;
	curve->y[curve->count++] = y;
	return ANGLE_OK;
}

static AngleStatus
add_line(Curves *curves, AngleBytes line, const char *path, AngleError *err)
{
	AngleStatus status = ANGLE_OK;
	json_t *json;
	const json_t *loss;
	const json_t *score;
	double step;

	ANGLE_TRY(angle_json_parse(line, path, JSON_OBJECT, JSON_DECODE_INT_AS_REAL,
							   &json, err));
	step = json_number_value(json_object_get(json, "step"));
	loss = json_object_get(json, "loss");
	score = json_object_get(json, "score");
	if (json_is_number(loss))
		status = add_point(&curves->loss, curves->capacity, step,
						   json_number_value(loss), err);
	else if (json_is_number(score))
		status = add_point(&curves->score, curves->capacity, step,
						   json_number_value(score), err);
	json_decref(json);
	return status;
}

/* Counts the lines of the log, or, when there is room, reads them. */
static AngleStatus
read_lines(const char *path, Curves *curves, size_t *lines, AngleError *err)
{
	char *const files[] = {(char *) path};
	AngleLineReader reader;
	AngleStatus status = ANGLE_OK;
	bool end = false;

	*lines = 0;
	angle_lines_open(&reader, files, 1, NULL);
	while (status == ANGLE_OK)
	{
		AngleBytes line;

		status = angle_lines_next(&reader, &line, &end, err);
		if (status != ANGLE_OK || end)
			break;
		++*lines;
		if (curves->capacity > 0)
			status = add_line(curves, line, path, err);
	}
	angle_lines_close(&reader);
	return status;
}

/* ---- drawing ------------------------------------------------------------ */

#define WIDTH 720
#define HEIGHT 280
#define MARGIN 50
#define BUCKETS 100

typedef struct Range
{
	double low;
	double high;
} Range;

static Range
range_of(const double *values, size_t count)
{
	Range range = {values[0], values[0]};

	for (size_t i = 1; i < count; i++)
	{
		range.low = fmin(range.low, values[i]);
		range.high = fmax(range.high, values[i]);
	}
	if (range.high - range.low < 1e-9)
		range.high = range.low + 1;
	return range;
}

/* Averages the points into at most BUCKETS, in place. */
static void
thin_out(Curve *curve)
{
	size_t kept = 0;

	if (curve->count <= BUCKETS)
		return;
	for (size_t b = 0; b < BUCKETS; b++)
	{
		size_t first = curve->count * b / BUCKETS;
		size_t end = curve->count * (b + 1) / BUCKETS;
		double x = 0;
		double y = 0;

		for (size_t i = first; i < end; i++)
		{
			x += curve->x[i] / (double) (end - first);
			y += curve->y[i] / (double) (end - first);
		}
		curve->x[kept] = x;
		curve->y[kept++] = y;
	}
	curve->count = kept;
}

static void
draw_curve(FILE *out, const Curve *curve, int top, double last)
{
	Range range = range_of(curve->y, curve->count);

	fprintf(out,
			"<text x=\"%d\" y=\"%d\">%s</text>\n"
			"<text x=\"4\" y=\"%d\">%.4g</text>\n"
			"<text x=\"4\" y=\"%d\">%.4g</text>\n"
			"<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" "
			"stroke=\"#bbb\"/>\n<polyline fill=\"none\" stroke=\"%s\" "
			"stroke-width=\"1.5\" points=\"",
			MARGIN, top - 6, curve->name, top + 10, range.high, top + HEIGHT,
			range.low, MARGIN, top, WIDTH, HEIGHT, curve->color);
	for (size_t i = 0; i < curve->count; i++)
		fprintf(out, "%.1f,%.1f ", MARGIN + WIDTH * curve->x[i] / last,
				top + HEIGHT * (range.high - curve->y[i]) /
						  (range.high - range.low));
	fputs("\"/>\n", out);
}

static void
draw(FILE *out, Curves *curves)
{
	Curve *all[] = {&curves->loss, &curves->score};
	int height = MARGIN / 2;
	double last = 1;

	for (size_t i = 0; i < 2; i++)
	{
		if (all[i]->count == 0)
			continue;
		height += HEIGHT + MARGIN;
		last = fmax(last, all[i]->x[all[i]->count - 1]);
	}
	fprintf(out,
			"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
			"height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n"
			"<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
			WIDTH + 2 * MARGIN, height);
	height = MARGIN / 2;
	for (size_t i = 0; i < 2; i++)
	{
		if (all[i]->count == 0)
			continue;
		thin_out(all[i]);
		draw_curve(out, all[i], height, last);
		height += HEIGHT + MARGIN;
	}
	fprintf(out,
			"<text x=\"%d\" y=\"%d\" text-anchor=\"end\">step %.0f</text>\n"
			"</svg>\n",
			WIDTH + MARGIN, height - MARGIN / 2 - 8, last);
}

static AngleStatus
make_room(Curve *curve, size_t capacity, AngleArena *arena, AngleError *err)
{
	curve->x = angle_arena_alloc(arena, capacity, sizeof(double));
	curve->y = angle_arena_alloc(arena, capacity, sizeof(double));
	return curve->x != NULL && curve->y != NULL ? ANGLE_OK
												: angle_no_memory(err);
}

AngleStatus
angle_log_draw(const char *path, const char *chart, AngleArena *arena,
			   AngleError *err)
{
	Curves curves = {.loss = {.name = "loss", .color = "#1f77b4"},
					 .score = {.name = "score", .color = "#2ca02c"}};
	size_t lines;
	bool failed;
	FILE *out;

	ANGLE_TRY(read_lines(path, &curves, &lines, err));
	ANGLE_TRY(make_room(&curves.loss, lines + 1, arena, err));
	ANGLE_TRY(make_room(&curves.score, lines + 1, arena, err));
	curves.capacity = lines + 1;
	ANGLE_TRY(read_lines(path, &curves, &lines, err));
	out = fopen(chart, "we");
	if (out == NULL)
		return fail_log(err, chart);
	draw(out, &curves);
	failed = ferror(out) != 0;
	if (fclose(out) != 0 || failed)
		return fail_log(err, chart);
	return ANGLE_OK;
}
