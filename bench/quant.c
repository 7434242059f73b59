/* What the parts of an index scan cost: nanoseconds for each instruction set
 * that this processor has. A list of 1,600 codes, larger than the first cache,
 * is scanned block by block; re-rank codes are met in an order by chance. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/rng.h"
#include "core/quant/fastscan.h"
#include "core/quant/quant_kernels.h"
#include "core/quant/rerank.h"

#define POINTS 1600
#define ROUNDS 15

typedef struct Bench
{
	int dims;
	float *points; /* (POINTS + 2, dims): a centroid and a query behind */
	const float *centroid;
	const float *query;
	AngleRotation *rotation;
	uint8_t *codes;				 /* (POINTS / 16, block size) */
	uint8_t *entries;			 /* of one plane */
	float *add;					 /* (POINTS) */
	float *rescale;				 /* (POINTS) */
	AngleBfloat *error;			 /* (POINTS) */
	uint8_t *rerank;			 /* (POINTS, size) */
	AngleRerankFactors *factors; /* (POINTS) */
	int bits;
	AngleTable table;
	AngleProbe probe;
	AngleRerankQuery rerank_query;
	int *order; /* (POINTS) */
} Bench;

static volatile double sink;

static double
nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double) now.tv_sec * 1e9 + (double) now.tv_nsec;
}

static void *
allocate(size_t size)
{
	void *memory = aligned_alloc(64, (size + 63) / 64 * 64);

	if (memory == NULL)
	{
		fprintf(stderr, "out of memory\n");
		exit(1);
	}
	return memory;
}

static void
scan(Bench *b)
{
	size_t size = angle_block_size(b->dims);
	float estimate[ANGLE_BLOCK];
	float lower[ANGLE_BLOCK];
	double sum = 0;

	for (size_t i = 0; i < POINTS; i += ANGLE_BLOCK)
	{
		AngleBlockView view = {b->codes + i / ANGLE_BLOCK * size, b->add + i,
							   b->rescale + i, b->error + i, NULL};

		angle_blocks_estimate(&b->table, &view, 1, b->probe, estimate, lower);
		sum += estimate[0] + lower[7];
	}
	sink = sum;
}

static void
encode(Bench *b)
{
	uint8_t code[ANGLE_CODED_MAX / 8];
	AngleFactors factors;
	size_t size = angle_block_size(b->dims);

	for (int i = 0; i < POINTS; i++)
	{
		angle_rabitq_encode(ANGLE_METRIC_L2, b->dims, b->points + i * b->dims,
							b->centroid, code, &factors);
		angle_block_set(b->codes + (size_t) (i / ANGLE_BLOCK) * size, b->dims,
						i % ANGLE_BLOCK, code);
		b->add[i] = factors.add;
		b->rescale[i] = factors.rescale;
		b->error[i] = angle_bfloat_above(factors.error);
	}
}

static void
encode_rerank(Bench *b)
{
	size_t size = angle_rerank_size(b->dims, b->bits);

	for (int i = 0; i < POINTS; i++)
		angle_rerank_encode(b->dims, b->bits, b->points + i * b->dims,
							b->rerank + (size_t) i * size, &b->factors[i]);
}

static void
rerank(Bench *b)
{
	size_t size = angle_rerank_size(b->dims, b->bits);
	double sum = 0;

	for (int i = 0; i < POINTS; i++)
		sum += angle_rerank_score(&b->rerank_query,
								  b->rerank + (size_t) b->order[i] * size,
								  &b->factors[b->order[i]])
				   .lower;
	sink = sum;
}

static void
rotate(Bench *b)
{
	for (int i = 0; i < POINTS; i++)
		angle_rotation_apply(b->rotation, b->points + i * b->dims);
}

static void
probe(Bench *b)
{
	double sum = 0;

	for (int i = 0; i < POINTS; i++)
		sum += angle_rabitq_probe(ANGLE_METRIC_L2, b->dims, b->query,
								  b->points + i * b->dims)
				   .add;
	sink = sum;
}

static void
build_table(Bench *b)
{
	for (int i = 0; i < POINTS; i++)
		angle_table_build(&b->table, b->points + i * b->dims, b->dims, 1,
						  b->entries);
	angle_table_build(&b->table, b->query, b->dims, 1, b->entries);
}

