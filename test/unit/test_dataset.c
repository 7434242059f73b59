/* Training data: parsing, mixing, batches, and going on from a saved state. */
#include "test.h"

#include "folder.h"
#include "trainer/dataset.h"

static AngleError err;

/* What a test works with; the first sources are files of the folder. */
typedef struct Fixture
{
	Folder folder;
	AngleArena *arena;
	AngleDatasetSource sources[3];
	char paths[3][300];
	AngleDatasetOptions options;
	AngleDataset *dataset;
} Fixture;

static bool
set_up(Fixture *fixture)
{
	*fixture = (Fixture){.arena = angle_arena_create(NULL)};
	fixture->options = (AngleDatasetOptions){
		.sources = fixture->sources, .batch_rows = 4, .passes = 1, .seed = 1};
	return folder_make(&fixture->folder);
}

static void
tear_down(Fixture *fixture)
{
	angle_dataset_close(fixture->dataset);
	angle_arena_destroy(fixture->arena);
	folder_remove(&fixture->folder);
}

static AngleDatasetSource *
add_bytes(Fixture *fixture, const void *content, size_t size)
{
	const Folder folder = fixture->folder;
	int i = fixture->options.source_count++;
	char name[16];

	snprintf(name, sizeof(name), "file%d", i);
	folder_write(&fixture->folder, name, content, size);
	snprintf(fixture->paths[i], sizeof(fixture->paths[i]), "%s/%s", folder.path,
			 name);
	fixture->sources[i].path = fixture->paths[i];
	return &fixture->sources[i];
}

static AngleDatasetSource *
add_file(Fixture *fixture, const char *content)
{
	return add_bytes(fixture, content, strlen(content));
}

static AngleStatus
open_dataset(Fixture *fixture)
{
	angle_dataset_close(fixture->dataset);
	fixture->dataset = NULL;
	return angle_dataset_open(&fixture->options, fixture->arena,
							  &fixture->dataset, &err);
}

/* Adds the next batch to text, a line with its rows as "a|b|label;"; false at
 * the end. */
static bool
append_batch(AngleDataset *dataset, char *text, size_t size)
{
	AngleDatasetBatch batch;
	size_t used = strlen(text);

	if (angle_dataset_next(dataset, &batch, &err) != ANGLE_OK)
	{
		snprintf(text + used, size - used, "!%s", err.message);
		return false;
	}
	for (size_t i = 0; i < batch.rows; i++)
	{
		for (size_t j = 0; j < batch.columns; j++)
		{
			AngleBytes one = batch.texts[i * batch.columns + j].text;

			used += (size_t) snprintf(text + used, size - used, "%s%.*s",
									  j > 0 ? "|" : "", (int) one.size,
									  (const char *) one.data);
		}
		if (batch.labels != NULL)
			used += (size_t) snprintf(text + used, size - used, "|%g",
									  (double) batch.labels[i]);
		used += (size_t) snprintf(text + used, size - used, ";");
	}
	snprintf(text + used, size - used, "\n");
	return batch.rows > 0;
}

/* Opens the data and reads up to most batches of it. */
static const char *
read_all(Fixture *fixture, int most)
{
	static char text[65536];

	text[0] = '\0';
	if (open_dataset(fixture) != ANGLE_OK)
	{
		snprintf(text, sizeof(text), "!%s", err.message);
		return text;
	}
	for (int i = 0; i < most; i++)
	{
		if (!append_batch(fixture->dataset, text, sizeof(text)))
			break;
	}
	return text;
}

/* count rows "q0 p0", "q1 p1" … */
static const char *
numbered(int count, const char *prefix)
{
	static char text[65536];
	size_t used = (size_t) snprintf(text, sizeof(text), "query\tpositive\n");

	for (int i = 0; i < count; i++)
		used += (size_t) snprintf(text + used, sizeof(text) - used,
								  "%sq%d\t%sp%d\n", prefix, i, prefix, i);
	return text;
}

