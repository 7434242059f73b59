/* vocab.txt and the settings beside it, as transformers' BertTokenizer reads
 * them: one token to a line, its id is the line's number from 0. */
#include <stdlib.h>

#include "core/base/json.h"
#include "core/base/utf8_check.h"
#include "core/text/image.h"
#include "core/text/spec.h"
#include "core/text/spec_json.h"

/* Each added token is searched for among the others and in the vocabulary. */
#define MAX_ADDED 1000

/* The JSON files; NULL where a directory lacks one. */
typedef struct Settings
{
	json_t *config;		 /* tokenizer_config.json */
	json_t *special_map; /* special_tokens_map.json */
	json_t *added;		 /* added_tokens.json */
} Settings;

static uint32_t
count_lines(AngleBytes text)
{
	uint32_t lines = 0;

	for (size_t i = 0; i < text.size && lines <= ANGLE_MAX_VOCAB_SIZE; i++)
		lines += text.data[i] == '\n' || i + 1 == text.size;
	return lines;
}

static AngleStatus
read_lines(AngleBytes text, AngleTokenizerSpec *spec, AngleError *err)
{
	uint32_t lines = count_lines(text);
	size_t start = 0;

	if (lines > ANGLE_MAX_VOCAB_SIZE)
		return angle_fail(err, ANGLE_TOO_LARGE,
						  "vocab.txt: more than %u tokens",
						  ANGLE_MAX_VOCAB_SIZE);
	ANGLE_TRY(angle_utf8_check(text, "file \"vocab.txt\"", NULL, err));
	spec->vocab = angle_arena_alloc(spec->arena, lines, sizeof(*spec->vocab));
	if (spec->vocab == NULL)
		return angle_no_memory(err);
	for (spec->vocab_count = 0; spec->vocab_count < lines; spec->vocab_count++)
	{
		size_t stop = start;
		AngleBytes line;

		while (stop < text.size && text.data[stop] != '\n')
			stop++;
		line = (AngleBytes){text.data + start, stop - start};
		if (line.size > 0 && line.data[line.size - 1] == '\r')
			line.size--;
		spec->vocab[spec->vocab_count] =
			(AngleSpecToken){line, spec->vocab_count};
		start = stop + 1;
	}
	return ANGLE_OK;
}

/* The last line that holds text; the number of lines if none does. */
static uint32_t
find_line(const AngleTokenizerSpec *spec, AngleBytes text)
{
	for (uint32_t i = spec->vocab_count; i-- > 0;)
	{
		if (angle_bytes_equal(spec->vocab[i].text, text))
			return i;
	}
	return spec->vocab_count;
}

static bool
is_added(const AngleTokenizerSpec *spec, AngleBytes text)
{
	for (uint32_t i = 0; i < spec->added_count; i++)
	{
		if (angle_bytes_equal(spec->added[i].text, text))
			return true;
	}
	return false;
}

/* A token is a string, or an object that says how to look for it. */
static AngleStatus
read_token(const json_t *value, AngleTokenizerSpec *spec, AngleSpecAdded *added,
		   AngleError *err)
{
	const json_t *content =
		json_is_object(value) ? json_object_get(value, "content") : value;

	if (!json_is_string(content))
		return angle_fail(err, ANGLE_CORRUPT,
						  "the tokenizer's settings have a token that is no "
						  "string");
	*added = (AngleSpecAdded){.text = angle_json_copy(content, spec->arena)};
	if (added->text.data == NULL)
		return angle_no_memory(err);
	if (angle_json_flag(value, "single_word", false))
		added->flags |= ANGLE_ADDED_SINGLE_WORD;
	if (angle_json_flag(value, "lstrip", false))
		added->flags |= ANGLE_ADDED_LSTRIP;
	if (angle_json_flag(value, "rstrip", false))
		added->flags |= ANGLE_ADDED_RSTRIP;
	added->normalized = angle_json_flag(value, "normalized", false);
	return ANGLE_OK;
}

/* What a role's token is: special_tokens_map.json goes before
 * tokenizer_config.json, and that before BERT's own. */
static AngleStatus
read_role(const Settings *settings, const char *role, const char *otherwise,
		  AngleTokenizerSpec *spec, AngleSpecAdded *added, AngleError *err)
{
	const json_t *value = json_object_get(settings->special_map, role);

	if (value == NULL || json_is_null(value))
		value = json_object_get(settings->config, role);
	if (value != NULL && !json_is_null(value))
		return read_token(value, spec, added, err);
	*added = (AngleSpecAdded){.text = angle_bytes_of(otherwise)};
	return ANGLE_OK;
}

