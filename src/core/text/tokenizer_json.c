/* tokenizer.json as Hugging Face's tokenizers write it. */
#include "core/base/json.h"
#include "core/text/image.h"
#include "core/text/spec.h"
#include "core/text/spec_json.h"

static AngleStatus
fail_kind(AngleError *err, const char *part, const char *kind)
{
	return angle_fail(err, ANGLE_UNSUPPORTED,
					  "tokenizer.json: %s \"%s\" is not "
					  "supported",
					  part, kind ? kind : "null");
}

/* A normaliser or pre-tokeniser may be the only member of a Sequence. */
static const json_t *
unwrap(const json_t *part, const char *members)
{
	const char *type = angle_json_text(part, "type");
	const json_t *list = json_object_get(part, members);

	if (type != NULL && strcmp(type, "Sequence") == 0 &&
		json_array_size(list) == 1)
		return json_array_get(list, 0);
	return part;
}

static bool
has_type(const json_t *part, const char *expected)
{
	const char *type = angle_json_text(part, "type");

	return type != NULL && strcmp(type, expected) == 0;
}

static AngleStatus
read_normalizer(const json_t *root, AngleTokenizerSpec *spec, AngleError *err)
{
	const json_t *part =
		unwrap(json_object_get(root, "normalizer"), "normalizers");
	bool lowercase = angle_json_flag(part, "lowercase", true);

	if (!has_type(part, "BertNormalizer"))
		return fail_kind(err, "normalizer", angle_json_text(part, "type"));
	if (angle_json_flag(part, "clean_text", true))
		spec->flags |= ANGLE_CLEAN_TEXT;
	if (angle_json_flag(part, "handle_chinese_chars", true))
		spec->flags |= ANGLE_SPLIT_CHINESE;
	if (angle_json_flag(part, "strip_accents", lowercase))
		spec->flags |= ANGLE_STRIP_ACCENTS;
	if (lowercase)
		spec->flags |= ANGLE_LOWERCASE;
	return ANGLE_OK;
}

static AngleStatus
read_pre_tokenizer(const json_t *root, AngleError *err)
{
	const json_t *part =
		unwrap(json_object_get(root, "pre_tokenizer"), "pretokenizers");

	if (!has_type(part, "BertPreTokenizer"))
		return fail_kind(err, "pre-tokenizer", angle_json_text(part, "type"));
	return ANGLE_OK;
}

/* Keys are valid UTF-8 without NUL: jansson sees to it. */
static AngleStatus
read_vocab(json_t *vocab, AngleTokenizerSpec *spec, AngleError *err)
{
	const char *text;
	json_t *value;

	if (json_object_size(vocab) > ANGLE_MAX_VOCAB_SIZE)
		return angle_fail(err, ANGLE_TOO_LARGE,
						  "tokenizer.json: more than %u tokens",
						  ANGLE_MAX_VOCAB_SIZE);
	spec->vocab = angle_arena_alloc(spec->arena, json_object_size(vocab),
									sizeof(*spec->vocab));
	if (spec->vocab == NULL)
		return angle_no_memory(err);
	json_object_foreach(vocab, text, value)
	{
		AngleSpecToken *token = &spec->vocab[spec->vocab_count++];
		size_t size = strlen(text);
		char *copy = angle_arena_strdup(spec->arena, text, size);

		if (copy == NULL)
			return angle_no_memory(err);
		token->text = (AngleBytes){(const uint8_t *) copy, size};
		ANGLE_TRY(angle_json_id(value, text, &token->id, err));
	}
	return ANGLE_OK;
}

static AngleStatus
copy_text(const json_t *string, const char *otherwise, AngleBytes *text,
		  AngleTokenizerSpec *spec, AngleError *err)
{
	*text = json_is_string(string) ? angle_json_copy(string, spec->arena)
								   : angle_bytes_of(otherwise);
	return text->data == NULL ? angle_no_memory(err) : ANGLE_OK;
}