/* ---- what rows hold ----------------------------------------------------- */

static void
check_rows(const char *content, const char *expected)
{
	Fixture fixture;

	if (set_up(&fixture))
	{
		fixture.options.order = ANGLE_ORDER_FILE;
		add_file(&fixture, content);
		CHECK_STR(read_all(&fixture, 9), expected);
	}
	tear_down(&fixture);
}

TEST(dataset_reads_labelled_pairs)
{
	check_rows("text1\ttext2\tlabel\na\tb\t1\nc\td\t-2.5e-1\n",
			   "a|b|1;c|d|-0.25;\n\n");
	check_rows("dataset\tscore\tsentence1\tsentence2\nx\t5\ta\tb\r\n\n\n",
			   "a|b|5;\n\n");
	check_rows("{\"text1\": \"a\\tb\", \"label\": 3, \"text2\": \"c\"}\n\n"
			   "{\"label\": \"0.5\", \"text1\": \"d\", \"text2\": \"e\"}",
			   "a\tb|c|3;d|e|0.5;\n\n");
}

TEST(dataset_reads_positives_and_negatives)
{
	check_rows("\xEF\xBB\xBFquery\tpositive\na\tb\n", "a|b;\n\n");
	check_rows("anchor\tpositive\tnegative\na\tb\tc\n", "a|b|c;\n\n");
	check_rows("query\tpositive\tnegative_1\tnegative_2\na\tb\tc\td\n",
			   "a|b|c|d;\n\n");
	check_rows("{\"query\": \"a\", \"positive\": [\"b\"], "
			   "\"negatives\": [\"c\"]}",
			   "a|b|c;\n\n");
}

TEST(dataset_options_of_a_file)
{
	Fixture fixture;
	AngleDatasetSource *source;
	AngleDatasetBatch batch;

	if (set_up(&fixture))
	{
		source = add_file(&fixture, "a\tb\tgold\tsplit\n"
									"1\t2\tyes\ttrain\n"
									"3\t4\tno\ttest\n"
									"5\t \tno\ttrain\n"
									"7\t8\tno\ttrain\n");
		source->columns = "text2=a,text1=b,label=gold";
		source->labels = "yes=1,no=-1";
		source->label_divisor = 2;
		source->where = "split=train,a!=9";
		source->empty = ANGLE_EMPTY_SKIP;
		source->query_prompt = "q: {text}";
		fixture.options.order = ANGLE_ORDER_FILE;
		CHECK_STR(read_all(&fixture, 9), "2|1|0.5;8|7|-0.5;\n\n");
		CHECK_INT(angle_dataset_rows(fixture.dataset, 0), 2);
		CHECK_INT(angle_dataset_skipped(fixture.dataset, 0), 1);
		CHECK_INT(angle_dataset_shape(fixture.dataset, 0), ANGLE_ROW_LABELLED);
		REQUIRE(open_dataset(&fixture) == ANGLE_OK);
		REQUIRE(angle_dataset_next(fixture.dataset, &batch, &err) == ANGLE_OK);
		CHECK_STR(batch.texts[1].prompt, "q: {text}");
		source->empty = ANGLE_EMPTY_KEEP;
		CHECK_STR(read_all(&fixture, 9), "2|1|0.5; |5|-0.5;8|7|-0.5;\n\n");
	}
	tear_down(&fixture);
}

TEST(dataset_draws_elements_of_lists)
{
	Fixture fixture;
	char first[1000];
	const char *text;

	if (set_up(&fixture))
	{
		add_file(&fixture, "{\"query\": \"q\", \"positive\": [\"1\", \"2\", "
						   "\"3\"], \"negative\": [\"a\", \"b\", \"c\"]}")
			->negatives = 2;
		fixture.options.passes = 60;
		fixture.options.batch_rows = 1;
		snprintf(first, sizeof(first), "%s", read_all(&fixture, 99));
		/* in 60 uses each of 3 · 6 choices but with probability 0.032 each */
		CHECK(strstr(first, "q|1|") != NULL && strstr(first, "q|2|") != NULL &&
			  strstr(first, "q|3|") != NULL && strstr(first, "|a|b") != NULL &&
			  strstr(first, "|c|a") != NULL);
		CHECK(strstr(first, "|a|a") == NULL && strstr(first, "|b|b") == NULL &&
			  strstr(first, "|c|c") == NULL);
		text = read_all(&fixture, 99);
		CHECK_STR(text, first);
		fixture.options.seed = 2;
		CHECK(strcmp(read_all(&fixture, 99), first) != 0);
	}
	tear_down(&fixture);
}

