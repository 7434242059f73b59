#include "test.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/bytes.h"
#include "core/base/cpu.h"
#include "core/base/executor.h"
#include "core/base/file.h"
#include "core/base/rng.h"
#include "core/base/utf8_check.h"

/* An allocator that counts what is out and can refuse. */
typedef struct Counter
{
	int out;
	bool refuse;
} Counter;

static void *
counting_alloc(void *context, size_t size)
{
	Counter *counter = context;

	if (counter->refuse)
		return NULL;
	counter->out++;
	return malloc(size);
}

static void
counting_release(void *context, void *pointer)
{
	((Counter *) context)->out--;
	free(pointer);
}

TEST(arena_gives_back_everything)
{
	Counter counter = {0, false};
	AngleAllocator allocator = {counting_alloc, counting_release, &counter};
	AngleArena *arena = angle_arena_create(&allocator);

	for (size_t size = 0; size < 100000; size = size * 3 + 1)
	{
		char *p = angle_arena_alloc(arena, size, 1);

		REQUIRE(p != NULL);
		CHECK_INT((uintptr_t) p % ANGLE_ALIGNMENT, 0);
		memset(p, 1, size);
	}
	CHECK(counter.out > 1);
	angle_arena_destroy(arena);
	CHECK_INT(counter.out, 0);
}

TEST(arena_reset_reuses_the_largest_block)
{
	AngleArena *arena = angle_arena_create(NULL);
	size_t size;

	CHECK(angle_arena_alloc(arena, 100, 1) != NULL);
	CHECK(angle_arena_alloc(arena, 1 << 20, 1) != NULL);
	angle_arena_reset(arena);
	size = angle_arena_size(arena);
	CHECK(angle_arena_alloc(arena, 1 << 20, 1) != NULL);
	CHECK_INT(angle_arena_size(arena), size);
	angle_arena_destroy(arena);
}

TEST(arena_survives_overflow_and_refusal)
{
	Counter counter = {0, false};
	AngleAllocator allocator = {counting_alloc, counting_release, &counter};
	AngleArena *arena = angle_arena_create(&allocator);

	CHECK(angle_arena_alloc(arena, SIZE_MAX, 2) == NULL);
	CHECK(angle_arena_alloc(arena, SIZE_MAX, 1) == NULL);
	counter.refuse = true;
	CHECK(angle_arena_alloc(arena, 1 << 20, 1) == NULL);
	CHECK(angle_arena_create(&allocator) == NULL);
	angle_arena_destroy(arena);
	CHECK_INT(counter.out, 0);
}

TEST(slice_refuses_what_leaves_the_bytes)
{
	AngleBytes whole = {(const uint8_t *) "0123456789", 10};
	AngleBytes part;

	CHECK(angle_slice(whole, 3, 4, &part) && part.size == 4);
	CHECK(part.data == whole.data + 3);
	CHECK(angle_slice(whole, 10, 0, &part) && part.size == 0);
	CHECK(!angle_slice(whole, 11, 0, &part));
	CHECK(!angle_slice(whole, 3, 8, &part));
	CHECK(!angle_slice(whole, UINT64_MAX, 2, &part));
	CHECK(!angle_slice(whole, 2, UINT64_MAX, &part));
}

TEST(error_carries_message_hint_and_prefix)
{
	AngleError err;

	CHECK_INT(angle_fail(&err, ANGLE_CORRUPT, "bad %s", "luck"), ANGLE_CORRUPT);
	angle_hint(&err, "Try again.");
	angle_prefix(&err, "model \"%s\"", "m");
	CHECK_INT(err.status, ANGLE_CORRUPT);
	CHECK_STR(err.message, "model \"m\": bad luck");
	CHECK_STR(err.hint, "Try again.");
	CHECK_INT(angle_fail(NULL, ANGLE_NOT_FOUND, "x"), ANGLE_NOT_FOUND);
}

