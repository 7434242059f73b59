/* How much of an index a scan reads: see state.h. */
#include "postgres.h"

#include <math.h>

#include "pg/am/scan/route.h"
#include "pg/am/scan/state.h"
#include "pg/settings.h"

/* The last of those beyond need more than as many nearest do on average: as so many times
 * as many and so many more; where recall is less, as it were no less than this. */
#define MORE_SHARE 1.8
#define MORE 40.0
#define TARGET_LEAST 0.5

/* Leaves are read for so many times as many rows, for not to read a few of them for each row. */
#define AT_A_TIME 1.15

/* The nearest rows among which a filter leaves as many as are wanted, about, by what it left so
 * far; 0 where it dropped none, or how many are wanted is not known. It is thought over when
 * so many were looked at. */
static double
nearest_filtered(const AngleScan *self, double enough)
{
	const double nearest = Max(self->nearest, enough);
	double rows;

	if (self->dropped == 0)
		return 0;
	rows = angle_limit_nearest(self->limit, self->count - self->dropped,
							   self->ready.count, self->dropped);
	if (rows == 0)
		return 0;
	return self->count + self->ready.count < nearest ? nearest
													 : Max(nearest, rows);
}

/* How many rows a leaf has, about. */
static double
leaf_rows(const AngleScan *self)
{
	const double rows = Max(1, self->meta.capacity * 0.75);

	/* the rows are those of when the index was built or vacuumed */
	if (self->directory == NULL || self->meta.rows < self->directory->leaves)
		return rows;
	return Min(rows, 2 * self->meta.rows / self->directory->leaves);
}

double
angle_scan_rows_for(const AngleScan *self, double nearest)
{
	if (self->probes > 0)
		return self->probes * leaf_rows(self);
	return angle_stop_read(&self->meta, angle_recall_target,
						   Max(nearest, ANGLE_ROWS_WANTED));
}

void
angle_scan_expect(AngleScan *self)
{
	angle_route_expect(self->route,
					   self->once ? UINT32_MAX
								  : angle_scan_rows_for(self, self->wanted) /
										leaf_rows(self));
}

void
angle_scan_look_at_filter(AngleScan *self)
{
	const double tested = self->count + self->ready.count;

	if (!self->looking || tested < self->wanted)
		return;
	angle_limit_learn(self->limit, self->ready.count, self->dropped);
	self->wanted = angle_limit_rows(self->limit);
	self->looking = false;
	angle_scan_expect(self);
}

double
angle_scan_nearest(const AngleScan *self)
{
	const double enough = Max(self->wanted, ANGLE_ROWS_WANTED);
	const double filtered = nearest_filtered(self, enough);
	double nearest;

	if (filtered > 0)
		return filtered;
	if (self->count < enough)
		return enough;
	nearest = (self->count * MORE_SHARE + MORE) /
			  Max(TARGET_LEAST, angle_recall_target);
	return nearest <= self->nearest ? self->nearest : nearest * AT_A_TIME;
}

void
angle_scan_want(AngleScan *self)
{
	const double all = angle_limit_rows(self->limit);

	self->wanted = all;
	if (self->query->ordered && !self->query->estimated && !self->exact &&
		self->probes == 0)
		self->wanted = angle_limit_look(self->limit);
	self->looking = self->wanted < all;
}
