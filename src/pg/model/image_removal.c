#include "postgres.h"

#include <unistd.h>

#include "access/xact.h"
#include "utils/memutils.h"

#include "pg/model/image_path.h"
#include "pg/model/image_removal.h"

/* A removal that waits for the end of the subtransaction that owns it. */
typedef struct Pending
{
	struct Pending *next;
	SubTransactionId owner;
	AngleRemoval when;
	char path[MAXPGPATH];
} Pending;

/* In TopTransactionContext. */
static Pending *pending = NULL;

static bool draft_exists = false;

static void
drop_draft(void)
{
	if (draft_exists)
		(void) unlink(angle_draft_path());
	draft_exists = false;
}

static void
settle_all(AngleRemoval outcome)
{
	for (const Pending *at = pending; at != NULL; at = at->next)
	{
		if (at->when == outcome)
			(void) unlink(at->path);
	}
	pending = NULL;
}

static void
transaction_ended(XactEvent event, void *argument)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
			settle_all(ANGLE_REMOVE_AT_COMMIT);
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_ABORT:
			drop_draft();
			settle_all(ANGLE_REMOVE_AT_ABORT);
			break;
		case XACT_EVENT_PREPARE:
			/* another backend will end it; the files wait for the sweep */
			pending = NULL;
			break;
		default:
			break;
	}
}

/* Forgets what the subtransaction has asked for, and undoes what it made. */
static void
settle_aborted(SubTransactionId sub)
{
	Pending **link = &pending;

	while (*link != NULL)
	{
		if ((*link)->owner != sub)
		{
			link = &(*link)->next;
			continue;
		}
		if ((*link)->when == ANGLE_REMOVE_AT_ABORT)
			(void) unlink((*link)->path);
		*link = (*link)->next;
	}
}

static void
subtransaction_ended(SubXactEvent event, SubTransactionId sub,
					 SubTransactionId parent, void *argument)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		drop_draft();
		settle_aborted(sub);
	}
	else if (event == SUBXACT_EVENT_COMMIT_SUB)
	{
		for (Pending *at = pending; at != NULL; at = at->next)
		{
			if (at->owner == sub)
				at->owner = parent;
		}
	}
}

static void
watch_transactions(void)
{
	static bool watching = false;

	if (watching)
		return;
	RegisterXactCallback(transaction_ended, NULL);
	RegisterSubXactCallback(subtransaction_ended, NULL);
	watching = true;
}

void
angle_removal_guard_draft(void)
{
	watch_transactions();
	draft_exists = true;
}

void
angle_removal_release_draft(void)
{
	draft_exists = false;
}

void
angle_image_remove(const uint8_t *sha256, AngleRemoval when)
{
	char *path = angle_image_path(sha256);
	Pending *added;

	if (when == ANGLE_REMOVE_AT_ABORT && access(path, F_OK) == 0)
		return;
	watch_transactions();
	added = MemoryContextAlloc(TopTransactionContext, sizeof(*added));
	added->owner = GetCurrentSubTransactionId();
	added->when = when;
	strlcpy(added->path, path, sizeof(added->path));
	added->next = pending;
	pending = added;
}