TEST(error_is_cut_between_characters)
{
	/* 512 bytes hold 511: the last "é" fits whole, or not at all */
	for (int ascii = 0; ascii < 2; ascii++)
	{
		char text[700] = "a";
		AngleError err;

		for (size_t used = (size_t) ascii; used + 2 < sizeof(text); used += 2)
			memcpy(text + used, "é", 3);
		angle_fail(&err, ANGLE_CORRUPT, "%s", text);
		CHECK_INT(strlen(err.message), ascii == 1 ? 511 : 510);
		CHECK(memcmp(err.message, text, strlen(err.message)) == 0);
		angle_fail(&err, ANGLE_CORRUPT, "%.400s", text);
		angle_prefix(&err, "%.400s", text);
		CHECK(angle_utf8_check(angle_bytes_of(err.message), "message", NULL,
							   NULL) == ANGLE_OK);
		angle_hint(&err, "%s", text);
		CHECK_INT(strlen(err.hint), ascii == 1 ? 255 : 254);
	}
}

TEST(error_is_readable_whatever_it_names)
{
	AngleError err;

	angle_fail(&err, ANGLE_CORRUPT, "a \033[2J b \177 c \xC2\x9B d \xFF\xC3");
	CHECK_STR(err.message, "a ?[2J b ? c ?? d ??");
	angle_hint(&err, "%.3s", "ééé");
	CHECK_STR(err.hint, "é?");
	angle_prefix(&err, "\r%s", "日本");
	CHECK(strncmp(err.message, "?日本: a ", 11) == 0);
}

TEST(file_map_reads_files_and_names_what_is_not_one)
{
	AngleBytes bytes;
	AngleError err;
	char path[4096];

	snprintf(path, sizeof(path), "%s/unit/test.h", test_dir());
	REQUIRE(angle_file_map(path, &bytes, &err) == ANGLE_OK);
	CHECK(bytes.size > 2 && memcmp(bytes.data, "/*", 2) == 0);
	angle_file_unmap(&bytes);
	CHECK(bytes.data == NULL);
	CHECK_INT(angle_file_map("/no/such", &bytes, &err), ANGLE_NOT_FOUND);
	CHECK(strstr(err.message, "\"/no/such\"") != NULL);
	CHECK_INT(angle_file_map("/", &bytes, &err), ANGLE_IO_ERROR);
}

