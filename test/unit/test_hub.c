#include "test.h"
#include "core/model/hub.h"
#include "core/model/hub_parts.h"
#include "folder.h"

#define RETRIEVAL "Represent this sentence for searching relevant passages: "

/* config.json of the BERT-large models; type is that of the weights. */
#define LARGE_CONFIG(type)                                                   \
	"{\"architectures\":[\"BertModel\"],\"attention_probs_dropout_prob\":"   \
	"0.1,\"classifier_dropout\":null,\"gradient_checkpointing\":false,"      \
	"\"hidden_act\":\"gelu\",\"hidden_dropout_prob\":0.1,\"hidden_size\":"   \
	"1024,\"initializer_range\":0.02,\"intermediate_size\":4096,"            \
	"\"layer_norm_eps\":1e-12,\"max_position_embeddings\":512,"              \
	"\"model_type\":\"bert\",\"num_attention_heads\":16,"                    \
	"\"num_hidden_layers\":24,\"pad_token_id\":0,"                           \
	"\"position_embedding_type\":\"absolute\",\"torch_dtype\":\"" type "\"," \
	"\"transformers_version\":\"4.36.2\",\"type_vocab_size\":2,"             \
	"\"use_cache\":false,\"vocab_size\":30522}"

#define BASE_CONFIG                                                            \
	"{\"_name_or_path\":\"bert-base-uncased\",\"architectures\":["             \
	"\"BertModel\"],\"attention_probs_dropout_prob\":0.1,"                     \
	"\"classifier_dropout\":null,\"gradient_checkpointing\":false,"            \
	"\"hidden_act\":\"gelu\",\"hidden_dropout_prob\":0.1,\"hidden_size\":768," \
	"\"initializer_range\":0.02,\"intermediate_size\":3072,"                   \
	"\"layer_norm_eps\":1e-12,\"max_position_embeddings\":512,"                \
	"\"model_type\":\"bert\",\"num_attention_heads\":12,"                      \
	"\"num_hidden_layers\":12,\"pad_token_id\":0,"                             \
	"\"position_embedding_type\":\"absolute\",\"torch_dtype\":\"float32\","    \
	"\"transformers_version\":\"4.32.1\",\"type_vocab_size\":2,"               \
	"\"use_cache\":false,\"vocab_size\":30522}"

#define CHINESE_CONFIG                                                        \
	"{\"_name_or_path\":\"hfl/chinese-roberta-wwm-ext\",\"architectures\":["  \
	"\"BertModel\"],\"attention_probs_dropout_prob\":0.1,\"bos_token_id\":0," \
	"\"classifier_dropout\":null,\"directionality\":\"bidi\","                \
	"\"eos_token_id\":2,\"hidden_act\":\"gelu\",\"hidden_dropout_prob\":0.1," \
	"\"hidden_size\":768,\"initializer_range\":0.02,\"intermediate_size\":"   \
	"3072,\"layer_norm_eps\":1e-12,\"max_position_embeddings\":512,"          \
	"\"model_type\":\"bert\",\"num_attention_heads\":12,"                     \
	"\"num_hidden_layers\":12,\"output_past\":true,\"pad_token_id\":0,"       \
	"\"pooler_fc_size\":768,\"pooler_num_attention_heads\":12,"               \
	"\"pooler_num_fc_layers\":3,\"pooler_size_per_head\":128,"                \
	"\"pooler_type\":\"first_token_transform\",\"position_embedding_type\":"  \
	"\"absolute\",\"torch_dtype\":\"float32\",\"transformers_version\":"      \
	"\"4.32.1\",\"type_vocab_size\":2,\"use_cache\":false,\"vocab_size\":"    \
	"21128}"

#define MODULE(index, path, type)                                  \
	"{\"idx\":" #index ",\"name\":\"" #index "\",\"path\":\"" path \
	"\",\"type\":\"" type "\"}"

#define MODULES                                                               \
	"[" MODULE(0, "", "sentence_transformers.models.Transformer") "," MODULE( \
		1, "1_Pooling", "sentence_transformers.models.Pooling") "]"

