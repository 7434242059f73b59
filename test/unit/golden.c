#include "golden.h"

#include "test.h"

/* The width of cases that ask for no dimensions: what the file has left after
 * the cases that do; 0 if it is no whole number. */
static int
own_width(const json_t *cases, size_t floats)
{
	size_t own = 0;
	size_t asked = 0;
	size_t i;
	json_t *item;

	json_array_foreach(cases, i, item)
	{
		json_int_t dimensions =
			json_integer_value(json_object_get(item, "dimensions"));

		own += dimensions == 0;
		asked += (size_t) dimensions;
	}
	if (own == 0 || asked > floats || (floats - asked) % own != 0)
		return 0;
	return (int) ((floats - asked) / own);
}

static void
read_ids(const json_t *list, AngleArena *arena, GoldenCase *out)
{
	size_t count = json_array_size(list);
	int32_t *ids = angle_arena_alloc(arena, count, sizeof(*ids));

	for (size_t i = 0; i < count; i++)
		ids[i] = (int32_t) json_integer_value(json_array_get(list, i));
	out->ids = ids;
	out->id_count = count;
}

static void
read_case(const json_t *item, int width, AngleArena *arena, GoldenCase *out)
{
	const json_t *text = json_object_get(item, "text");

	*out = (GoldenCase){
		.text = {(const uint8_t *) json_string_value(text),
				 json_string_length(text)},
		.prompt = json_string_value(json_object_get(item, "prompt")),
		.dimensions =
			(int) json_integer_value(json_object_get(item, "dimensions")),
	};
	out->length = out->dimensions > 0 ? out->dimensions : width;
	read_ids(json_object_get(item, "ids"), arena, out);
}

static bool
read_cases(Golden *golden, const float *floats, size_t float_count)
{
	const json_t *cases = json_object_get(golden->json, "cases");
	int width = own_width(cases, float_count);

	golden->count = json_array_size(cases);
	golden->cases =
		angle_arena_alloc(golden->arena, golden->count, sizeof(GoldenCase));
	for (size_t i = 0; i < golden->count; i++)
	{
		GoldenCase *out = &golden->cases[i];

		read_case(json_array_get(cases, i), width, golden->arena, out);
		out->embedding = floats;
		floats += out->length;
	}
	return width > 0;
}

bool
golden_read(const char *name, Golden *golden)
{
	char path[512];
	size_t size = 0;
	char *text;
	char *data;
	float *floats = NULL;

	*golden = (Golden){.arena = angle_arena_create(NULL)};
	snprintf(path, sizeof(path), "golden/%s.json", name);
	text = test_read(path, &size);
	if (text != NULL)
		golden->json = json_loadb(text, size, 0, NULL);
	free(text);
	snprintf(path, sizeof(path), "golden/%s.f32", name);
	data = test_read(path, &size);
	if (data != NULL)
	{
		floats = angle_arena_alloc(golden->arena, size, 1);
		memcpy(floats, data, size);
	}
	free(data);
	if (golden->json != NULL && floats != NULL &&
		read_cases(golden, floats, size / sizeof(float)))
		return true;
	test_fail(__FILE__, __LINE__, "cannot read the goldens of %s", name);
	return false;
}

void
golden_release(Golden *golden)
{
	json_decref(golden->json);
	angle_arena_destroy(golden->arena);
}

/* What stream holds, aligned as a mapping would be. */
static AngleBytes
read_stream(FILE *stream, AngleArena *arena)
{
	long size = fseek(stream, 0, SEEK_END) == 0 ? ftell(stream) : 0;
	uint8_t *data = angle_arena_alloc(arena, (size_t) size, 1);

	rewind(stream);
	return (AngleBytes){data, fread(data, 1, (size_t) size, stream)};
}

AngleModel *
golden_model(const char *directory, AngleQuantization quantization,
			 AngleArena *arena)
{
	AnglePackOptions options = {.quantization = quantization};
	AngleModel *model = NULL;
	AngleError err = {0};
	FILE *stream = tmpfile();
	AngleStatus status =
		angle_pack_directory(directory, &options, stream, arena, &err);

	if (status == ANGLE_OK)
		status = angle_model_open(read_stream(stream, arena),
								  ANGLE_PACKED_CHECK_CONTENT, NULL, arena,
								  &model, &err);
	fclose(stream);
	if (status == ANGLE_OK)
		return model;
	test_fail(__FILE__, __LINE__, "%s: %s", directory, err.message);
	return NULL;
}

bool
golden_embed(const AngleModel *model, const GoldenCase *test_case, float *out)
{
	AngleEmbedRequest request = {.texts = &test_case->text,
								 .count = 1,
								 .prompt = test_case->prompt,
								 .dimensions = test_case->dimensions};
	AngleArena *scratch = angle_arena_create(NULL);
	AngleError err = {0};
	int dimensions = 0;
	bool done;

	done = angle_embed_dimensions(model, &request, &dimensions, &err) ==
			   ANGLE_OK &&
		   dimensions == test_case->length &&
		   angle_embed_texts(model, &request, scratch, out, &err) == ANGLE_OK;
	if (!done)
		test_fail(__FILE__, __LINE__, "%d dimensions of %d: %s", dimensions,
				  test_case->length, err.message);
	angle_arena_destroy(scratch);
	return done;
}

GoldenDistance
golden_distance(const float *a, const float *b, int length)
{
	GoldenDistance distance = {0, 0};
	double dot = 0;
	double aa = 0;
	double bb = 0;

	for (int i = 0; i < length; i++)
	{
		distance.maximum = fmax(distance.maximum, fabs((double) a[i] - b[i]));
		dot += (double) a[i] * b[i];
		aa += (double) a[i] * a[i];
		bb += (double) b[i] * b[i];
	}
	distance.cosine = dot / sqrt(aa * bb);
	return distance;
}
