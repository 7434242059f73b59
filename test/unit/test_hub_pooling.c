#include "test.h"
#include "core/model/hub_parts.h"

#define OLD_POOLING(cls, mean)                                           \
	"{\"word_embedding_dimension\":1024,\"pooling_mode_cls_token\":" cls \
	",\"pooling_mode_mean_tokens\":" mean                                \
	",\"pooling_mode_max_tokens\":false,"                                \
	"\"pooling_mode_mean_sqrt_len_tokens\":false,"                       \
	"\"pooling_mode_weightedmean_tokens\":false,"                        \
	"\"pooling_mode_lasttoken\":false,\"include_prompt\":true}"

/* Reads a pooling file alone, for a model 1024 wide. */
static AngleStatus
read_pooling(const char *text, bool keep_mode, AngleModelConfig *config,
			 AngleError *err)
{
	*config = (AngleModelConfig){.hidden = 1024, .pool_prompt = true};
	return angle_hub_read_pooling(angle_bytes_of(text), "1_Pooling/config.json",
								  keep_mode, config, err);
}

TEST(hub_reads_old_and_new_pooling_files)
{
	static const struct
	{
		const char *text;
		AnglePooling pooling;
		bool pool_prompt;
	} cases[] = {
		{OLD_POOLING("true", "false"), ANGLE_POOLING_CLS, true},
		{OLD_POOLING("false", "true"), ANGLE_POOLING_MEAN, true},
		{"{\"pooling_mode_lasttoken\":true,\"include_prompt\":false}",
		 ANGLE_POOLING_LAST, false},
		{"{\"pooling_mode_max_tokens\":true}", ANGLE_POOLING_MAX, true},
		{"{\"embedding_dimension\":1024,\"pooling_mode\":\"mean\","
		 "\"include_prompt\":true}",
		 ANGLE_POOLING_MEAN, true},
		{"{\"pooling_mode\":\"lasttoken\",\"include_prompt\":false}",
		 ANGLE_POOLING_LAST, false},
		{"{\"pooling_mode\":[\"cls\"]}", ANGLE_POOLING_CLS, true},
		{"{\"pooling_mode\":\"max\",\"pooling_mode_mean_tokens\":true}",
		 ANGLE_POOLING_MAX, true},
	};
	AngleModelConfig config;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		CHECK_INT(read_pooling(cases[i].text, false, &config, NULL), ANGLE_OK);
		CHECK_INT(config.pooling, cases[i].pooling);
		CHECK_INT(config.pool_prompt, cases[i].pool_prompt);
	}
}

TEST(hub_never_guesses_a_pooling)
{
	static const struct
	{
		const char *text;
		AngleStatus status;
		const char *named;
	} cases[] = {
		{"{}", ANGLE_CORRUPT, "how to pool"},
		{OLD_POOLING("false", "false"), ANGLE_CORRUPT, "how to pool"},
		{OLD_POOLING("true", "true"), ANGLE_UNSUPPORTED, "several"},
		{OLD_POOLING("true", "1"), ANGLE_CORRUPT, "pooling_mode_mean_tokens"},
		{"{\"pooling_mode_mean_sqrt_len_tokens\":true}", ANGLE_UNSUPPORTED,
		 "pooling_mode_mean_sqrt_len_tokens"},
		{"{\"pooling_mode\":\"weightedmean\"}", ANGLE_UNSUPPORTED,
		 "weightedmean"},
		{"{\"pooling_mode\":[\"cls\",\"max\"]}", ANGLE_UNSUPPORTED, "several"},
		{"{\"pooling_mode\":[]}", ANGLE_UNSUPPORTED, "several"},
		{"{\"pooling_mode\":[1]}", ANGLE_CORRUPT, "pooling_mode"},
		{"{\"pooling_mode\":\"cls\",\"word_embedding_dimension\":768}",
		 ANGLE_CORRUPT, "word_embedding_dimension"},
		{"{\"pooling_mode\":\"cls\",\"embedding_dimension\":768}",
		 ANGLE_CORRUPT, "embedding_dimension"},
	};
	AngleModelConfig config;
	AngleError err;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		CHECK_INT(read_pooling(cases[i].text, false, &config, &err),
				  cases[i].status);
		if (strstr(err.message, cases[i].named) == NULL)
			test_fail(__FILE__, __LINE__, "%s: \"%s\"", cases[i].text,
					  err.message);
	}
	/* whoever names the pooling need not heed the file's */
	CHECK_INT(read_pooling("{\"include_prompt\":false}", true, &config, NULL),
			  ANGLE_OK);
	CHECK(!config.pool_prompt);
}