/* Around the size of a large page, and with an end within a small one. */
TEST(file_map_of_a_large_file_is_aligned_and_whole)
{
	static const size_t sizes[] = {ANGLE_LARGE_PAGE - 1, ANGLE_LARGE_PAGE,
								   2 * ANGLE_LARGE_PAGE + 4097};
	char path[] = "/tmp/angle-map-XXXXXX";
	int fd = mkstemp(path);

	REQUIRE(fd >= 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
	{
		AngleBytes bytes;
		AngleError err;
		uint8_t last = (uint8_t) (7 + i);

		REQUIRE(ftruncate(fd, (off_t) sizes[i]) == 0);
		REQUIRE(pwrite(fd, &last, 1, (off_t) sizes[i] - 1) == 1);
		REQUIRE(angle_file_map(path, &bytes, &err) == ANGLE_OK);
		CHECK_INT(bytes.size, sizes[i]);
		CHECK_INT(bytes.data[sizes[i] - 1], last);
		CHECK(sizes[i] < ANGLE_LARGE_PAGE ||
			  (uintptr_t) bytes.data % ANGLE_LARGE_PAGE == 0);
		angle_file_unmap(&bytes);
	}
	close(fd);
	unlink(path);
}

typedef struct Tally
{
	atomic_int counts[1000];
	atomic_int wrong_worker;
	int workers;
} Tally;

static void
count_task(void *context, size_t index, int worker)
{
	Tally *tally = context;

	atomic_fetch_add(&tally->counts[index], 1);
	if (worker < 0 || worker >= tally->workers)
		atomic_fetch_add(&tally->wrong_worker, 1);
}

typedef struct Relay
{
	AngleBarrier barrier;
	int seen[4]; /* the value that each worker has found */
	int value;
	atomic_int wrong;
} Relay;

/* Each worker in turn adds one, and all must have seen that after meeting. */
static void
relay_task(void *context, size_t index, int worker)
{
	Relay *relay = context;

	if (index != (size_t) worker)
		atomic_fetch_add(&relay->wrong, 1);
	for (int turn = 0; turn < 1000; turn++)
	{
		if (turn % relay->barrier.members == worker)
			relay->value++;
		angle_barrier_wait(&relay->barrier);
		if (relay->value != turn + 1)
			atomic_fetch_add(&relay->wrong, 1);
		angle_barrier_wait(&relay->barrier);
	}
	relay->seen[worker] = relay->value;
}

TEST(executor_workers_that_run_together_meet_at_a_barrier)
{
	AngleArena *arena = angle_arena_create(NULL);
	AngleExecutor *executor = NULL;
	Relay relay = {.barrier = {.members = 4}};
	Relay alone = {.barrier = {.members = 1}};

	REQUIRE(angle_executor_start(4, arena, &executor, NULL) == ANGLE_OK);
	angle_executor_run_together(executor, relay_task, &relay);
	CHECK_INT(relay.wrong, 0);
	for (int i = 0; i < 4; i++)
		CHECK_INT(relay.seen[i], 1000);
	angle_executor_run_together(NULL, relay_task, &alone);
	CHECK_INT(alone.wrong, 0);
	CHECK_INT(alone.seen[0], 1000);
	angle_executor_stop(executor);
	angle_arena_destroy(arena);
}

TEST(executor_offers_no_team_for_a_while_after_one_that_waited)
{
	AngleArena *arena = angle_arena_create(NULL);
	AngleExecutor *executor = NULL;
	int refused = 0;

	REQUIRE(angle_executor_start(2, arena, &executor, NULL) == ANGLE_OK);
	CHECK(angle_executor_offers_team(executor));
	angle_executor_note_waits(executor, 100);
	CHECK(angle_executor_offers_team(executor));
	angle_executor_note_waits(executor, 10000);
	for (; !angle_executor_offers_team(executor) && refused < 10000; refused++)
		usleep(1000);
	CHECK(refused > 0 && refused < 10000);
	CHECK(angle_executor_offers_team(executor));
	CHECK(!angle_executor_offers_team(NULL));
	angle_executor_note_waits(NULL, 1000000);
	angle_executor_stop(executor);
	angle_arena_destroy(arena);
}

TEST(executor_runs_every_task_once_per_round)
{
	AngleArena *arena = angle_arena_create(NULL);
	AngleExecutor *executor = NULL;
	static Tally tally;
	int wrong = 0;

	REQUIRE(angle_executor_start(4, arena, &executor, NULL) == ANGLE_OK);
	tally.workers = angle_executor_workers(executor);
	CHECK_INT(tally.workers, 4);
	for (int round = 0; round < 50; round++)
		angle_executor_run(executor, 1000, count_task, &tally);
	angle_executor_run(NULL, 1000, count_task, &tally);
	for (int i = 0; i < 1000; i++)
		wrong += tally.counts[i] != 51;
	CHECK_INT(wrong, 0);
	CHECK_INT(tally.wrong_worker, 0);
	angle_executor_stop(executor);
	angle_arena_destroy(arena);
}

TEST(rng_repeats_and_is_uniform)
{
	AngleRng a;
	AngleRng b;
	double sum = 0;
	double squares = 0;

	angle_rng_seed(&a, 42);
	angle_rng_seed(&b, 42);
	for (int i = 0; i < 10000; i++)
	{
		CHECK_INT(angle_rng_next(&a), angle_rng_next(&b));
		CHECK(angle_rng_below(&a, 7) < 7);
		angle_rng_below(&b, 7);
	}
	for (int i = 0; i < 100000; i++)
	{
		double x = angle_rng_normal(&a);

		sum += x;
		squares += x * x;
	}
	/* five standard errors: 1/√100000 and √(2/100000) */
	CHECK_NEAR(sum / 100000, 0, 0.016);
	CHECK_NEAR(squares / 100000, 1, 0.023);
}

TEST(cpu_best_is_supported_and_named)
{
	AngleIsa best = angle_cpu_best();

	CHECK(angle_cpu_supports(ANGLE_ISA_BASELINE));
	CHECK(angle_cpu_supports(best));
	CHECK(strlen(angle_isa_name(best)) > 0);
}