/* Nanoseconds for each point, the best of the rounds. */
static double
measure(void (*work)(Bench *b), Bench *b)
{
	double best = INFINITY;

	for (int round = 0; round < ROUNDS; round++)
	{
		double start = nanoseconds();

		work(b);
		best = fmin(best, (nanoseconds() - start) / POINTS);
	}
	return best;
}

static void
prepare(Bench *b, int dims)
{
	AngleRng rng;

	angle_rng_seed(&rng, 1);
	b->dims = dims;
	b->points = allocate((size_t) (POINTS + 2) * (size_t) dims * sizeof(float));
	for (int i = 0; i < (POINTS + 2) * dims; i++)
		b->points[i] = angle_rng_normal(&rng);
	b->centroid = b->points + POINTS * dims;
	b->query = b->centroid + dims;
	b->rotation =
		angle_rotation_init(allocate(angle_rotation_size(dims)), dims, 1);
	b->codes = allocate(angle_block_size(dims) * POINTS / ANGLE_BLOCK);
	b->entries = allocate(angle_table_size(dims, 1));
	b->add = allocate(POINTS * sizeof(float));
	b->rescale = allocate(POINTS * sizeof(float));
	b->error = allocate(POINTS * sizeof(AngleBfloat));
	b->rerank = allocate(POINTS * angle_rerank_size(dims, 16));
	b->factors = allocate(POINTS * sizeof(AngleRerankFactors));
	b->order = allocate(POINTS * sizeof(int));
	for (int i = 0; i < POINTS; i++)
		b->order[i] = (int) angle_rng_below(&rng, POINTS);
	b->probe = angle_rabitq_probe(ANGLE_METRIC_L2, dims, b->query, b->centroid);
}

static void
release(Bench *b)
{
	free(b->points);
	free(b->rotation);
	free(b->codes);
	free(b->entries);
	free(b->add);
	free(b->rescale);
	free(b->error);
	free(b->rerank);
	free(b->factors);
	free(b->order);
}

static void
print_scans(Bench *b)
{
	static const int bits[] = {4, 8, 16};
	AngleSpace space = {ANGLE_METRIC_L2, b->dims, b->rotation, NULL};

	for (int isa = 0; isa < ANGLE_ISA_COUNT; isa++)
	{
		if (!angle_table_use(&b->table, (AngleIsa) isa) ||
			isa == ANGLE_ISA_AVX512_VNNI || isa == ANGLE_ISA_AMX)
			continue;
		printf("%6d  %-12s%8.2f", b->dims, angle_isa_name((AngleIsa) isa),
			   measure(scan, b));
		for (int i = 0; i < 3; i++)
		{
			b->bits = bits[i];
			encode_rerank(b);
			angle_rerank_query(&b->rerank_query, &space, b->bits, b->query);
			angle_rerank_use(&b->rerank_query, (AngleIsa) isa);
			printf("%8.1f", measure(rerank, b));
		}
		printf("\n");
	}
}

static void
print_rest(Bench *b)
{
	printf("%6d  best%8.0f%8.0f%8.0f%8.0f", b->dims, measure(rotate, b),
		   measure(build_table, b), measure(probe, b), measure(encode, b));
	for (int bits = 4; bits <= 16; bits *= 2)
	{
		b->bits = bits;
		printf("%8.0f", measure(encode_rerank, b));
	}
	printf("\n");
}

int
main(void)
{
	static const int dims[] = {96, 384, 768, 1024, 1536, 4096};

	printf("%6s  %-12s%8s%8s%8s%8s   ns\n", "dims", "", "scan", "4 bits",
		   "8 bits", "16 bits");
	for (size_t i = 0; i < sizeof(dims) / sizeof(*dims); i++)
	{
		Bench b;

		prepare(&b, dims[i]);
		encode(&b);
		angle_table_build(&b.table, b.query, b.dims, 1, b.entries);
		print_scans(&b);
		release(&b);
	}
	printf("\n%6s  %4s%8s%8s%8s%8s%8s%8s%8s   ns\n", "dims", "", "rotate",
		   "table", "probe", "code", "4 bits", "8 bits", "16 bits");
	for (size_t i = 0; i < sizeof(dims) / sizeof(*dims); i++)
	{
		Bench b;

		prepare(&b, dims[i]);
		print_rest(&b);
		release(&b);
	}
	return 0;
}
