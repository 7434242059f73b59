/*
 * Lists of 1-bit codes and what they find, in memory and without pages:
 *
 *     ann-recall FILE.npy [NAME=NUMBER]…
 *
 * FILE.npy holds float32 rows, of which the last are the queries. The numbers
 * are named in parse_option() and have their defaults in main(). Prints the CPU
 * time of building and, for a growing part of the lists, recall@10 against exact
 * search and the CPU time of a query.
 */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/ann/balance.h"
#include "core/ann/heap.h"
#include "core/ann/kmeans.h"
#include "core/base/rng.h"
#include "core/quant/fastscan.h"
#include "core/quant/rerank.h"
#include "core/tensor/kernels.h"
#include "core/tensor/panel.h"

#define K 10

typedef struct Options
{
	size_t rows;	  /* at most, 0: all */
	size_t queries;	  /* of the end of the file */
	size_t list_size; /* points of a list on average */
	size_t sample;	  /* points of the sample for each list */
	int assign;		  /* lists of each point, 1 or 2 */
	double soar;	  /* weight of the parallel part in the second choice */
	int bits;		  /* of re-rank codes */
	size_t look_into; /* groups of the assignment */
	double share;	  /* of the bound that is taken off */
	size_t capacity;  /* points that a list holds; 0: any number */
} Options;

typedef struct List
{
	size_t count;
	size_t capacity;
	uint8_t *codes; /* blocks */
	float *add;
	float *rescale;
	AngleBfloat *error;
	uint32_t *rows;
} List;

typedef struct Index
{
	Options options;
	AngleSpace space;
	size_t dims;
	size_t count;
	const float *data;	/* (count + queries, dims), of the file */
	float *points;		/* (count, dims) */
	float *queries;		/* (queries, dims) */
	uint32_t *truth;	/* (queries, K) */
	float *truth_limit; /* (queries): the score of the last */
	AngleArena *arena;
	AngleClusters clusters;
	List *lists;
	List *nodes;	 /* (groups): lists as points of their group */
	uint8_t *rerank; /* (count, size) */
	AngleRerankFactors *factors;
	size_t stored;
} Index;

/* What one sweep of the queries did. */
typedef struct Sweep
{
	double seconds;
	size_t found;
	size_t scanned;
	size_t reranked;
} Sweep;

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static void
fail(const char *what)
{
	fprintf(stderr, "ann-recall: %s\n", what);
	exit(1);
}

static void *
allocate(size_t size)
{
	void *memory = aligned_alloc(64, (size + 64) / 64 * 64);

	if (memory == NULL)
		fail("out of memory");
	return memory;
}

static void
parse_option(Options *o, const char *text)
{
	double value;
	const char *equals = strchr(text, '=');

	if (equals == NULL || sscanf(equals + 1, "%lf", &value) != 1)
		fail("options are NAME=NUMBER");
	if (strncmp(text, "rows=", 5) == 0)
		o->rows = (size_t) value;
	else if (strncmp(text, "queries=", 8) == 0)
		o->queries = (size_t) value;
	else if (strncmp(text, "list=", 5) == 0)
		o->list_size = (size_t) value;
	else if (strncmp(text, "sample=", 7) == 0)
		o->sample = (size_t) value;
	else if (strncmp(text, "assign=", 7) == 0)
		o->assign = (int) value;
	else if (strncmp(text, "soar=", 5) == 0)
		o->soar = value;
	else if (strncmp(text, "bits=", 5) == 0)
		o->bits = (int) value;
	else if (strncmp(text, "groups=", 7) == 0)
		o->look_into = (size_t) value;
	else if (strncmp(text, "capacity=", 9) == 0)
		o->capacity = (size_t) value;
	else if (strncmp(text, "share=", 6) == 0)
		o->share = value;
	else
		fail("unknown option");
}

