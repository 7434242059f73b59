/* The second pass of a build: partitions become lists. */
#include "postgres.h"

#include "miscadmin.h"

#include "pg/am/build/write.h"

/* Makes row i the only one. */
static void
keep_row(const AngleLayout *layout, AngleRowSet *rows, int i)
{
	rows->tids[0] = rows->tids[i];
	rows->nulls[0] = rows->nulls[i];
	memmove(rows->values, rows->values + (Size) i * layout->keys,
			layout->keys * sizeof(uint64));
	memmove(rows->points, rows->points + (Size) i * layout->dims,
			layout->dims * sizeof(float));
	if (rows->bodies != NULL)
		memmove(rows->bodies, rows->bodies + i * layout->row_size,
				layout->row_size);
	rows->count = 1;
}

void
angle_build_write(AngleTreeWriter *writer, AngleRowSource source, void *context,
				  Size size, bool bodies)
{
	const AngleLayout *layout = &writer->self->layout;
	AngleRowSet rows = angle_row_set_make(layout, size, INT_MAX, bodies);
	int current = -1, next;

	do
	{
		int count = rows.count;

		CHECK_FOR_INTERRUPTS();
		next = source(context, &rows);
		if (next != current || count == rows.capacity - 1)
		{
			rows.count = count;
			angle_tree_write_rows(writer, &rows);
			keep_row(layout, &rows, count);
		}
		current = next;
	} while (next >= 0);
	angle_row_set_free(&rows);
}