static AngleStatus
read_word_limit(const json_t *value, AngleTokenizerSpec *spec, AngleError *err)
{
	json_int_t limit = json_is_integer(value) ? json_integer_value(value) : 100;

	if (limit < 1 || limit > ANGLE_MAX_WORD_CHARS)
		return angle_fail(err, ANGLE_UNSUPPORTED,
						  "tokenizer.json: max_input_chars_per_word is %lld, "
						  "not from 1 to %u",
						  (long long) limit, ANGLE_MAX_WORD_CHARS);
	spec->max_word_chars = (uint32_t) limit;
	return ANGLE_OK;
}

static AngleStatus
read_model(const json_t *root, AngleTokenizerSpec *spec, AngleError *err)
{
	const json_t *model = json_object_get(root, "model");
	json_t *vocab = json_object_get(model, "vocab");

	/* files of the first versions do not name the type */
	if (!has_type(model, "WordPiece") &&
		(json_object_get(model, "type") != NULL ||
		 json_object_get(model, "continuing_subword_prefix") == NULL))
		return fail_kind(err, "model", angle_json_text(model, "type"));
	if (!json_is_object(vocab) || json_object_size(vocab) == 0)
		return angle_fail(err, ANGLE_NOT_FOUND,
						  "tokenizer.json: the model has no vocabulary");
	ANGLE_TRY(copy_text(json_object_get(model, "continuing_subword_prefix"),
						"##", &spec->continuation, spec, err));
	ANGLE_TRY(copy_text(json_object_get(model, "unk_token"), "[UNK]",
						&spec->unknown, spec, err));
	ANGLE_TRY(read_word_limit(
		json_object_get(model, "max_input_chars_per_word"), spec, err));
	return read_vocab(vocab, spec, err);
}

static AngleStatus
read_added_token(const json_t *item, AngleTokenizerSpec *spec, AngleError *err)
{
	AngleSpecAdded *added = &spec->added[spec->added_count++];
	const json_t *content = json_object_get(item, "content");

	if (!json_is_string(content))
		return angle_fail(err, ANGLE_CORRUPT,
						  "tokenizer.json: an added token has no content");
	*added = (AngleSpecAdded){.text = angle_json_copy(content, spec->arena)};
	if (added->text.data == NULL)
		return angle_no_memory(err);
	if (angle_json_flag(item, "single_word", false))
		added->flags |= ANGLE_ADDED_SINGLE_WORD;
	if (angle_json_flag(item, "lstrip", false))
		added->flags |= ANGLE_ADDED_LSTRIP;
	if (angle_json_flag(item, "rstrip", false))
		added->flags |= ANGLE_ADDED_RSTRIP;
	added->normalized = angle_json_flag(
		item, "normalized", !angle_json_flag(item, "special", false));
	return angle_json_id(json_object_get(item, "id"),
						 json_string_value(content), &added->id, err);
}

static AngleStatus
read_added_tokens(const json_t *root, AngleTokenizerSpec *spec, AngleError *err)
{
	const json_t *list = json_object_get(root, "added_tokens");

	spec->added = angle_arena_alloc(spec->arena, json_array_size(list),
									sizeof(*spec->added));
	if (spec->added == NULL)
		return angle_no_memory(err);
	for (size_t i = 0; i < json_array_size(list); i++)
		ANGLE_TRY(read_added_token(json_array_get(list, i), spec, err));
	return ANGLE_OK;
}

static AngleStatus
append_id(AngleSpecIds *side, const json_t *value, const char *token,
		  AngleTokenizerSpec *spec, AngleError *err)
{
	if (side->ids == NULL)
		side->ids = angle_arena_alloc(spec->arena, ANGLE_MAX_SPECIAL_IDS,
									  sizeof(*side->ids));
	if (side->ids == NULL)
		return angle_no_memory(err);
	if (side->count == ANGLE_MAX_SPECIAL_IDS)
		return angle_fail(err, ANGLE_TOO_LARGE,
						  "tokenizer.json: more than %u special tokens around "
						  "the text",
						  ANGLE_MAX_SPECIAL_IDS);
	return angle_json_id(value, token, &side->ids[side->count++], err);
}

