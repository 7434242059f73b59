#include "test.h"

#include <float.h>

#include "core/quant/fastscan.h"
#include "core/quant/quant_kernels.h"
#include "points.h"

static const int sizes[] = {1,	 3,	  4,   5,	31,	  32,	33,	  64,	96,
							100, 127, 384, 768, 1000, 1024, 1791, 1792, 16000};
#define SIZES (sizeof(sizes) / sizeof(*sizes))

/* A block of points around a centroid, a query, and its table. */
typedef struct Scene
{
	int dims;
	float *points;	 /* (16, dims) */
	float *centroid; /* (dims) */
	float *query;	 /* (dims) */
	uint8_t *codes;
	uint8_t *entries;
	float add[ANGLE_BLOCK];
	float rescale[ANGLE_BLOCK];
	AngleBfloat error[ANGLE_BLOCK];
	AngleFactors factors[ANGLE_BLOCK];
	AngleProbe probe;
	AngleTable table;
	AngleBlockView view;
} Scene;

static void
make_scene(Scene *scene, int dims, int planes, uint64_t seed)
{
	AngleRng rng;
	uint8_t code[ANGLE_CODED_MAX / 8];

	angle_rng_seed(&rng, seed);
	scene->dims = dims;
	scene->points = points_normal(&rng, 18, dims);
	scene->centroid = scene->points + 16 * dims;
	scene->query = scene->points + 17 * dims;
	scene->codes = malloc(angle_block_size(dims) + 1);
	scene->entries = malloc(angle_table_size(dims, planes));
	memset(scene->codes, 0xa5, angle_block_size(dims) + 1);
	for (int s = 0; s < ANGLE_BLOCK; s++)
	{
		angle_rabitq_encode(ANGLE_METRIC_L2, dims, scene->points + s * dims,
							scene->centroid, code, &scene->factors[s]);
		/* an odd address: pages promise nothing */
		angle_block_set(scene->codes + 1, dims, s, code);
		scene->add[s] = scene->factors[s].add;
		scene->rescale[s] = scene->factors[s].rescale;
		scene->error[s] = angle_bfloat_above(scene->factors[s].error);
	}
	scene->probe = angle_rabitq_probe(ANGLE_METRIC_L2, dims, scene->query,
									  scene->centroid);
	angle_table_build(&scene->table, scene->query, dims, planes,
					  scene->entries);
	scene->view = (AngleBlockView){scene->codes + 1, scene->add, scene->rescale,
								   scene->error, NULL};
}

static void
drop_scene(Scene *scene)
{
	free(scene->points);
	free(scene->codes);
	free(scene->entries);
}

TEST(fastscan_slots_keep_their_codes)
{
	uint8_t codes[16 * 16];
	uint8_t code[16];
	uint8_t back[16];
	AngleRng rng;

	angle_rng_seed(&rng, 1);
	memset(codes, 0, sizeof(codes));
	for (int slot = 15; slot >= 0; slot--)
	{
		for (int i = 0; i < 16; i++)
			code[i] = (uint8_t) (slot * 16 + i);
		angle_block_set(codes, 100, slot, code);
	}
	for (int slot = 0; slot < 16; slot++)
	{
		angle_block_get(codes, 100, slot, back);
		for (int i = 0; i < 16; i++)
			CHECK_INT(back[i], slot * 16 + i);
	}
}