/* Maps the file and reads its header, numpy's format 1.0 of two dimensions. */
static void
open_file(Index *index, const char *path)
{
	int file = open(path, O_RDONLY);
	struct stat status;
	const char *bytes;
	size_t header;
	size_t rows;

	if (file < 0 || fstat(file, &status) != 0)
		fail("cannot open the file");
	bytes =
		mmap(NULL, (size_t) status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
	if (bytes == MAP_FAILED || memcmp(bytes, "\x93NUMPY\x01", 7) != 0)
		fail("not a file of numpy's format 1.0");
	header = 10 + (size_t) ((unsigned char) bytes[8]) +
			 256 * (size_t) ((unsigned char) bytes[9]);
	if (strstr(bytes + 10, "'<f4'") == NULL ||
		sscanf(strstr(bytes + 10, "'shape': (") + 10, "%zu, %zu", &rows,
			   &index->dims) != 2)
		fail("not float32 of two dimensions");
	index->data = (const float *) (bytes + header);
	if (index->options.rows > 0 && index->options.rows < rows)
		rows = index->options.rows;
	index->count = rows - index->options.queries;
}

static void
enter_points(Index *index)
{
	size_t dims = index->dims;

	index->points = allocate(index->count * dims * sizeof(float));
	index->queries = allocate(index->options.queries * dims * sizeof(float));
	for (size_t i = 0; i < index->count; i++)
	{
		if (!angle_space_enter(&index->space, index->data + i * dims,
							   index->points + i * dims))
			fail("a row is zero");
	}
	for (size_t i = 0; i < index->options.queries; i++)
	{
		if (!angle_space_enter(&index->space,
							   index->data + (index->count + i) * dims,
							   index->queries + i * dims))
			fail("a query is zero");
	}
}

/* Exact search: the queries are the packed side of products. */
static void
find_truth(Index *index)
{
	size_t n = index->options.queries;
	size_t padded = angle_padded(n);
	float *weight = allocate(padded * index->dims * sizeof(float));
	float *bias = allocate(padded * sizeof(float));
	float *scores = allocate(64 * padded * sizeof(float));
	AngleCandidate *items = allocate(n * K * sizeof(*items));
	AngleTop *tops = allocate(n * sizeof(*tops));

	memset(bias, 0, padded * sizeof(float));
	angle_panel_pack(index->queries, n, index->dims, weight);
	for (size_t q = 0; q < n; q++)
		angle_top_init(&tops[q], items + q * K, K);
	for (size_t i = 0; i < index->count; i += 64)
	{
		size_t rows = index->count - i < 64 ? index->count - i : 64;

		angle_tensor_kernels()->gemm(
			&(AngleGemm){rows, index->dims, 0, padded / ANGLE_PANEL,
						 index->points + i * index->dims, index->dims, NULL,
						 weight, bias, scores, padded});
		for (size_t r = 0; r < rows; r++)
		{
			for (size_t q = 0; q < n; q++)
				angle_top_offer(&tops[q], -scores[r * padded + q], i + r);
		}
	}
	index->truth = allocate(n * K * sizeof(uint32_t));
	index->truth_limit = allocate(n * sizeof(float));
	for (size_t q = 0; q < n; q++)
	{
		angle_top_sort(&tops[q]);
		for (size_t k = 0; k < K; k++)
			index->truth[q * K + k] = (uint32_t) items[q * K + k].id;
		index->truth_limit[q] = (float) (2 + 2 * items[q * K + K - 1].key);
	}
	free(weight);
	free(bias);
	free(scores);
	free(items);
	free(tops);
}

static void
grow(Index *index, List *list)
{
	size_t capacity = list->capacity * 2 + 64;
	size_t block = angle_block_size((int) index->dims) / ANGLE_BLOCK;

	list->codes = realloc(list->codes, capacity * block);
	list->add = realloc(list->add, capacity * sizeof(float));
	list->rescale = realloc(list->rescale, capacity * sizeof(float));
	list->error = realloc(list->error, capacity * sizeof(AngleBfloat));
	list->rows = realloc(list->rows, capacity * sizeof(uint32_t));
	if (list->codes == NULL || list->rows == NULL)
		fail("out of memory");
	memset(list->codes + list->capacity * block, 0,
		   (capacity - list->capacity) * block);
	for (size_t i = list->capacity; i < capacity; i++)
	{
		list->add[i] = INFINITY;
		list->rescale[i] = 0;
		list->error[i] = 0;
	}
	list->capacity = capacity;
}

static void
append(Index *index, List *list, const float *centroid, const float *point,
	   uint32_t row)
{
	int dims = (int) index->dims;
	uint8_t code[ANGLE_CODED_MAX / 8];
	AngleFactors factors;
	size_t i = list->count++;

	if (i == list->capacity)
		grow(index, list);
	angle_rabitq_encode(ANGLE_METRIC_COSINE, dims, point, centroid, code,
						&factors);
	angle_block_set(list->codes + i / ANGLE_BLOCK * angle_block_size(dims),
					dims, (int) (i % ANGLE_BLOCK), code);
	list->add[i] = factors.add;
	list->rescale[i] = factors.rescale;
	list->error[i] = angle_bfloat_above(factors.error);
	list->rows[i] = row;
}

static const float *
centroid_of(const Index *index, size_t list)
{
	return index->clusters.centroids + list * index->dims;
}

static void
cluster(Index *index)
{
	size_t lists = index->count / index->options.list_size;
	size_t sample = lists * index->options.sample;
	float *points;
	AngleRng rng;
	AngleError err;
	double start = seconds();

	sample = sample < index->count ? sample : index->count;
	points = allocate(sample * index->dims * sizeof(float));
	angle_rng_seed(&rng, 5);
	/* each row as likely, in their order */
	for (size_t i = 0, taken = 0; i < index->count && taken < sample; i++)
	{
		if (angle_rng_below(&rng, index->count - i) < sample - taken)
			memcpy(points + taken++ * index->dims,
				   index->points + i * index->dims,
				   index->dims * sizeof(float));
	}
	if (angle_cluster(&(AngleClusterRequest){.points = points,
											 .count = sample,
											 .dims = (int) index->dims,
											 .lists = lists,
											 .seed = 1},
					  index->arena, &index->clusters, &err) != ANGLE_OK)
		fail(err.message);
	printf("# cluster %zu points into %zu lists, %zu groups: %.2f s\n", sample,
		   index->clusters.lists, index->clusters.groups, seconds() - start);
	free(points);
}

static void
assign_row(Index *index, size_t row, uint32_t list)
{
	if (list == UINT32_MAX)
		return;
	append(index, &index->lists[list], centroid_of(index, list),
		   index->points + row * index->dims, (uint32_t) row);
	index->stored++;
}

static void
fill_lists(Index *index)
{
	AngleAssigner *assigner;
	AngleError err;
	uint32_t lists[ANGLE_ASSIGN_BATCH * ANGLE_ASSIGN_MAX];
	float distances[ANGLE_ASSIGN_BATCH * ANGLE_ASSIGN_MAX];
	double start = seconds();
	uint32_t second[ANGLE_ASSIGN_BATCH];
	AngleSecondChoice choice = {index->clusters.centroids, (int) index->dims,
								index->options.assign == 1 ? 1
														   : ANGLE_ASSIGN_MAX,
								(float) index->options.soar};
	double assigning = 0;

	index->lists = calloc(index->clusters.lists, sizeof(List));
	if (angle_assigner_create(&index->clusters, index->options.look_into,
							  index->arena, &assigner, &err) != ANGLE_OK)
		fail(err.message);
	for (size_t i = 0; i < index->count; i += ANGLE_ASSIGN_BATCH)
	{
		size_t n = index->count - i < ANGLE_ASSIGN_BATCH ? index->count - i
														 : ANGLE_ASSIGN_BATCH;
		double before = seconds();

		angle_assign(assigner, index->points + i * index->dims, n,
					 choice.nearest, lists, distances);
		angle_assign_second(&choice, index->points + i * index->dims, n, lists,
							distances, second);
		assigning += seconds() - before;
		for (size_t r = 0; r < n; r++)
		{
			assign_row(index, i + r, lists[r * (size_t) choice.nearest]);
			assign_row(index, i + r, second[r]);
		}
	}
	printf("# assign %.2f s, code %.2f s\n", assigning,
		   seconds() - start - assigning);
}

static void
code_rerank(Index *index)
{
	size_t size = angle_rerank_size((int) index->dims, index->options.bits);
	double start = seconds();

	index->rerank = allocate(index->count * size);
	index->factors = allocate(index->count * sizeof(AngleRerankFactors));
	for (size_t i = 0; i < index->count; i++)
		angle_rerank_encode((int) index->dims, index->options.bits,
							index->points + i * index->dims,
							index->rerank + i * size, &index->factors[i]);
	printf("# re-rank codes %.2f s\n", seconds() - start);
}

/* One list for each row, none larger than the capacity; lists move to the means of
 * their rows. */
static void
fill_balanced(Index *index)
{
	enum
	{
		NEAREST = 6
	};
	AngleAssigner *assigner;
	AngleError err;
	size_t n = index->count, lists = index->clusters.lists, dims = index->dims;
	uint32_t *nearest = allocate((n + ANGLE_ASSIGN_BATCH) * NEAREST * 4);
	float *distances = allocate((n + ANGLE_ASSIGN_BATCH) * NEAREST * 4);
	uint32_t *chosen = allocate(n * 4);
	AngleBalance balance = {n,
							NEAREST,
							nearest,
							distances,
							lists,
							index->options.capacity,
							allocate(lists * 4),
							allocate(lists * 4)};
	double start = seconds();
	size_t over = 0, moved = 0;

	index->lists = calloc(lists, sizeof(List));
	if (angle_assigner_create(&index->clusters, index->options.look_into,
							  index->arena, &assigner, &err) != ANGLE_OK)
		fail(err.message);
	for (size_t i = 0; i < n; i += ANGLE_ASSIGN_BATCH)
		angle_assign(assigner, index->points + i * dims,
					 n - i < ANGLE_ASSIGN_BATCH ? n - i : ANGLE_ASSIGN_BATCH,
					 NEAREST, nearest + i * NEAREST, distances + i * NEAREST);
	printf("# assigned %.2f s\n", seconds() - start);
	angle_balance(&balance, chosen);
	memset(index->clusters.centroids, 0, lists * dims * 4);
	for (size_t i = 0; i < n; i++)
	{
		moved += chosen[i] != nearest[i * NEAREST];
		for (size_t d = 0; d < dims; d++)
			index->clusters.centroids[chosen[i] * dims + d] +=
				index->points[i * dims + d] / (float) balance.sizes[chosen[i]];
	}
	for (size_t l = 0; l < lists; l++)
		over += balance.sizes[l] > balance.capacity;
	for (size_t i = 0; i < n; i++)
		assign_row(index, i, chosen[i]);
	printf("# balanced %.2f s, %zu of %zu lists too large, %zu rows moved\n",
		   seconds() - start, over, lists, moved);
}

static void
fill_nodes(Index *index)
{
	index->nodes = calloc(index->clusters.groups, sizeof(List));
	for (size_t g = 0; g < index->clusters.groups; g++)
	{
		for (size_t l = index->clusters.starts[g];
			 l < index->clusters.starts[g + 1]; l++)
			append(index, &index->nodes[g],
				   index->clusters.group_centroids + g * index->dims,
				   centroid_of(index, l), (uint32_t) l);
	}
}

/* One query. */
typedef struct Search
{
	const Index *index;
	const float *query;
	AngleTable table;
	AngleRerankQuery rerank;
	AngleTop top;
	AngleCandidate items[K];
	Sweep *sweep;
} Search;

/* The nearest lists: by their codes, then exactly for half as many more. */
static size_t
choose_lists(Search *search, size_t wanted, AngleCandidate *chosen,
			 AngleCandidate *scratch)
{
	const Index *index = search->index;
	AngleTop rough;
	AngleTop exact;

	angle_top_init(&rough, scratch, wanted + wanted / 2 + 8);
	for (size_t g = 0; g < index->clusters.groups; g++)
	{
		const List *node = &index->nodes[g];
		AngleProbe probe = angle_rabitq_probe(
			ANGLE_METRIC_COSINE, (int) index->dims, search->query,
			index->clusters.group_centroids + g * index->dims);

		for (size_t i = 0; i < node->count; i += ANGLE_BLOCK)
		{
			AngleBlockView view = {
				node->codes +
					i / ANGLE_BLOCK * angle_block_size((int) index->dims),
				node->add + i, node->rescale + i, node->error + i, NULL};
			float estimate[ANGLE_BLOCK];

			angle_blocks_estimate(&search->table, &view, 1, probe, estimate,
								  NULL);
			for (size_t s = 0; s < ANGLE_BLOCK && i + s < node->count; s++)
			{
				if (estimate[s] < angle_top_limit(&rough))
					angle_top_offer(&rough, estimate[s], node->rows[i + s]);
			}
		}
	}
	angle_top_init(&exact, chosen, wanted);
	for (size_t i = 0; i < rough.count; i++)
		angle_top_offer(
			&exact,
			angle_rabitq_probe(ANGLE_METRIC_COSINE, (int) index->dims,
							   search->query,
							   centroid_of(index, rough.items[i].id))
				.add,
			rough.items[i].id);
	angle_top_sort(&exact);
	return exact.count;
}

static bool
is_found(const AngleTop *top, uint32_t row)
{
	for (size_t i = 0; i < top->count; i++)
	{
		if (top->items[i].id == row)
			return true;
	}
	return false;
}

static void
meet_row(Search *search, uint32_t row)
{
	const Index *index = search->index;
	size_t size = angle_rerank_size((int) index->dims, index->options.bits);
	AngleRerankScore score;

	search->sweep->reranked++;
	score = angle_rerank_score(&search->rerank, index->rerank + row * size,
							   &index->factors[row]);
	if (score.estimate < angle_top_limit(&search->top) &&
		(index->options.assign == 1 || !is_found(&search->top, row)))
		angle_top_offer(&search->top, score.estimate, row);
}

static void
scan_list(Search *search, const List *list, AngleProbe probe)
{
	size_t block = angle_block_size((int) search->index->dims);

	probe.error *= (float) search->index->options.share;
	for (size_t i = 0; i < list->count; i += ANGLE_BLOCK)
	{
		AngleBlockView view = {list->codes + i / ANGLE_BLOCK * block,
							   list->add + i, list->rescale + i,
							   list->error + i, NULL};
		float estimate[ANGLE_BLOCK];
		float lower[ANGLE_BLOCK];
		float limit = (float) angle_top_limit(&search->top);

		angle_blocks_estimate(&search->table, &view, 1, probe, estimate, lower);
		for (size_t s = 0; s < ANGLE_BLOCK && i + s < list->count; s++)
		{
			if (lower[s] < limit)
			{
				meet_row(search, list->rows[i + s]);
				limit = (float) angle_top_limit(&search->top);
			}
		}
	}
	search->sweep->scanned += list->count;
}

static void
answer(const Index *index, size_t q, size_t wanted, AngleCandidate *scratch,
	   Sweep *sweep)
{
	static _Alignas(64) uint8_t entries[ANGLE_CODED_MAX * 4];
	const float *query = index->queries + q * index->dims;
	Search search = {.index = index, .query = query, .sweep = sweep};
	AngleCandidate *chosen = scratch;
	size_t lists;

	angle_table_build(&search.table, query, (int) index->dims, 1, entries);
	angle_rerank_query(&search.rerank, &index->space, index->options.bits,
					   query);
	angle_top_init(&search.top, search.items, K);
	lists = choose_lists(&search, wanted, chosen, scratch + wanted);
	for (size_t i = 0; i < lists; i++)
		scan_list(
			&search, &index->lists[chosen[i].id],
			(AngleProbe){(float) chosen[i].key, sqrtf((float) chosen[i].key)});
	for (size_t i = 0; i < search.top.count; i++)
	{
		for (size_t k = 0; k < K; k++)
			sweep->found += search.items[i].id == index->truth[q * K + k];
	}
}

static void
print_sweep(const Index *index, size_t wanted)
{
	Sweep sweep = {0, 0, 0, 0};
	size_t n = index->options.queries;
	AngleCandidate *scratch =
		allocate((3 * wanted + 16) * sizeof(AngleCandidate));
	double start = seconds();

	for (size_t q = 0; q < n; q++)
		answer(index, q, wanted, scratch, &sweep);
	sweep.seconds = seconds() - start;
	printf("%6zu %8.4f %9.1f %9.0f %8.3f %9.0f\n", wanted,
		   (double) sweep.found / (double) (n * K),
		   sweep.seconds / (double) n * 1e6, (double) n / sweep.seconds,
		   100.0 * (double) sweep.scanned / (double) (n * index->count),
		   (double) sweep.reranked / (double) n);
	free(scratch);
}

int
main(int argc, char **argv)
{
	Index index = {.options = {.queries = 1000,
							   .list_size = 100,
							   .sample = 64,
							   .assign = 1,
							   .soar = ANGLE_SECOND_WEIGHT,
							   .bits = 8,
							   .look_into = ANGLE_ASSIGN_GROUPS,
							   .share = 1}};
	double start;

	if (argc < 2)
		fail("usage: ann-recall FILE.npy [NAME=NUMBER]...");
	for (int i = 2; i < argc; i++)
		parse_option(&index.options, argv[i]);
	open_file(&index, argv[1]);
	index.arena = angle_arena_create(NULL);
	index.space = (AngleSpace){
		ANGLE_METRIC_COSINE, (int) index.dims,
		angle_rotation_init(allocate(angle_rotation_size((int) index.dims)),
							(int) index.dims, 1),
		NULL};
	start = seconds();
	enter_points(&index);
	printf("# %zu points of %zu dimensions, entered in %.2f s\n", index.count,
		   index.dims, seconds() - start);
	find_truth(&index);
	start = seconds();
	cluster(&index);
	if (index.options.capacity > 0)
		fill_balanced(&index);
	else
		fill_lists(&index);
	code_rerank(&index);
	fill_nodes(&index);
	printf("# built in %.2f s; %.2f codes for each point\n", seconds() - start,
		   (double) index.stored / (double) index.count);
	printf("%6s %8s %9s %9s %8s %9s\n", "lists", "recall", "us", "queries/s",
		   "% codes", "re-ranked");
	for (double lists = 2; lists < 0.2 * (double) index.clusters.lists;
		 lists *= 1.5)
		print_sweep(&index, (size_t) lists);
	return 0;
}