/* {"type": "BertProcessing", "sep": ["[SEP]", 102], "cls": ["[CLS]", 101]} */
static AngleStatus
read_bert_processing(const json_t *part, AngleTokenizerSpec *spec,
					 AngleError *err)
{
	const json_t *cls = json_object_get(part, "cls");
	const json_t *sep = json_object_get(part, "sep");

	ANGLE_TRY(
		append_id(&spec->before, json_array_get(cls, 1), "cls", spec, err));
	return append_id(&spec->after, json_array_get(sep, 1), "sep", spec, err);
}

/* One special token of a template stands for the ids of its definition. */
static AngleStatus
read_template_token(const json_t *part, const json_t *token, AngleSpecIds *side,
					AngleTokenizerSpec *spec, AngleError *err)
{
	const char *name = angle_json_text(token, "id");
	const json_t *definition = json_object_get(
		json_object_get(part, "special_tokens"), name ? name : "");
	const json_t *ids = json_object_get(definition, "ids");

	if (!json_is_array(ids))
		return angle_fail(err, ANGLE_CORRUPT,
						  "tokenizer.json: the template's token \"%s\" is not "
						  "defined",
						  name ? name : "");
	for (size_t i = 0; i < json_array_size(ids); i++)
		ANGLE_TRY(append_id(side, json_array_get(ids, i), name, spec, err));
	return ANGLE_OK;
}

/* The template of a single text: special tokens, the text, special tokens. */
static AngleStatus
read_template(const json_t *part, AngleTokenizerSpec *spec, AngleError *err)
{
	const json_t *list = json_object_get(part, "single");
	AngleSpecIds *side = &spec->before;

	for (size_t i = 0; i < json_array_size(list); i++)
	{
		const json_t *item = json_array_get(list, i);
		const json_t *token = json_object_get(item, "SpecialToken");
		const json_t *text = json_object_get(item, "Sequence");

		if (token != NULL)
			ANGLE_TRY(read_template_token(part, token, side, spec, err));
		else if (text != NULL && side == &spec->before &&
				 json_integer_value(json_object_get(text, "type_id")) == 0)
			side = &spec->after;
		else
			return fail_kind(err, "post-processor",
							 "TemplateProcessing of "
							 "more than one text or type");
	}
	if (side == &spec->before)
		return angle_fail(err, ANGLE_CORRUPT,
						  "tokenizer.json: the template has no place for a "
						  "text");
	return ANGLE_OK;
}

static AngleStatus
read_post_processor(const json_t *root, AngleTokenizerSpec *spec,
					AngleError *err)
{
	const json_t *part = json_object_get(root, "post_processor");

	if (part == NULL || json_is_null(part))
		return ANGLE_OK;
	part = unwrap(part, "processors");
	if (has_type(part, "TemplateProcessing"))
		return read_template(part, spec, err);
	if (has_type(part, "BertProcessing"))
		return read_bert_processing(part, spec, err);
	return fail_kind(err, "post-processor", angle_json_text(part, "type"));
}

static AngleStatus
read_root(const json_t *root, AngleTokenizerSpec *spec, AngleError *err)
{
	ANGLE_TRY(read_model(root, spec, err));
	ANGLE_TRY(read_normalizer(root, spec, err));
	ANGLE_TRY(read_pre_tokenizer(root, err));
	ANGLE_TRY(read_added_tokens(root, spec, err));
	return read_post_processor(root, spec, err);
}

AngleStatus
angle_spec_read_json(AngleBytes json, AngleTokenizerSpec *spec, AngleError *err)
{
	json_t *root;
	AngleStatus status;

	ANGLE_TRY(
		angle_json_parse(json, "tokenizer.json", JSON_OBJECT, 0, &root, err));
	status = read_root(root, spec, err);
	json_decref(root);
	return status;
}