/* Codes one after another become a block, with every instruction set. */
TEST(fastscan_loose_codes_become_a_block)
{
	for (size_t s = 0; s < SIZES; s++)
	{
		const int rows = angle_code_size(sizes[s]);
		uint8_t loose[ANGLE_BLOCK * ANGLE_CODED_MAX / 8];
		uint8_t codes[ANGLE_BLOCK * ANGLE_CODED_MAX / 8];

		for (int i = 0; i < ANGLE_BLOCK * rows; i++)
			loose[i] = (uint8_t) (i * 167 + i / 251);
		for (int isa = 0; isa < ANGLE_ISA_COUNT; isa++)
		{
			const AngleQuantKernels *kernels =
				angle_quant_kernels_for((AngleIsa) isa);

			if (kernels == NULL)
				continue;
			memset(codes, 0, sizeof(codes));
			kernels->block_fill(codes, loose, rows);
			for (int slot = 0; slot < ANGLE_BLOCK; slot++)
			{
				uint8_t code[ANGLE_CODED_MAX / 8];

				angle_block_get(codes, sizes[s], slot, code);
				CHECK(memcmp(code, loose + slot * rows, (size_t) rows) == 0);
			}
		}
		angle_block_fill(codes, sizes[s], loose);
		CHECK_INT(codes[ANGLE_BLOCK + 1], loose[rows + 1]);
	}
}

/* Estimates by the table against those in double: what steps lose is within
 * table.error, and mostly within thrice the noise. */
TEST(fastscan_estimates_are_those_of_the_reference)
{
	for (size_t s = 0; s < SIZES; s++)
	{
		for (int planes = 1; planes <= 2; planes++)
		{
			Scene scene;
			float estimate[ANGLE_BLOCK];
			float lower[ANGLE_BLOCK];
			int beyond = 0;

			make_scene(&scene, sizes[s], planes, s + 1);
			angle_blocks_estimate(&scene.table, &scene.view, 1, scene.probe,
								  estimate, lower);
			for (int i = 0; i < ANGLE_BLOCK; i++)
			{
				uint8_t code[ANGLE_CODED_MAX / 8];
				double exact;
				double scale = fabs((double) scene.rescale[i]);
				double size = fabs((double) scene.add[i]) + scene.probe.add;

				angle_block_get(scene.view.codes, sizes[s], i, code);
				exact = angle_rabitq_estimate(sizes[s], code, &scene.factors[i],
											  scene.probe, scene.query);
				CHECK_NEAR(estimate[i], exact,
						   scale * scene.table.error + 1e-6 * size);
				beyond += fabs(estimate[i] - exact) >
						  3 * scale * scene.table.noise + 1e-6 * size;
				CHECK(lower[i] <= estimate[i]);
				CHECK_NEAR(estimate[i] - lower[i],
						   scene.factors[i].error * scene.probe.error,
						   0.009 * scene.factors[i].error * scene.probe.error +
							   1e-6 * size);
			}
			CHECK(sizes[s] < 16 || beyond <= 1);
			drop_scene(&scene);
		}
	}
}

TEST(fastscan_blocks_follow_one_another)
{
	enum
	{
		DIMS = 100,
		BLOCKS = 3
	};
	const size_t size = angle_block_size(DIMS);
	uint8_t *codes = malloc(BLOCKS * size);
	float add[BLOCKS * ANGLE_BLOCK];
	float rescale[BLOCKS * ANGLE_BLOCK];
	AngleBfloat error[BLOCKS * ANGLE_BLOCK];
	const AngleBlockView view = {codes, add, rescale, error, NULL};
	Scene scenes[BLOCKS];

	CHECK(codes != NULL);
	for (int i = 0; i < BLOCKS; i++)
	{
		const size_t slot = (size_t) i * ANGLE_BLOCK;

		make_scene(&scenes[i], DIMS, 1, (uint64_t) i);
		memcpy(codes + (size_t) i * size, scenes[i].view.codes, size);
		memcpy(add + slot, scenes[i].view.add, sizeof(scenes[i].add));
		memcpy(rescale + slot, scenes[i].view.rescale,
			   sizeof(scenes[i].rescale));
		memcpy(error + slot, scenes[i].view.error, sizeof(scenes[i].error));
	}
	for (int isa = 0; isa < ANGLE_ISA_COUNT; isa++)
	{
		const AngleProbe probe = scenes[0].probe;
		AngleTable *table = &scenes[0].table;
		float estimate[BLOCKS * ANGLE_BLOCK];
		float lower[BLOCKS * ANGLE_BLOCK];

		if (!angle_table_use(table, (AngleIsa) isa))
			continue;
		angle_blocks_estimate(table, &view, BLOCKS, probe, estimate, lower);
		for (int i = 0; i < BLOCKS; i++)
		{
			float one[ANGLE_BLOCK];
			float bound[ANGLE_BLOCK];

			angle_blocks_estimate(table, &scenes[i].view, 1, probe, one, bound);
			CHECK(memcmp(one, estimate + i * ANGLE_BLOCK, sizeof(one)) == 0);
			CHECK(memcmp(bound, lower + i * ANGLE_BLOCK, sizeof(one)) == 0);
		}
	}
	for (int i = 0; i < BLOCKS; i++)
		drop_scene(&scenes[i]);
	free(codes);
}