#define OLD_POOLING(cls, mean)                                           \
	"{\"word_embedding_dimension\":1024,\"pooling_mode_cls_token\":" cls \
	",\"pooling_mode_mean_tokens\":" mean                                \
	",\"pooling_mode_max_tokens\":false,"                                \
	"\"pooling_mode_mean_sqrt_len_tokens\":false,"                       \
	"\"pooling_mode_weightedmean_tokens\":false,"                        \
	"\"pooling_mode_lasttoken\":false,\"include_prompt\":true}"

#define TOKENIZER_CONFIG(limit)                                      \
	"{\"clean_up_tokenization_spaces\":true,\"do_lower_case\":true," \
	"\"model_max_length\":" limit ",\"tokenizer_class\":\"BertTokenizer\"}"

/* One file of a directory. */
typedef struct HubText
{
	const char *path;
	const char *text;
} HubText;

/* A directory that is opened and whose model is checked. */
typedef struct Opened
{
	Folder folder;
	AngleArena *arena;
	AngleHubModel model;
	AngleStatus status;
	AngleError err;
} Opened;

/* Writes the files (the list ends with a NULL path) and opens the folder. */
static Opened
open_files(const HubText *files, const AngleHubOptions *options)
{
	Opened opened = {.arena = angle_arena_create(NULL)};

	if (!folder_make(&opened.folder))
		exit(1);
	for (; files->path != NULL; files++)
		folder_text(&opened.folder, files->path, files->text);
	opened.status = angle_hub_open(opened.folder.path, options, opened.arena,
								   &opened.model, &opened.err);
	if (opened.status != ANGLE_OK && options == NULL &&
		strstr(opened.err.message, opened.folder.path) == NULL)
		test_fail(__FILE__, __LINE__, "\"%s\" does not name the directory",
				  opened.err.message);
	return opened;
}

static void
end(Opened *opened)
{
	angle_hub_close(&opened->model);
	angle_arena_destroy(opened->arena);
	folder_remove(&opened->folder);
}

/* Expects a failure whose message names all of these. */
static void
check_refused(const HubText *files, AngleStatus status, const char *file,
			  const char *part)
{
	Opened opened = open_files(files, NULL);

	if (opened.status != status)
		test_fail(__FILE__, __LINE__, "%s %s: status %d (%s)", file, part,
				  (int) opened.status,
				  opened.status == ANGLE_OK ? "" : opened.err.message);
	else if (strstr(opened.err.message, file) == NULL ||
			 strstr(opened.err.message, part) == NULL)
		test_fail(__FILE__, __LINE__, "\"%s\" does not name %s and %s",
				  opened.err.message, file, part);
	end(&opened);
}

static void
check_large(const AngleModelConfig *config)
{
	CHECK_INT(config->layers, 24);
	CHECK_INT(config->hidden, 1024);
	CHECK_INT(config->heads, 16);
	CHECK_INT(config->intermediate, 4096);
	CHECK_INT(config->vocab, 30522);
	CHECK_INT(config->positions, 512);
	CHECK_INT(config->type_vocab, 2);
	CHECK(config->norm_eps == 1e-12f);
	CHECK_INT(config->activation, ANGLE_ACTIVATION_GELU);
	CHECK_INT(config->quantization, ANGLE_QUANTIZATION_F32);
	CHECK_INT(config->max_tokens, 512);
	CHECK_INT(config->pooling, ANGLE_POOLING_CLS);
	CHECK(config->pool_prompt);
	CHECK_INT(config->module_count, 0);
	CHECK_INT(config->dimensions, 1024);
	CHECK_INT(config->default_prompt, -1);
	CHECK(angle_config_prompt(config, "query") != NULL);
	if (config->prompt_count > 0)
		CHECK_STR(angle_config_prompt(config, "query")->prefix, RETRIEVAL);
}

/* ---- the models that must load ------------------------------------------ */