/* A special token is found in texts if the vocabulary has it. */
static void
add_special(AngleTokenizerSpec *spec, AngleSpecAdded added)
{
	added.id = find_line(spec, added.text);
	if (added.id < spec->vocab_count && !is_added(spec, added.text))
		spec->added[spec->added_count++] = added;
}

static AngleStatus
set_side(AngleSpecIds *side, const AngleSpecAdded *added,
		 AngleTokenizerSpec *spec, AngleError *err)
{
	uint32_t line = find_line(spec, added->text);

	if (line == spec->vocab_count)
		return angle_fail(err, ANGLE_CORRUPT,
						  "special token \"%.*s\" is not in vocab.txt",
						  added->text.size < 64 ? (int) added->text.size : 64,
						  (const char *) added->text.data);
	side->ids = angle_arena_alloc(spec->arena, 1, sizeof(*side->ids));
	if (side->ids == NULL)
		return angle_no_memory(err);
	side->ids[0] = line;
	side->count = 1;
	return ANGLE_OK;
}

static AngleStatus
read_roles(const Settings *settings, AngleTokenizerSpec *spec, AngleError *err)
{
	AngleSpecAdded added;

	ANGLE_TRY(read_role(settings, "unk_token", "[UNK]", spec, &added, err));
	spec->unknown = added.text;
	add_special(spec, added);
	ANGLE_TRY(read_role(settings, "cls_token", "[CLS]", spec, &added, err));
	ANGLE_TRY(set_side(&spec->before, &added, spec, err));
	add_special(spec, added);
	ANGLE_TRY(read_role(settings, "sep_token", "[SEP]", spec, &added, err));
	ANGLE_TRY(set_side(&spec->after, &added, spec, err));
	add_special(spec, added);
	ANGLE_TRY(read_role(settings, "pad_token", "[PAD]", spec, &added, err));
	add_special(spec, added);
	ANGLE_TRY(read_role(settings, "mask_token", "[MASK]", spec, &added, err));
	add_special(spec, added);
	return ANGLE_OK;
}

static const json_t *
additional_tokens(const Settings *settings)
{
	const char *name = "additional_special_tokens";
	const json_t *list = json_object_get(settings->special_map, name);

	return json_is_array(list) ? list : json_object_get(settings->config, name);
}

static AngleStatus
read_additional(const json_t *list, AngleTokenizerSpec *spec, AngleError *err)
{
	for (size_t i = 0; i < json_array_size(list); i++)
	{
		AngleSpecAdded added;

		ANGLE_TRY(read_token(json_array_get(list, i), spec, &added, err));
		add_special(spec, added);
	}
	return ANGLE_OK;
}

/* {"30522": {"content": "[EX]", "normalized": true, …}, …} */
static AngleStatus
read_decoder(json_t *decoder, AngleTokenizerSpec *spec, AngleError *err)
{
	const char *key;
	json_t *value;

	json_object_foreach(decoder, key, value)
	{
		AngleSpecAdded *added = &spec->added[spec->added_count];
		size_t digits = strspn(key, "0123456789");

		if (digits == 0 || digits > 7 || key[digits] != '\0' ||
			strtoul(key, NULL, 10) >= ANGLE_MAX_VOCAB_SIZE)
			return angle_fail(err, ANGLE_CORRUPT,
							  "tokenizer_config.json: \"%s\" in "
							  "added_tokens_decoder is no valid id",
							  key);
		ANGLE_TRY(read_token(value, spec, added, err));
		added->id = (uint32_t) strtoul(key, NULL, 10);
		if (!is_added(spec, added->text))
			spec->added_count++;
	}
	return ANGLE_OK;
}

/* {"[EX]": 30522, …}: tokens without flags, which are looked for in the
 * normalised text unless they are special. */
static AngleStatus
read_added(json_t *object, AngleTokenizerSpec *spec, AngleError *err)
{
	const char *text;
	json_t *value;

	json_object_foreach(object, text, value)
	{
		AngleSpecAdded added = {.normalized = true};
		size_t size = strlen(text);
		char *copy = angle_arena_strdup(spec->arena, text, size);

		if (copy == NULL)
			return angle_no_memory(err);
		added.text = (AngleBytes){(const uint8_t *) copy, size};
		ANGLE_TRY(angle_json_id(value, text, &added.id, err));
		if (!is_added(spec, added.text))
			spec->added[spec->added_count++] = added;
	}
	return ANGLE_OK;
}

