/* Paragraphs, sentences, lines and words. */
#include "test.h"
#include "core/text/segment.h"

/* The units of text, each in brackets. */
static const char *
show(AngleUnit unit, const char *text)
{
	static char out[1024];
	AngleSegmenter segmenter;
	AngleRange range;
	size_t used = 0;

	out[0] = '\0';
	angle_segmenter_init(&segmenter, angle_bytes_of(text),
						 (AngleRange){0, strlen(text)}, unit, NULL);
	while (angle_segmenter_next(&segmenter, &range))
		used += (size_t) snprintf(out + used, sizeof(out) - used, "[%.*s]",
								  (int) (range.stop - range.start),
								  text + range.start);
	return out;
}

static void
check(AngleUnit unit, const char *text, const char *expected)
{
	const char *actual = show(unit, text);

	if (strcmp(actual, expected) != 0)
		test_fail(__FILE__, __LINE__, "\"%s\" gives %s, not %s", text, actual,
				  expected);
}

TEST(paragraphs_end_at_empty_lines)
{
	check(ANGLE_UNIT_PARAGRAPH, "", "");
	check(ANGLE_UNIT_PARAGRAPH, " \n\n \t", "");
	check(ANGLE_UNIT_PARAGRAPH, "a b\nc\n\nd\n", "[a b\nc][d]");
	check(ANGLE_UNIT_PARAGRAPH, "a\r\nb\r\n\r\nc", "[a\r\nb][c]");
	check(ANGLE_UNIT_PARAGRAPH, "a\n \t\nb\rc\r\rd", "[a][b\rc][d]");
	check(ANGLE_UNIT_PARAGRAPH, "a\fb\u2029c\u2028d", "[a][b][c\u2028d]");
}

TEST(lines_and_words)
{
	check(ANGLE_UNIT_LINE, " a b \n c\r\nd\ve", "[a b][c][d][e]");
	check(ANGLE_UNIT_WORD, "don't  stop\u3000now\n", "[don't][stop][now]");
}

TEST(words_are_cut_at_ideographs_not_inside_brackets)
{
	check(ANGLE_UNIT_WORD, "中文abc文", "[中][文][abc][文]");
	check(ANGLE_UNIT_WORD, "「中」，文。", "[「中」，][文。]");
	check(ANGLE_UNIT_WORD, "ひらがな", "[ひらがな]");
}

TEST(sentences_end_at_terminators_before_space)
{
	check(ANGLE_UNIT_SENTENCE, "One. Two! Three? Four",
		  "[One.][Two!][Three?][Four]");
	check(ANGLE_UNIT_SENTENCE, "Wait... Who?! Me.", "[Wait...][Who?!][Me.]");
	check(ANGLE_UNIT_SENTENCE, "It is 3.14 at a.b/c?d=e!go. Yes.",
		  "[It is 3.14 at a.b/c?d=e!go.][Yes.]");
	check(ANGLE_UNIT_SENTENCE, "यह है। वह है।", "[यह है।][वह है।]");
}

TEST(sentences_take_their_closing_marks)
{
	check(ANGLE_UNIT_SENTENCE, "He said “No.” Then (as ever.) Left.",
		  "[He said “No.”][Then (as ever.)][Left.]");
	check(ANGLE_UNIT_SENTENCE, "„Nein.“ Er ging.", "[„Nein.“][Er ging.]");
	check(ANGLE_UNIT_SENTENCE, "\"Why?\" she said. \"No!\" He left.",
		  "[\"Why?\" she said.][\"No!\"][He left.]");
}

TEST(wide_terminators_need_no_space)
{
	check(ANGLE_UNIT_SENTENCE, "你好。「再见！」吗？好",
		  "[你好。][「再见！」][吗？][好]");
}

TEST(sentences_go_on_after_abbreviations)
{
	check(ANGLE_UNIT_SENTENCE, "Dr. Who met J. R. Smith, e.g. Monday. End.",
		  "[Dr. Who met J. R. Smith, e.g. Monday.][End.]");
	check(ANGLE_UNIT_SENTENCE, "See Fig. 2 and No. 5 (cf. Kant). No. Never.",
		  "[See Fig. 2 and No. 5 (cf. Kant).][No.][Never.]");
	check(ANGLE_UNIT_SENTENCE, "Smith et al. (2019) did. Ok.",
		  "[Smith et al. (2019) did.][Ok.]");
	check(ANGLE_UNIT_SENTENCE, "Cats, dogs etc. are pets. É. Zola wrote.",
		  "[Cats, dogs etc. are pets.][É. Zola wrote.]");
}

TEST(sentences_go_on_after_numbers_and_before_commas)
{
	check(ANGLE_UNIT_SENTENCE, "1. Introduction. In 2019. The end.",
		  "[1. Introduction.][In 2019.][The end.]");
	check(ANGLE_UNIT_SENTENCE, "The U.N. , it is said, is. Ok.",
		  "[The U.N. , it is said, is.][Ok.]");
	check(ANGLE_UNIT_SENTENCE, "First point.\n- Second point.",
		  "[First point.][- Second point.]");
	check(ANGLE_UNIT_SENTENCE, "wrapped\nline. Next", "[wrapped\nline.][Next]");
}

static bool
always(void *context)
{
	(void) context;
	return true;
}

TEST(segmenter_asks_whether_to_stop)
{
	static char text[200000];
	const AngleCancel cancel = {always, NULL};
	AngleSegmenter segmenter;
	AngleRange range;

	memset(text, 'x', sizeof(text));
	angle_segmenter_init(
		&segmenter, (AngleBytes){(const uint8_t *) text, sizeof(text)},
		(AngleRange){0, sizeof(text)}, ANGLE_UNIT_PARAGRAPH, &cancel);
	CHECK(!angle_segmenter_next(&segmenter, &range));
	CHECK(segmenter.cancelled);
}