TEST(hub_reads_mxbai_embed_large)
{
	static const HubText files[] = {
		{"config.json", LARGE_CONFIG("float16")},
		{"modules.json", MODULES},
		{"1_Pooling/config.json", OLD_POOLING("true", "false")},
		{"sentence_bert_config.json",
		 "{\"max_seq_length\":512,\"do_lower_case\":false}"},
		{"config_sentence_transformers.json",
		 "{\"__version__\":{\"sentence_transformers\":\"2.4.0\"},"
		 "\"prompts\":{\"query\":\"" RETRIEVAL "\",\"passage\":\"\"},"
		 "\"default_prompt_name\":null}"},
		{"tokenizer_config.json", TOKENIZER_CONFIG("512")},
		{"tokenizer.json", "{}"},
		{"vocab.txt", "[PAD]\n"},
		{NULL, NULL},
	};
	Opened opened = open_files(files, NULL);

	CHECK_INT(opened.status, ANGLE_OK);
	check_large(&opened.model.config);
	CHECK_INT(opened.model.config.prompt_count, 2);
	CHECK_INT(opened.model.tokenizer_json.size, 2);
	CHECK_INT(opened.model.vocab_txt.size, 6);
	CHECK_INT(opened.model.added_tokens_json.size, 0);
	CHECK_STR(opened.model.directory, opened.folder.path);
	end(&opened);
}

TEST(hub_reads_uae_large)
{
	static const HubText files[] = {
		{"config.json", LARGE_CONFIG("float32")},
		{"modules.json", MODULES},
		{"1_Pooling/config.json", OLD_POOLING("true", "false")},
		{"sentence_bert_config.json",
		 "{\"max_seq_length\":512,\"do_lower_case\":false}"},
		{"config_sentence_transformers.json",
		 "{\"__version__\":{\"sentence_transformers\":\"2.2.2\"}}"},
		{"tokenizer_config.json", TOKENIZER_CONFIG("512")},
		{NULL, NULL},
	};
	const AngleHubOptions options = {.model_name = "WhereIsAI/UAE-Large-V1"};
	Opened opened = open_files(files, &options);

	CHECK_INT(opened.status, ANGLE_OK);
	check_large(&opened.model.config);
	end(&opened);
}

TEST(hub_reads_copies_of_uae_large_that_say_nothing)
{
	static const HubText files[] = {
		{"config.json", LARGE_CONFIG("float32")},
		{"tokenizer_config.json", TOKENIZER_CONFIG("512")},
		{NULL, NULL},
	};
	static const char *const names[] = {"odunola/UAE-Large-VI",
										"karrar-alwaili/UAE-Large-V1"};

	for (int i = 0; i < 2; i++)
	{
		const AngleHubOptions options = {.model_name = names[i]};
		Opened opened = open_files(files, &options);

		CHECK_INT(opened.status, ANGLE_OK);
		check_large(&opened.model.config);
		end(&opened);
	}
}

TEST(hub_reads_angle_bert_base_nli)
{
	static const HubText files[] = {
		{"config.json", BASE_CONFIG},
		{"tokenizer_config.json", TOKENIZER_CONFIG("512")},
		{"pytorch_model.bin", "PK"},
		{NULL, NULL},
	};
	const AngleHubOptions options = {
		.model_name = "SeanLee97/angle-bert-base-uncased-nli-en-v1"};
	Opened opened = open_files(files, &options);
	const AngleModelConfig *config = &opened.model.config;

	CHECK_INT(opened.status, ANGLE_OK);
	CHECK_INT(config->layers, 12);
	CHECK_INT(config->hidden, 768);
	CHECK_INT(config->pooling, ANGLE_POOLING_CLS_AVG);
	CHECK_INT(config->prompt_count, 0);
	CHECK_INT(config->module_count, 0);
	end(&opened);
}

TEST(hub_reads_angle_roberta_wwm_base_zhnli)
{
	static const HubText files[] = {
		{"config.json", CHINESE_CONFIG},
		{"tokenizer_config.json",
		 TOKENIZER_CONFIG("1000000000000000019884624838656")},
		{NULL, NULL},
	};
	const AngleHubOptions options = {
		.model_name = "SeanLee97/angle-roberta-wwm-base-zhnli-v1"};
	Opened opened = open_files(files, &options);
	const AngleModelConfig *config = &opened.model.config;

	CHECK_INT(opened.status, ANGLE_OK);
	CHECK_INT(config->vocab, 21128);
	CHECK_INT(config->max_tokens, 512);
	CHECK_INT(config->pooling, ANGLE_POOLING_CLS);
	CHECK_INT(config->prompt_count, 0);
	end(&opened);
}