static AngleStatus
read_all_added(const Settings *settings, AngleTokenizerSpec *spec,
			   AngleError *err)
{
	json_t *decoder = json_object_get(settings->config, "added_tokens_decoder");
	const json_t *additional = additional_tokens(settings);
	size_t most = 5 + json_object_size(decoder) +
				  json_object_size(settings->added) +
				  json_array_size(additional);

	if (most > MAX_ADDED)
		return angle_fail(err, ANGLE_TOO_LARGE,
						  "the tokenizer has %zu added tokens, more than %d "
						  "without tokenizer.json",
						  most, MAX_ADDED);
	spec->added =
		angle_arena_alloc(spec->arena, most + 1, sizeof(*spec->added));
	if (spec->added == NULL)
		return angle_no_memory(err);
	if (json_is_object(decoder))
		ANGLE_TRY(read_decoder(decoder, spec, err));
	ANGLE_TRY(read_roles(settings, spec, err));
	ANGLE_TRY(read_additional(additional, spec, err));
	if (!json_is_object(decoder))
		ANGLE_TRY(read_added(settings->added, spec, err));
	return ANGLE_OK;
}

/* The classes whose vocab.txt is read as BertTokenizer reads it. */
static AngleStatus
check_class(const json_t *config, AngleError *err)
{
	static const char *const known[] = {
		"Bert",	  "DistilBert", "Electra",	   "MobileBert", "ConvBert",
		"Funnel", "LayoutLM",	"SqueezeBert", "RetriBert",	 "PreTrained",
	};
	const char *class = angle_json_text(config, "tokenizer_class");

	for (size_t i = 0; class != NULL && i < sizeof(known) / sizeof(known[0]);
		 i++)
	{
		size_t size = strlen(known[i]);

		if (strncmp(class, known[i], size) == 0 &&
			strncmp(class + size, "Tokenizer", 9) == 0)
			return ANGLE_OK;
	}
	if (class == NULL)
		return ANGLE_OK;
	return angle_fail(err, ANGLE_UNSUPPORTED,
					  "tokenizer_config.json: tokenizer_class \"%s\" is not "
					  "supported without tokenizer.json",
					  class);
}

static AngleStatus
read_settings(const Settings *settings, AngleTokenizerSpec *spec,
			  AngleError *err)
{
	bool lowercase = angle_json_flag(settings->config, "do_lower_case", true);

	ANGLE_TRY(check_class(settings->config, err));
	spec->flags = ANGLE_CLEAN_TEXT;
	if (angle_json_flag(settings->config, "tokenize_chinese_chars", true))
		spec->flags |= ANGLE_SPLIT_CHINESE;
	if (angle_json_flag(settings->config, "strip_accents", lowercase))
		spec->flags |= ANGLE_STRIP_ACCENTS;
	if (lowercase)
		spec->flags |= ANGLE_LOWERCASE;
	spec->max_word_chars = 100;
	spec->continuation = angle_bytes_of("##");
	return read_all_added(settings, spec, err);
}

static AngleStatus
parse_settings(const AngleTokenizerFiles *files, Settings *settings,
			   AngleError *err)
{
	if (files->tokenizer_config_json.size > 0)
		ANGLE_TRY(angle_json_parse(files->tokenizer_config_json,
								   "tokenizer_config.json", JSON_OBJECT, 0,
								   &settings->config, err));
	if (files->special_tokens_map_json.size > 0)
		ANGLE_TRY(angle_json_parse(files->special_tokens_map_json,
								   "special_tokens_map.json", JSON_OBJECT, 0,
								   &settings->special_map, err));
	if (files->added_tokens_json.size > 0)
		ANGLE_TRY(angle_json_parse(files->added_tokens_json,
								   "added_tokens.json", JSON_OBJECT, 0,
								   &settings->added, err));
	return ANGLE_OK;
}

AngleStatus
angle_spec_read_vocab(const AngleTokenizerFiles *files,
					  AngleTokenizerSpec *spec, AngleError *err)
{
	Settings settings = {NULL, NULL, NULL};
	AngleStatus status;

	ANGLE_TRY(read_lines(files->vocab_txt, spec, err));
	status = parse_settings(files, &settings, err);
	if (status == ANGLE_OK)
		status = read_settings(&settings, spec, err);
	json_decref(settings.config);
	json_decref(settings.special_map);
	json_decref(settings.added);
	return status;
}