TEST(fastscan_all_that_is_ahead_is_asked_for)
{
	enum
	{
		DIMS = 130,
		LINES = 7,
		BLOCKS = 3
	};
	_Alignas(
		ANGLE_CACHE_LINE) static const char later[LINES * ANGLE_CACHE_LINE];
	Scene scene;
	float estimate[ANGLE_BLOCK];

	make_scene(&scene, DIMS, 1, 1);
	for (size_t bytes = 0; bytes <= sizeof(later); bytes++)
	{
		AngleAhead ahead = {later, later + bytes, 0};

		angle_ahead_divide(&ahead, BLOCKS);
		scene.view.ahead = &ahead;
		for (int i = 0; i < BLOCKS; i++)
		{
			CHECK(ahead.next - later <=
				  i * (ptrdiff_t) (bytes / BLOCKS + ANGLE_CACHE_LINE));
			angle_blocks_estimate(&scene.table, &scene.view, 1, scene.probe,
								  estimate, NULL);
		}
		CHECK(ahead.next >= ahead.end);
		CHECK(ahead.next < ahead.end + ANGLE_CACHE_LINE);
	}
	drop_scene(&scene);
}

TEST(fastscan_near_bits_are_of_the_bounds)
{
	for (int isa = 0; isa < ANGLE_ISA_COUNT; isa++)
	{
		const AngleQuantKernels *kernels =
			angle_quant_kernels_for((AngleIsa) isa);
		float lower[2 * ANGLE_BLOCK];
		uint16_t near[2];

		if (kernels == NULL)
			continue;
		for (int s = 0; s < 2 * ANGLE_BLOCK; s++)
			lower[s] = (float) (s * 7 % 32);
		lower[3] = NAN;
		lower[4] = -INFINITY;
		lower[5] = INFINITY;
		/* one of them is the limit: it is near, and so is what is no number */
		kernels->near_blocks(lower, 2, lower[20], near);
		for (int s = 0; s < 2 * ANGLE_BLOCK; s++)
			CHECK_INT(near[s / ANGLE_BLOCK] >> s % ANGLE_BLOCK & 1,
					  !(lower[s] > lower[20]));
	}
}

TEST(fastscan_tidy_estimates_are_numbers)
{
	for (int isa = 0; isa < ANGLE_ISA_COUNT; isa++)
	{
		const AngleQuantKernels *kernels =
			angle_quant_kernels_for((AngleIsa) isa);
		float blocks[2 * ANGLE_BLOCK] = {3, NAN, INFINITY, -INFINITY, -2, 0};

		if (kernels == NULL)
			continue;
		blocks[20] = NAN;
		blocks[31] = -7;
		kernels->tidy_blocks(blocks, 2);
		CHECK(blocks[0] == 3 && blocks[4] == -2 && blocks[31] == -7);
		CHECK(blocks[1] == FLT_MAX && blocks[2] == FLT_MAX);
		CHECK(blocks[20] == FLT_MAX && blocks[3] == -FLT_MAX);
	}
}