TEST(hub_knows_models_by_their_path)
{
	static const char *const paths[] = {
		"WhereIsAI/UAE-Large-V1",
		"/models/uae-large-v1/",
		"UAE-Large-VI",
		"/hub/models--WhereIsAI--UAE-Large-V1/snapshots/52d9e291d9fb7fc7f5/",
	};
	static const char *const strangers[] = {
		"",
		"/",
		"UAE-Large-V10",
		"x/AUAE-Large-V1",
		"UAE-Large-V1/other",
		"snapshots/UAE-Large-V1",
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		CHECK(angle_known_model(paths[i]) != NULL);
	for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++)
		CHECK(angle_known_model(strangers[i]) == NULL);
}

/* ---- precedence --------------------------------------------------------- */

TEST(hub_pools_cls_where_nothing_is_said)
{
	static const HubText files[] = {{"config.json", BASE_CONFIG}, {NULL, NULL}};
	Opened opened = open_files(files, NULL);

	CHECK_INT(opened.status, ANGLE_OK);
	CHECK_INT(opened.model.config.pooling, ANGLE_POOLING_CLS);
	CHECK_INT(opened.model.config.module_count, 0);
	end(&opened);
}

TEST(hub_pooling_follows_the_order_of_precedence)
{
	static const HubText files[] = {
		{"config.json", LARGE_CONFIG("float32")},
		{"1_Pooling/config.json", OLD_POOLING("false", "true")},
		{"angle_config.json", "{\"pooling_strategy\":null}"},
		{"angle_config.json", "{\"pooling_strategy\":\"cls_avg\"}"},
		{NULL, NULL},
	};
	static const HubText none[] = {{"config.json", BASE_CONFIG}, {NULL, NULL}};
	const AnglePooling last = ANGLE_POOLING_LAST;
	AngleHubOptions options = {.model_name =
								   "angle-bert-base-uncased-nli-en-v1"};
	Opened opened = open_files(none, &options);

	CHECK_INT(opened.model.config.pooling, ANGLE_POOLING_CLS_AVG);
	end(&opened);
	/* the directory's own file wins over the table, and angle_config.json
	 * over it unless it says null */
	opened = open_files((const HubText[]){files[0], files[1], {NULL, NULL}},
						&options);
	CHECK_INT(opened.model.config.pooling, ANGLE_POOLING_MEAN);
	end(&opened);
	opened = open_files(
		(const HubText[]){files[0], files[1], files[2], {NULL, NULL}},
		&options);
	CHECK_INT(opened.model.config.pooling, ANGLE_POOLING_MEAN);
	end(&opened);
	opened = open_files(files, &options);
	CHECK_INT(opened.model.config.pooling, ANGLE_POOLING_CLS_AVG);
	end(&opened);
	options.pooling = &last;
	opened = open_files(files, &options);
	CHECK_INT(opened.status, ANGLE_OK);
	CHECK_INT(opened.model.config.pooling, ANGLE_POOLING_LAST);
	end(&opened);
}

TEST(hub_reads_angle_config)
{
	static const HubText files[] = {
		{"config.json", BASE_CONFIG},
		{"angle_config.json",
		 "{\"model_name_or_path\":\"bert-base-uncased\",\"max_length\":128,"
		 "\"model_kwargs\":null,\"pooling_strategy\":\"avg\","
		 "\"lora_config_kwargs\":null,\"is_llm\":false,\"apply_billm\":false,"
		 "\"prompt\":\"Summarize \\\"{text}\\\" in one word:\"}"},
		{"config_sentence_transformers.json",
		 "{\"prompts\":{\"query\":\"q: \"},\"default_prompt_name\":\"query\"}"},
		{NULL, NULL},
	};
	Opened opened = open_files(files, NULL);
	const AngleModelConfig *config = &opened.model.config;

	REQUIRE(opened.status == ANGLE_OK);
	CHECK_INT(config->pooling, ANGLE_POOLING_MEAN);
	CHECK_INT(config->max_tokens, 128);
	REQUIRE(config->prompt_count == 2 && config->default_prompt == 1);
	CHECK_STR(config->prompts[0].name, "query");
	CHECK_STR(config->prompts[1].prefix, "Summarize \"");
	CHECK_STR(config->prompts[1].suffix, "\" in one word:");
	end(&opened);
}