/* ---- malformed files ---------------------------------------------------- */

typedef struct Malformed
{
	const char *content;
	AngleStatus status;
	const char *message; /* behind the name of the file */
} Malformed;

TEST(dataset_errors_name_line_and_column)
{
	static const Malformed files[] = {
		{"", ANGLE_CORRUPT, "is empty"},
		{"query\tpositive\n", ANGLE_CORRUPT, "has no row"},
		{"query\tpositive\na\n", ANGLE_CORRUPT,
		 ", line 2: 1 fields where the header has 2"},
		{"query\tpositive\na\tb\tc\n", ANGLE_CORRUPT, ", line 2: 3 fields"},
		{"query\tpositive\na\tb\n\nc\td\n", ANGLE_CORRUPT,
		 ", line 3: the line is empty"},
		{"query\tpositive\na\t\n", ANGLE_CORRUPT,
		 ", line 2, column \"positive\": the text is empty"},
		{"query\tpositive\na\tb\nc\t\xff\n", ANGLE_INVALID_TEXT,
		 ", line 3, column \"positive\": "},
		{"query\tquery\n", ANGLE_CORRUPT, ", line 1: there are two columns"},
		{"x\ty\n", ANGLE_INVALID_ARGUMENT, ": no columns for "},
		{"text1\ttext2\tlabel\na\tb\tc\n", ANGLE_CORRUPT,
		 ", line 2, column \"label\": the label \"c\" is not a number"},
		{"text1\ttext2\tlabel\na\tb\tnan\n", ANGLE_CORRUPT, ", line 2, column"},
		{"{\"query\": \"a\", \"positive\": \"b\"}\n{\"query\": \"a\"}",
		 ANGLE_CORRUPT,
		 ", line 2, column \"positive\": the object has no such key"},
		{"{\"query\": \"a\", \"positive\": \"b\"}\n{", ANGLE_CORRUPT,
		 ", line 2: not valid JSON"},
		{"{\"query\": \"a\", \"positive\": \"b\"}\n[]", ANGLE_CORRUPT,
		 ", line 2: the line holds no object"},
		{"{\"query\": \"a\", \"positive\": null}", ANGLE_CORRUPT,
		 ", line 1, column \"positive\": neither a text nor a number"},
		{"{\"query\": \"a\", \"positive\": []}", ANGLE_CORRUPT,
		 ", line 1, column \"positive\": the list has 0 elements"},
		{"{\"query\": \"a\", \"positive\": \"b\", \"negative\": [\"c\"]}\n"
		 "{\"query\": \"a\", \"positive\": \"b\", \"negative\": [\"\"]}",
		 ANGLE_CORRUPT, ", line 2, column \"negative\": the text is empty"},
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
	{
		Fixture fixture;
		char expected[400];

		if (set_up(&fixture))
		{
			add_file(&fixture, files[i].content);
			CHECK_INT(open_dataset(&fixture), files[i].status);
			snprintf(
				expected, sizeof(expected), "file \"%s\"%s%s", fixture.paths[0],
				files[i].message[0] == ',' || files[i].message[0] == ':' ? ""
																		 : " ",
				files[i].message);
			if (strncmp(err.message, expected, strlen(expected)) != 0)
				test_fail(__FILE__, __LINE__, "%s\nis not\n%s", err.message,
						  expected);
		}
		tear_down(&fixture);
	}
}

TEST(dataset_refuses_wrong_options)
{
	Fixture fixture;
	AngleDatasetSource *source;

	if (set_up(&fixture))
	{
		CHECK_INT(open_dataset(&fixture), ANGLE_INVALID_ARGUMENT);
		source = add_file(&fixture, "query\tpositive\na\tb\n");
		source->columns = "query=nothing";
		CHECK_INT(open_dataset(&fixture), ANGLE_INVALID_ARGUMENT);
		CHECK(strstr(err.hint, "query, positive") != NULL);
		source->columns = "head=query";
		CHECK_INT(open_dataset(&fixture), ANGLE_INVALID_ARGUMENT);
		source->columns = NULL;
		source->where = "query";
		CHECK_INT(open_dataset(&fixture), ANGLE_INVALID_ARGUMENT);
		source->where = "query=z";
		CHECK_INT(open_dataset(&fixture), ANGLE_CORRUPT);
		source->where = NULL;
		source->shape = ANGLE_ROW_LABELLED;
		CHECK_INT(open_dataset(&fixture), ANGLE_INVALID_ARGUMENT);
		source->shape = ANGLE_ROW_DETECT;
		add_file(&fixture, "text1\ttext2\tlabel\na\tb\t1\n");
		fixture.options.unit = ANGLE_MIX_ROWS;
		CHECK_INT(open_dataset(&fixture), ANGLE_INVALID_ARGUMENT);
		fixture.options.unit = ANGLE_MIX_BATCHES;
		source->weight = 1;
		CHECK_INT(open_dataset(&fixture), ANGLE_INVALID_ARGUMENT);
		source->weight = 0;
		CHECK_INT(open_dataset(&fixture), ANGLE_OK);
	}
	tear_down(&fixture);
}

/* ---- order -------------------------------------------------------------- */

/* Where row i of numbered() stands among the rows of text, −1 if nowhere. */
static int
place_of(const char *text, int row)
{
	char wanted[16];
	const char *found;
	int place = 0;

	snprintf(wanted, sizeof(wanted), "q%d|", row);
	found = strstr(text, wanted);
	for (const char *p = text; found != NULL && p < found; p++)
		place += *p == ';';
	return found != NULL ? place : -1;
}

TEST(dataset_shuffles_through_a_bounded_buffer)
{
	Fixture fixture;

	if (set_up(&fixture))
	{
		const char *text;
		int moved = 0;

		add_file(&fixture, numbered(200, ""));
		fixture.options.buffer_rows = 10;
		text = read_all(&fixture, 999);
		for (int i = 0; i < 200; i++)
		{
			int place = place_of(text, i);

			/* row i is read when i − 9 rows have been drawn */
			CHECK(place >= i - 9);
			moved += place != i;
		}
		CHECK(moved > 100);
	}
	tear_down(&fixture);
}

TEST(dataset_gives_each_row_once_in_a_pass)
{
	Fixture fixture;

	if (set_up(&fixture))
	{
		char first[8192];
		const char *text;
		int semicolons = 0;

		add_file(&fixture, numbered(103, ""));
		snprintf(first, sizeof(first), "%s", read_all(&fixture, 999));
		for (int i = 0; i < 103; i++)
			CHECK(place_of(first, i) >= 0);
		for (const char *p = first; *p != '\0'; p++)
			semicolons += *p == ';';
		CHECK_INT(semicolons, 103);
		CHECK_INT(angle_dataset_batches(fixture.dataset), 26);
		CHECK_STR(read_all(&fixture, 999), first);
		/* without an end it starts alike and goes on */
		fixture.options.passes = 0;
		text = read_all(&fixture, 40);
		CHECK(strncmp(text, first, 26 * 4) == 0);
		fixture.options.seed = 7;
		CHECK(strncmp(read_all(&fixture, 40), first, 26 * 4) != 0);
	}
	tear_down(&fixture);
}

TEST(dataset_avoids_duplicates_in_a_batch)
{
	Fixture fixture;

	if (set_up(&fixture))
	{
		char text[8192] = "";
		int rows = 0;

		/* the positive of one row is the query of the next */
		add_file(&fixture, "query\tpositive\n<1>\t<2>\n<2>\t<3>\n<3>\t<1>\n"
						   "<1>\t<4>\n<4>\t<4>\n<5>\t<6>\n<6>\t<5>\n");
		fixture.options.passes = 20;
		REQUIRE(open_dataset(&fixture) == ANGLE_OK);
		while (append_batch(fixture.dataset, text, sizeof(text)))
		{
			for (int i = 1; i <= 6; i++)
			{
				char one[8];
				const char *found;

				snprintf(one, sizeof(one), "<%d>", i);
				found = strstr(text, one);
				/* twice only in the row of two equal texts */
				if (found != NULL && i != 4)
					CHECK(strstr(found + 1, one) == NULL);
			}
			for (const char *p = text; *p != '\0'; p++)
				rows += *p == ';';
			text[0] = '\0';
		}
		CHECK_INT(rows, 140);
	}
	tear_down(&fixture);
}

/* ---- mixtures ----------------------------------------------------------- */

static int
count_char(const char *text, char wanted)
{
	int count = 0;

	for (; *text != '\0'; text++)
		count += *text == wanted;
	return count;
}

TEST(dataset_mixes_by_weight)
{
	Fixture fixture;

	if (set_up(&fixture))
	{
		const char *text;
		int a;

		add_file(&fixture, numbered(10, "a"))->weight = 3;
		add_file(&fixture, numbered(50, "b"))->weight = 1;
		fixture.options.passes = 0;
		text = read_all(&fixture, 400);
		/* 300 ± 8.7 of 400 batches, eight texts each */
		a = count_char(text, 'a') / 8;
		CHECK(a > 260 && a < 340);
		CHECK_INT(count_char(text, 'b') / 8, 400 - a);
		/* a batch is of one file */
		for (const char *p = text; (p = strchr(p, 'a')) != NULL; p++)
			CHECK(memchr(p, 'b', strcspn(p, "\n")) == NULL);
		fixture.options.unit = ANGLE_MIX_ROWS;
		text = read_all(&fixture, 400);
		a = count_char(text, 'a') / 2;
		/* 1200 ± 17 of 1600 rows */
		CHECK(a > 1110 && a < 1290);
	}
	tear_down(&fixture);
}

TEST(dataset_goes_round_robin)
{
	Fixture fixture;

	if (set_up(&fixture))
	{
		const char *text;

		add_file(&fixture, numbered(4, "a"));
		add_file(&fixture, numbered(12, "b"));
		add_file(&fixture, numbered(8, "c"));
		fixture.options.mixture = ANGLE_MIX_ROUND_ROBIN;
		text = read_all(&fixture, 99);
		for (const char *expected = "abcbcb"; *expected != '\0'; expected++)
		{
			CHECK_INT(text[0], *expected);
			text = strchr(text, '\n') + 1;
		}
		CHECK_STR(text, "\n");
	}
	tear_down(&fixture);
}

/* ---- states ------------------------------------------------------------- */

/* Stops after some batches, goes on in a dataset that is opened anew, and
 * compares with what comes without a stop. */
static void
check_resume(Fixture *fixture, int stop, const char *whole)
{
	static char text[65536];
	AngleDataset *resumed = NULL;
	AngleBytes state;

	text[0] = '\0';
	REQUIRE(open_dataset(fixture) == ANGLE_OK);
	for (int i = 0; i < stop; i++)
		append_batch(fixture->dataset, text, sizeof(text));
	REQUIRE(angle_dataset_save(fixture->dataset, fixture->arena, &state,
							   &err) == ANGLE_OK);
	REQUIRE(angle_dataset_open(&fixture->options, fixture->arena, &resumed,
							   &err) == ANGLE_OK);
	CHECK_INT(angle_dataset_restore(resumed, state, &err), ANGLE_OK);
	CHECK_INT(angle_dataset_batches(resumed),
			  angle_dataset_batches(fixture->dataset));
	for (int i = stop; i < 40; i++)
		append_batch(resumed, text, sizeof(text));
	angle_dataset_close(resumed);
	CHECK_STR(text, whole);
}

/* Files with repeated texts, so that rows wait, and with lists. */
static void
add_difficult_files(Fixture *fixture)
{
	char text[8192] = "";
	size_t used = 0;

	for (int i = 0; i < 23; i++)
		used +=
			(size_t) snprintf(text + used, sizeof(text) - used,
							  "{\"query\": \"q%d\", \"positive\": [\"x%d\", "
							  "\"y%d\", \"z%d\"]}\n",
							  i / 3, i, i, i % 2);
	add_file(fixture, text);
	add_file(fixture, numbered(17, "b"));
	fixture->options.buffer_rows = 5;
}

TEST(dataset_goes_on_from_a_state)
{
	Fixture fixture;

	if (set_up(&fixture))
	{
		static char whole[65536];

		add_difficult_files(&fixture);
		for (int variant = 0; variant < 4; variant++)
		{
			whole[0] = '\0';
			fixture.options.passes = variant < 2 ? 0 : 3;
			fixture.options.unit = variant % 2;
			fixture.options.mixture = variant / 2;
			REQUIRE(open_dataset(&fixture) == ANGLE_OK);
			for (int i = 0; i < 40; i++)
				append_batch(fixture.dataset, whole, sizeof(whole));
			for (int stop = 0; stop < 40; stop++)
				check_resume(&fixture, stop, whole);
		}
	}
	tear_down(&fixture);
}

TEST(dataset_refuses_a_foreign_or_damaged_state)
{
	Fixture fixture;

	if (set_up(&fixture))
	{
		AngleBytes state;
		uint8_t *damaged;

		add_difficult_files(&fixture);
		read_all(&fixture, 5);
		REQUIRE(angle_dataset_save(fixture.dataset, fixture.arena, &state,
								   &err) == ANGLE_OK);
		damaged = angle_arena_alloc(fixture.arena, state.size, 1);
		for (size_t i = 0; i < state.size; i += 7)
		{
			memcpy(damaged, state.data, state.size);
			damaged[i] ^= 1;
			REQUIRE(open_dataset(&fixture) == ANGLE_OK);
			CHECK_INT(angle_dataset_restore(fixture.dataset,
											(AngleBytes){damaged, state.size},
											&err),
					  ANGLE_CORRUPT);
		}
		fixture.options.seed++;
		REQUIRE(open_dataset(&fixture) == ANGLE_OK);
		CHECK_INT(angle_dataset_restore(fixture.dataset, state, &err),
				  ANGLE_INVALID_ARGUMENT);
		fixture.options.seed--;
		folder_text(&fixture.folder, "file1", numbered(17, "c"));
		REQUIRE(open_dataset(&fixture) == ANGLE_OK);
		CHECK_INT(angle_dataset_restore(fixture.dataset, state, &err),
				  ANGLE_INVALID_ARGUMENT);
	}
	tear_down(&fixture);
}

TEST(dataset_notices_a_file_that_changes)
{
	Fixture fixture;

	if (set_up(&fixture))
	{
		add_file(&fixture, numbered(8, ""));
		fixture.options.passes = 0;
		REQUIRE(open_dataset(&fixture) == ANGLE_OK);
		folder_text(&fixture.folder, "file0", numbered(9, ""));
		for (int i = 0; i < 5; i++)
		{
			AngleDatasetBatch batch;
			AngleStatus status =
				angle_dataset_next(fixture.dataset, &batch, &err);

			if (status != ANGLE_OK)
				break;
			err.message[0] = '\0';
		}
		CHECK(strstr(err.message, "has changed: it had 8 rows") != NULL);
	}
	tear_down(&fixture);
}