TEST(fastscan_sums_of_every_isa_are_equal)
{
	for (size_t s = 0; s < SIZES; s++)
	{
		Scene scene;
		uint16_t expected[ANGLE_BLOCK] = {0};

		make_scene(&scene, sizes[s], 1, s + 100);
		for (int row = 0; row < scene.table.rows; row++)
		{
			const uint8_t *low = scene.entries + (row / 4 * 8 + row % 4) * 16;

			for (int slot = 0; slot < ANGLE_BLOCK; slot++)
			{
				uint8_t byte = scene.view.codes[row * ANGLE_BLOCK + slot];

				expected[slot] = (uint16_t) (expected[slot] + low[byte & 15] +
											 low[64 + (byte >> 4)]);
			}
		}
		for (int isa = 0; isa < ANGLE_ISA_COUNT; isa++)
		{
			const AngleQuantKernels *kernels =
				angle_quant_kernels_for((AngleIsa) isa);
			uint16_t sums[ANGLE_BLOCK];

			if (kernels == NULL)
				continue;
			kernels->block_sums(scene.view.codes, scene.entries,
								scene.table.rows, sums);
			CHECK(memcmp(sums, expected, sizeof(sums)) == 0);
		}
		drop_scene(&scene);
	}
}

/* The greatest entries everywhere: sixteen bits must hold their sum. */
TEST(fastscan_sums_do_not_overflow)
{
	enum
	{
		ROWS = ANGLE_CODED_MAX / 8
	};
	uint8_t *codes = malloc(ROWS * ANGLE_BLOCK);
	uint8_t *entries = malloc(ROWS * 32);

	memset(codes, 0xff, ROWS * ANGLE_BLOCK);
	memset(entries, 127, ROWS * 32);
	for (int isa = 0; isa < ANGLE_ISA_COUNT; isa++)
	{
		const AngleQuantKernels *kernels =
			angle_quant_kernels_for((AngleIsa) isa);
		uint16_t sums[ANGLE_BLOCK];

		if (kernels == NULL)
			continue;
		kernels->block_sums(codes, entries, ROWS, sums);
		for (int slot = 0; slot < ANGLE_BLOCK; slot++)
			CHECK_INT(sums[slot], ROWS * 2 * 127);
	}
	free(codes);
	free(entries);
}

TEST(fastscan_of_a_zero_query)
{
	uint8_t codes[16 * 4] = {0};
	uint8_t entries[128];
	const float zero[3] = {0};
	float add[16] = {0};
	float rescale[16] = {0};
	AngleBlockView view = {codes, add, rescale, NULL, NULL};
	AngleTable table;
	float estimate[16];

	add[3] = 2;
	rescale[3] = -5;
	angle_table_build(&table, zero, 3, 1, entries);
	angle_blocks_estimate(&table, &view, 1, (AngleProbe){1, 1}, estimate, NULL);
	CHECK(estimate[3] == 3);
	CHECK(estimate[0] == 1);
}

/* Points far from the origin and near to each other need the second plane. */
TEST(fastscan_tells_when_a_table_is_coarse)
{
	enum
	{
		DIMS = 8
	};
	Scene scene;
	AngleTable *table = &scene.table;

	make_scene(&scene, DIMS, 1, 5);
	CHECK(!angle_table_is_coarse(table, (AngleProbe){0, 3}));
	CHECK(angle_table_is_coarse(table, (AngleProbe){0, 0.01f}));
	drop_scene(&scene);
	make_scene(&scene, DIMS, 2, 5);
	CHECK(!angle_table_is_coarse(table, (AngleProbe){0, 0.03f}));
	drop_scene(&scene);
}

TEST(bfloat_rounds_as_it_says)
{
	AngleRng rng;

	angle_rng_seed(&rng, 8);
	for (int i = 0; i < 10000; i++)
	{
		float x =
			fabsf(angle_rng_normal(&rng)) * powf(10, (float) (i % 60 - 30));
		float above = angle_bfloat_value(angle_bfloat_above(x));
		float nearest = angle_bfloat_value(angle_bfloat_nearest(-x));

		CHECK(above >= x && above <= x * (1 + 0x1p-7f));
		CHECK(fabsf(nearest + x) <= x * 0x1p-8f);
	}
	CHECK(angle_bfloat_value(angle_bfloat_above(0)) == 0);
	CHECK(isinf(angle_bfloat_value(angle_bfloat_above(INFINITY))));
}
