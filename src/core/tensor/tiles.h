/* The configuration of AMX's tile registers. Only files with its flags include
 * this. */
#ifndef ANGLE_TILES_H
#define ANGLE_TILES_H

#if defined(__AMX_TILE__) || defined(__AMXTILE__)
#include <immintrin.h>
#include <stdint.h>

#define TILE_COUNT 8
#define TILE_ROWS 16
#define TILE_LINE 64 /* bytes of a row */

/* The operand of ldtilecfg, as the manual has it (palette 1). */
typedef struct TileConfig
{
	uint8_t palette;
	uint8_t start_row;
	uint8_t reserved[14];
	uint16_t row_bytes[16];
	uint8_t rows[16];
} TileConfig;

/* Gives the first tiles some rows, those behind them all 16. */
static inline void
configure_tiles(int first, uint8_t rows)
{
	TileConfig config __attribute__((aligned(TILE_LINE))) = {.palette = 1};

	for (int i = 0; i < TILE_COUNT; i++)
	{
		config.row_bytes[i] = TILE_LINE;
		config.rows[i] = i < first ? rows : TILE_ROWS;
	}
	_tile_loadconfig(&config);
}
#endif

#endif
