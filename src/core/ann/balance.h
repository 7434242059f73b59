/*
 * Points into lists that hold so many and no more. Every list has a price, which is
 * added to its distance: those that too many points want become dearer, until they
 * have room. So what moves are points for which another list is nearly as near, and
 * the borders between lists shift as a whole (a power diagram: Aurenhammer, Hoffmann
 * & Aronov 1998, "Minkowski-type theorems and least-squares clustering").
 */
#ifndef ANGLE_BALANCE_H
#define ANGLE_BALANCE_H

#include <stddef.h>
#include <stdint.h>

typedef struct AngleBalance
{
	size_t count;			/* points */
	int nearest;			/* lists that each of them may go to */
	const uint32_t *lists;	/* (count, nearest): angle_assign() */
	const float *distances; /* (count, nearest), squared */
	size_t list_count;
	size_t capacity; /* of a list */
	float *prices;	 /* (list_count): scratch */
	uint32_t *sizes; /* (list_count): scratch; in the end the lists' sizes */
} AngleBalance;

/* Chooses the list of each point (count). A list may still hold more than its
 * capacity, where there is no room near it. */
void angle_balance(const AngleBalance *balance, uint32_t *chosen);

#endif