TEST(hub_refuses_wrong_angle_configs)
{
	static const struct
	{
		const char *text;
		AngleStatus status;
		const char *named;
	} cases[] = {
		{"{\"pooling_strategy\":\"cls_max\"}", ANGLE_UNSUPPORTED, "cls_max"},
		{"{\"pooling_strategy\":0}", ANGLE_UNSUPPORTED, "pooling_strategy"},
		{"{\"pooling_strategy\":true}", ANGLE_CORRUPT, "pooling_strategy"},
		{"{\"max_length\":2}", ANGLE_CORRUPT, "max_length"},
		{"{\"prompt\":\"no place\"}", ANGLE_CORRUPT, "{text}"},
		{"{\"prompt\":\"{text} and {text}\"}", ANGLE_CORRUPT, "{text}"},
		{"{\"prompt\":3}", ANGLE_CORRUPT, "prompt"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const HubText files[] = {{"config.json", BASE_CONFIG},
								 {"angle_config.json", cases[i].text},
								 {NULL, NULL}};

		check_refused(files, cases[i].status, "angle_config.json",
					  cases[i].named);
	}
}

/* ---- modules ------------------------------------------------------------ */

TEST(hub_reads_dense_and_normalize_of_new_directories)
{
	static const HubText files[] = {
		{"0_Transformer/config.json", BASE_CONFIG},
		{"0_Transformer/vocab.txt", "[PAD]\n"},
		{"0_Transformer/sentence_bert_config.json", "{\"max_seq_length\":64}"},
		{"modules.json",
		 "[" MODULE(
			 0, "0_Transformer",
			 "sentence_transformers.base.modules.transformer."
			 "Transformer") "," MODULE(1, "1_Pooling",
									   "sentence_transformers.sentence_transformer.modules.pooling."
									   "Pooling") "," MODULE(2, "2_Dense",
															 "sentence_transformers.base.modules.dense."
															 "Dense") "," MODULE(3,
																				 "3_Normalize",
																				 "Normalize") "]"},
		{"1_Pooling/config.json", "{\"pooling_mode\":\"cls\"}"},
		{"2_Dense/config.json",
		 "{\"in_features\":768,\"out_features\":256,\"bias\":false,"
		 "\"activation_function\":\"torch.nn.modules.linear.Identity\"}"},
		{"3_Normalize/config.json",
		 "{\"module_input_name\":\"sentence_embedding\"}"},
		{NULL, NULL},
	};
	Opened opened = open_files(files, NULL);
	const AngleModelConfig *config = &opened.model.config;

	REQUIRE(opened.status == ANGLE_OK);
	REQUIRE(config->module_count == 2);
	CHECK_INT(config->modules[0].kind, ANGLE_MODULE_DENSE);
	CHECK_INT(config->modules[0].outputs, 256);
	CHECK(!config->modules[0].bias);
	CHECK_INT(config->modules[0].activation, ANGLE_ACTIVATION_IDENTITY);
	CHECK_INT(config->modules[1].kind, ANGLE_MODULE_NORMALIZE);
	CHECK_INT(config->dimensions, 256);
	CHECK_INT(config->max_tokens, 64);
	CHECK_INT(opened.model.vocab_txt.size, 6);
	CHECK(strstr(opened.model.directory, "/0_Transformer") != NULL);
	REQUIRE(opened.model.module_directories[0] != NULL);
	CHECK(strstr(opened.model.module_directories[0], "/2_Dense") != NULL);
	CHECK(opened.model.module_directories[1] == NULL);
	end(&opened);
}

TEST(hub_refuses_wrong_modules)
{
	static const struct
	{
		const char *text;
		AngleStatus status;
		const char *named;
	} cases[] = {
		{"{}", ANGLE_CORRUPT, "array"},
		{"[3]", ANGLE_CORRUPT, "type"},
		{"[" MODULE(0, "", "a.Router") "]", ANGLE_UNSUPPORTED, "a.Router"},
		{"[" MODULE(0, "", "Pooling") "]", ANGLE_UNSUPPORTED, "Transformer"},
		{"[" MODULE(0, "", "Transformer") "," MODULE(1, "", "Normalize") "]",
		 ANGLE_UNSUPPORTED, "Pooling"},
		{"[" MODULE(0, "../x", "Transformer") "]", ANGLE_CORRUPT, "../x"},
		{"[" MODULE(0, "/etc", "Transformer") "]", ANGLE_CORRUPT, "/etc"},
		{"[" MODULE(0, "a/../b", "Transformer") "]", ANGLE_CORRUPT, "a/../b"},
		{"[" MODULE(0, "a/", "Transformer") "]", ANGLE_CORRUPT, "a/"},
		{"[" MODULE(0, "", "Transformer") "," MODULE(
			 1, "", "Pooling") "," MODULE(2, "", "Pooling") "]",
		 ANGLE_UNSUPPORTED, "Pooling"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const HubText files[] = {{"config.json", BASE_CONFIG},
								 {"modules.json", cases[i].text},
								 {NULL, NULL}};

		check_refused(files, cases[i].status, "modules.json", cases[i].named);
	}
}

TEST(hub_refuses_wrong_dense_modules)
{
	static const struct
	{
		const char *text;
		AngleStatus status;
		const char *named;
	} cases[] = {
		{"{}", ANGLE_CORRUPT, "in_features"},
		{"{\"in_features\":768}", ANGLE_CORRUPT, "out_features"},
		{"{\"in_features\":768,\"out_features\":0}", ANGLE_CORRUPT,
		 "out_features"},
		{"{\"in_features\":768,\"out_features\":8,\"activation_function\":"
		 "\"torch.nn.modules.activation.SiLU\"}",
		 ANGLE_UNSUPPORTED, "SiLU"},
		{"{\"in_features\":768,\"out_features\":8,\"use_residual\":true}",
		 ANGLE_UNSUPPORTED, "use_residual"},
		{"{\"in_features\":768,\"out_features\":8,\"module_input_name\":"
		 "\"token_embeddings\"}",
		 ANGLE_UNSUPPORTED, "module_input_name"},
		{"{\"in_features\":1024,\"out_features\":8}", ANGLE_CORRUPT,
		 "takes 1024 inputs, but gets 768"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const HubText files[] = {
			{"config.json", BASE_CONFIG},
			{"modules.json",
			 "[" MODULE(0, "", "Transformer") "," MODULE(
				 1, "1_Pooling", "Pooling") "," MODULE(2, "2_Dense",
													   "Dense") "]"},
			{"2_Dense/config.json", cases[i].text},
			{NULL, NULL}};

		check_refused(files, cases[i].status, "config.json", cases[i].named);
	}
}

/* ---- config.json -------------------------------------------------------- */

TEST(hub_config_has_the_defaults_of_transformers)
{
	static const HubText files[] = {
		{"config.json", "{\"model_type\":\"bert\"}"}, {NULL, NULL}};
	Opened opened = open_files(files, NULL);
	const AngleModelConfig *config = &opened.model.config;

	REQUIRE(opened.status == ANGLE_OK);
	CHECK_INT(config->vocab, 30522);
	CHECK_INT(config->hidden, 768);
	CHECK_INT(config->layers, 12);
	CHECK_INT(config->heads, 12);
	CHECK_INT(config->intermediate, 3072);
	CHECK_INT(config->positions, 512);
	CHECK_INT(config->type_vocab, 2);
	CHECK_INT(config->activation, ANGLE_ACTIVATION_GELU);
	CHECK(config->norm_eps == 1e-12f);
	end(&opened);
}

#define BERT "{\"model_type\":\"bert\","

TEST(hub_refuses_what_is_not_the_bert_it_computes)
{
	static const struct
	{
		const char *text;
		AngleStatus status;
		const char *named;
	} cases[] = {
		{"{}", ANGLE_CORRUPT, "model_type"},
		{"{\"model_type\":\"llama\",\"architectures\":[\"LlamaForCausalLM\"]}",
		 ANGLE_UNSUPPORTED, "llama"},
		{"{\"model_type\":\"roberta\"}", ANGLE_UNSUPPORTED, "roberta"},
		{BERT "\"architectures\":[\"JinaBertModel\"]}", ANGLE_UNSUPPORTED,
		 "JinaBertModel"},
		{BERT "\"architectures\":[1]}", ANGLE_CORRUPT, "architectures"},
		{BERT "\"position_embedding_type\":\"relative_key\"}",
		 ANGLE_UNSUPPORTED, "relative_key"},
		{BERT "\"is_decoder\":true}", ANGLE_UNSUPPORTED, "is_decoder"},
		{BERT "\"hidden_act\":\"silu\"}", ANGLE_UNSUPPORTED, "silu"},
		{BERT "\"quantization_config\":{}}", ANGLE_UNSUPPORTED,
		 "quantization_config"},
		{BERT "\"hidden_size\":0}", ANGLE_CORRUPT, "hidden_size"},
		{BERT "\"hidden_size\":-768}", ANGLE_CORRUPT, "hidden_size"},
		{BERT "\"hidden_size\":\"768\"}", ANGLE_CORRUPT, "hidden_size"},
		{BERT "\"hidden_size\":20000}", ANGLE_UNSUPPORTED, "hidden"},
		{BERT "\"num_attention_heads\":7}", ANGLE_CORRUPT, "heads"},
		{BERT "\"num_hidden_layers\":100000}", ANGLE_UNSUPPORTED, "layers"},
		{BERT "\"layer_norm_eps\":0}", ANGLE_CORRUPT, "layer_norm_eps"},
		{BERT "\"layer_norm_eps\":1e-320}", ANGLE_CORRUPT, "layer_norm_eps"},
		{BERT "\"hidden_size\":768,\"hidden_size\":768}", ANGLE_CORRUPT,
		 "duplicate"},
		{"[]", ANGLE_CORRUPT, "object"},
		{"{", ANGLE_CORRUPT, "JSON"},
		{"", ANGLE_CORRUPT, "empty"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const HubText files[] = {{"config.json", cases[i].text}, {NULL, NULL}};

		check_refused(files, cases[i].status, "config.json", cases[i].named);
	}
	check_refused((const HubText[]){{NULL, NULL}}, ANGLE_NOT_FOUND,
				  "config.json", "no file");
}

/* ---- prompts and limits ------------------------------------------------- */

TEST(hub_refuses_wrong_prompts_and_limits)
{
	static const struct
	{
		const char *file;
		const char *text;
		const char *named;
	} cases[] = {
		{"config_sentence_transformers.json", "{\"prompts\":{\"q\":1}}",
		 "\"q\""},
		{"config_sentence_transformers.json", "{\"prompts\":[]}", "prompts"},
		{"config_sentence_transformers.json",
		 "{\"prompts\":{},\"default_prompt_name\":\"q\"}", "\"q\""},
		{"sentence_bert_config.json", "{\"max_seq_length\":0}",
		 "max_seq_length"},
		{"sentence_bert_config.json", "{\"max_seq_length\":\"x\"}",
		 "max_seq_length"},
		{"tokenizer_config.json", "{\"model_max_length\":-1}",
		 "model_max_length"},
		{"tokenizer_config.json", "[]", "object"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const HubText files[] = {{"config.json", BASE_CONFIG},
								 {cases[i].file, cases[i].text},
								 {NULL, NULL}};

		check_refused(files, ANGLE_CORRUPT, cases[i].file, cases[i].named);
	}
}

TEST(hub_keeps_default_prompts_and_replaces_empty_ones)
{
	static const HubText empty[] = {
		{"config.json", LARGE_CONFIG("float32")},
		{"config_sentence_transformers.json",
		 "{\"prompts\":{\"query\":\"\",\"document\":\"\"}}"},
		{NULL, NULL},
	};
	static const HubText named[] = {
		{"config.json", BASE_CONFIG},
		{"config_sentence_transformers.json",
		 "{\"prompts\":{\"nothing\":null,\"passage\":\"p: \"},"
		 "\"default_prompt_name\":\"passage\"}"},
		{NULL, NULL},
	};
	const AngleHubOptions options = {.model_name = "WhereIsAI/UAE-Large-V1"};
	Opened opened = open_files(empty, &options);

	check_large(&opened.model.config);
	end(&opened);
	opened = open_files(empty, NULL);
	CHECK_INT(opened.model.config.prompt_count, 2);
	CHECK_INT(opened.model.config.default_prompt, -1);
	end(&opened);
	opened = open_files(named, NULL);
	REQUIRE(opened.status == ANGLE_OK);
	CHECK_INT(opened.model.config.prompt_count, 1);
	CHECK_INT(opened.model.config.default_prompt, 0);
	end(&opened);
}

TEST(hub_limits_tokens_by_the_first_file_that_says)
{
	static const HubText all[] = {
		{"config.json", BASE_CONFIG},
		{"sentence_bert_config.json", "{\"max_seq_length\":64}"},
		{"angle_config.json", "{\"max_length\":128}"},
		{"tokenizer_config.json", TOKENIZER_CONFIG("256")},
		{NULL, NULL},
	};
	static const int expected[] = {64, 128, 256};

	for (int i = 0; i < 3; i++)
	{
		HubText files[5];
		int count = 1;
		Opened opened;

		files[0] = all[0];
		for (int j = 1 + i; j < 5; j++)
			files[count++] = all[j];
		opened = open_files(files, NULL);
		CHECK_INT(opened.status, ANGLE_OK);
		CHECK_INT(opened.model.config.max_tokens, expected[i]);
		end(&opened);
	}
}

TEST(hub_refuses_lower_case_that_the_tokenizer_does_not_know)
{
	static const HubText files[] = {
		{"config.json", BASE_CONFIG},
		{"sentence_bert_config.json", "{\"do_lower_case\":true}"},
		{"tokenizer_config.json", "{\"do_lower_case\":false}"},
		{NULL, NULL},
	};

	check_refused(files, ANGLE_UNSUPPORTED, "sentence_bert_config.json",
				  "do_lower_case");
}

/* ---- memory ------------------------------------------------------------- */

/* An allocator with a budget of blocks. */
static void *
budget_alloc(void *context, size_t size)
{
	int *left = context;

	return (*left)-- > 0 ? malloc(size) : NULL;
}

static void
budget_release(void *context, void *pointer)
{
	(void) context;
	free(pointer);
}

TEST(hub_reports_the_lack_of_memory)
{
	/* long prompts, so that there is more than one block to refuse */
	static char prompts[60000] = "{\"prompts\":{\"";
	Folder folder;
	AngleStatus status = ANGLE_NO_MEMORY;
	int blocks = 1;

	REQUIRE(folder_make(&folder));
	memset(prompts + strlen(prompts), 'x', 7000);
	strcat(prompts, "\":\"");
	memset(prompts + strlen(prompts), 'y', 8000);
	strcat(prompts, "\"}}");
	folder_text(&folder, "config.json", BASE_CONFIG);
	folder_text(&folder, "config_sentence_transformers.json", prompts);
	for (; status == ANGLE_NO_MEMORY && blocks < 100; blocks++)
	{
		int left = blocks;
		AngleAllocator allocator = {budget_alloc, budget_release, &left};
		AngleArena *arena = angle_arena_create(&allocator);
		AngleHubModel model;

		status = angle_hub_open(folder.path, NULL, arena, &model, NULL);
		angle_hub_close(&model);
		angle_arena_destroy(arena);
	}
	CHECK_INT(status, ANGLE_OK);
	CHECK(blocks > 3);
	folder_remove(&folder);
}
