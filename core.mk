# Everything that needs no PostgreSQL: the core library, the command line tool,
# the unit tests and the fuzz targets. The extension's Makefile builds its
# library through this file, so that there is one list of core sources.
#
#   make -f core.mk                                  release build
#   make -f core.mk SAN=address,undefined unit       sanitizer build of the tests
#   make -f core.mk bench                            drivers of bench/
#   make -f core.mk CC=clang-14 BUILD=build/clang    another compiler
#   make -f core.mk CROSS=aarch64-linux-gnu- …       another architecture
#
# BUILD is where a variant's outputs go; one folder per variant. COPT are options of
# whoever builds packages, for compiling and linking, as in PostgreSQL's makefiles.

CORE_SRCS = \
	ann/assign.c \
	ann/balance.c \
	ann/centers.c \
	ann/dispatch.c \
	ann/heap.c \
	ann/kmeans.c \
	ann/lloyd.c \
	ann/order.c \
	ann/queries.c \
	ann/regroup.c \
	ann/rough.c \
	ann/rounded.c \
	ann/split.c \
	base/arena.c \
	base/cpu.c \
	base/executor.c \
	base/file.c \
	base/json.c \
	base/rng.c \
	base/status.c \
	base/utf8_check.c \
	base/vector_sums.c \
	distance/dispatch.c \
	distance/distance.c \
	encoder/bert.c \
	encoder/bert_source.c \
	encoder/calibration.c \
	encoder/embedder.c \
	encoder/hub_tokenizer.c \
	encoder/linear.c \
	encoder/model.c \
	encoder/pack.c \
	encoder/pack_plan.c \
	encoder/pooling.c \
	encoder/prompt.c \
	model/checkpoint.c \
	model/checksum.c \
	model/config.c \
	model/fields.c \
	model/hub.c \
	model/hub_config.c \
	model/hub_modules.c \
	model/hub_pooling.c \
	model/hub_prompts.c \
	model/known_models.c \
	model/packed.c \
	model/packed_writer.c \
	model/safetensors.c \
	model/tensor.c \
	quant/bfloat.c \
	quant/dispatch.c \
	quant/fastscan.c \
	quant/rabitq.c \
	quant/rerank.c \
	quant/rotation.c \
	quant/space.c \
	tensor/dispatch.c \
	tensor/panel.c \
	tensor/qgemm_baseline.c \
	text/added_stream.c \
	text/added_tokens.c \
	text/chunk.c \
	text/image.c \
	text/normalize.c \
	text/segment.c \
	text/sentence.c \
	text/spec_json.c \
	text/spec_write.c \
	text/token_list.c \
	text/tokenizer.c \
	text/tokenizer_json.c \
	text/unicode.c \
	text/unicode_ranges.c \
	text/vocab_txt.c \
	text/wordpiece.c \
	vector/elements.c \
	vector/format.c \
	vector/parse.c

# Written once in vector extensions or plain loops, compiled once for each
# instruction set with the suffix of its kernels in ANGLE_ISA.
CORE_ISA_SRCS = \
	ann/counts.c \
	ann/point_kernels.c \
	distance/sums.c \
	quant/dots.c \
	quant/scan.c \
	quant/transform.c \
	tensor/attention.c \
	tensor/gemm.c \
	tensor/rows.c

# Written for one instruction set with its intrinsics: name_ISA.c.
CORE_X86_SRCS = \
	tensor/attention_amx.c \
	tensor/qgemm_amx.c \
	tensor/qgemm_avx2.c \
	tensor/qgemm_avx512_vnni.c

CORE_ARM_SRCS = \
	tensor/qgemm_neon.c \
	tensor/qgemm_neon_dotprod.c

# Training: a library of its own, of the same rules, for the tool alone.
TRAIN_SRCS = \
	train/backward_dispatch.c \
	train/bert_backward.c \
	train/compression.c \
	train/engine.c \
	train/losses.c \
	train/objective.c \
	train/optimizer.c \
	train/pooling_backward.c \
	train/trainable.c

TRAIN_ISA_SRCS = \
	train/attention_backward.c \
	train/outer.c \
	train/rows_backward.c

# What the tests hold against central differences: the same sources for doubles.
TRAIN_DOUBLE_SRCS = $(TRAIN_ISA_SRCS) train/pooling_backward.c

TOOL_SRCS = \
	convert.c \
	correlation.c \
	database.c \
	dataset.c \
	dataset_arguments.c \
	dataset_state.c \
	embed.c \
	eval.c \
	eval_encoder.c \
	eval_pairs.c \
	eval_report.c \
	eval_retrieval.c \
	export.c \
	float_text.c \
	input_file.c \
	inspect.c \
	interrupt.c \
	line_reader.c \
	main.c \
	merge.c \
	merging.c \
	mine.c \
	mining.c \
	mining_rows.c \
	mining_search.c \
	model_encoder.c \
	model_source.c \
	model_weights.c \
	nearest.c \
	output.c \
	packing.c \
	pickle.c \
	pickle_stack.c \
	pickle_tensor.c \
	processors.c \
	progress.c \
	push.c \
	retrieval_set.c \
	row_parts.c \
	row_reader.c \
	row_stream.c \
	table.c \
	text_index.c \
	torch_file.c \
	train.c \
	train_card.c \
	train_export.c \
	train_log.c \
	train_run.c \
	train_sets.c \
	train_state.c \
	trainee.c \
	upload.c \
	vector_writer.c
TOOL_LIBS = -llzma -lzip -lzstd

# What push needs beside: the tool alone has it. libpq brings libcrypto along
# where it speaks TLS; its SHA-256 uses the processor's instructions.
CLIENT_SRCS = database.c push.c upload.c
CLIENT_LIBS = -L$(shell $(PG_CONFIG) --libdir) -lpq -lcrypto

# Of the tool, what unit tests reach.
UNIT_TOOL_LIBS = -llzma -lzstd
UNIT_TOOL_SRCS = \
	correlation.c \
	dataset.c \
	dataset_state.c \
	eval_encoder.c \
	float_text.c \
	input_file.c \
	line_reader.c \
	nearest.c \
	pickle.c \
	pickle_stack.c \
	pickle_tensor.c \
	row_parts.c \
	row_reader.c \
	row_stream.c \
	table.c \
	text_index.c \
	vector_writer.c

UNIT_SRCS = \
	folder.c \
	golden.c \
	gradient.c \
	main.c \
	points.c \
	test_backward.c \
	test_backward_float.c \
	test_balance.c \
	test_base.c \
	test_chunk.c \
	test_compression.c \
	test_config.c \
	test_dataset.c \
	test_distance.c \
	test_encoder_golden.c \
	test_encoder_minilm.c \
	test_fastscan.c \
	test_heap.c \
	test_hub.c \
	test_hub_pooling.c \
	test_input_file.c \
	test_kmeans.c \
	test_linear.c \
	test_losses.c \
	test_objective.c \
	test_order.c \
	test_packed.c \
	test_pickle.c \
	test_point_kernels.c \
	test_queries.c \
	test_quant.c \
	test_ranking.c \
	test_regroup.c \
	test_rerank.c \
	test_rough.c \
	test_safetensors.c \
	test_segment.c \
	test_tensor.c \
	test_tokenizer.c \
	test_tokenizer_golden.c \
	test_training.c \
	test_vector_parse.c \
	test_vector_writer.c \
	tokenizer_fixture.c

FUZZ_TARGETS = \
	chunk \
	config \
	dataset \
	hub_config \
	model \
	packed \
	pickle \
	retrieval \
	safetensors \
	tokenizer_image \
	tokenizer_json \
	tokenizer_text \
	torch_file \
	vector

BENCH_TARGETS = ann-recall distance embed-latency quant sql-latency

# ---- toolchain ------------------------------------------------------------

ifdef CROSS
CC = $(CROSS)gcc
AR = $(CROSS)ar
endif
SAN ?=
BUILD ?= build/$(if $(SAN),san,release)
# Empty WERROR to build with a compiler that warns of more.
WERROR ?= -Werror

PG_CONFIG ?= pg_config

ARCH := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))
WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wvla $(WERROR) \
	$(if $(findstring clang,$(CC)),,-Wno-format-truncation)
OPTIMIZE = $(if $(SAN),-O1 -g -fno-omit-frame-pointer,-O2 -g)
CORE_CFLAGS = -std=gnu11 $(OPTIMIZE) $(WARNINGS) -fPIC -fvisibility=hidden \
	-ffp-contract=off $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all)
CORE_CPPFLAGS = -Isrc -MMD -MP -D_GNU_SOURCE $(SYSROOT_CPPFLAGS)

# Of the extension and of the tool.
VERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" angle.control)

CORE_LIBS = $(SYSROOT_LIBS) -ljansson -lutf8proc -lxxhash -lm -lpthread

# Kernels may be contracted to fused multiply-adds; nothing else may. Not under
# sanitizers: their checks keep clang from fusing every tile of a product alike.
KERNEL_CFLAGS = -O3 -ffp-contract=$(if $(SAN),off,fast)
ISA_CFLAGS_baseline =
ISA_CFLAGS_avx2 = -mavx2 -mfma
ISA_CFLAGS_avx512 = $(ISA_CFLAGS_avx2) -mavx512f -mavx512bw -mavx512dq \
	-mavx512vl -mprefer-vector-width=512
ISA_CFLAGS_avx512_vnni = $(ISA_CFLAGS_avx512) -mavx512vnni
ISA_CFLAGS_amx = $(ISA_CFLAGS_avx512) -mamx-tile -mamx-int8 -mamx-bf16 \
	-mavx512bf16
ISA_CFLAGS_neon =
ISA_CFLAGS_neon_dotprod = -march=armv8.2-a+dotprod

ifeq ($(ARCH),x86_64)
ISAS = baseline avx2 avx512
ARCH_SRCS = $(CORE_X86_SRCS)
else ifeq ($(ARCH),aarch64)
ISAS = baseline
ARCH_SRCS = $(CORE_ARM_SRCS)
else
ISAS = baseline
ARCH_SRCS =
endif

# ---- objects --------------------------------------------------------------

CORE_OBJS = $(CORE_SRCS:%.c=$(BUILD)/core/%.o) \
	$(ARCH_SRCS:%.c=$(BUILD)/core/%.o) \
	$(foreach isa,$(ISAS),$(CORE_ISA_SRCS:%.c=$(BUILD)/core/%.$(isa).o))
TRAIN_OBJS = $(TRAIN_SRCS:%.c=$(BUILD)/core/%.o) \
	$(foreach isa,$(ISAS),$(TRAIN_ISA_SRCS:%.c=$(BUILD)/core/%.$(isa).o))
DOUBLE_OBJS = $(TRAIN_DOUBLE_SRCS:%.c=$(BUILD)/core/%.double.o)
TOOL_OBJS = $(TOOL_SRCS:%.c=$(BUILD)/trainer/%.o)
UNIT_OBJS = $(UNIT_SRCS:%.c=$(BUILD)/unit/%.o)
FUZZ_OBJS = $(FUZZ_TARGETS:%=$(BUILD)/fuzz/fuzz_%.o)
BENCH_OBJS = $(BUILD)/bench/ann_recall.o $(BUILD)/bench/distance.o \
	$(BUILD)/bench/driver.o $(BUILD)/bench/embed_latency.o \
	$(BUILD)/bench/quant.o $(BUILD)/bench/sql_latency.o
CORE_LIB = $(BUILD)/libanglecore.a
TRAIN_LIB = $(BUILD)/libangletrain.a
# For the fuzz targets: the tool without its main() and without libpq.
TOOL_LIB = $(BUILD)/libangletool.a
CLIENT_OBJS = $(CLIENT_SRCS:%.c=$(BUILD)/trainer/%.o)
TOOL_LIB_OBJS = $(filter-out %/main.o $(CLIENT_OBJS),$(TOOL_OBJS))
UNIT_TOOL_OBJS = $(UNIT_TOOL_SRCS:%.c=$(BUILD)/trainer/%.o)

.PHONY: core train tool unit fuzz bench
core: $(CORE_LIB)
train: $(TRAIN_LIB)
tool: $(if $(TOOL_SRCS),$(BUILD)/angle)
unit: $(BUILD)/unit-tests
fuzz: $(FUZZ_TARGETS:%=$(BUILD)/fuzz-%)
bench: $(BENCH_TARGETS:%=$(BUILD)/bench/%)

$(CORE_LIB): $(CORE_OBJS) core.mk
	@echo "  AR $@"
	@rm -f $@ && $(AR) rcs $@ $(CORE_OBJS)

$(TRAIN_LIB): $(TRAIN_OBJS) core.mk
	@echo "  AR $@"
	@rm -f $@ && $(AR) rcs $@ $(TRAIN_OBJS)

$(TOOL_LIB): $(TOOL_LIB_OBJS) core.mk
	@echo "  AR $@"
	@rm -f $@ && $(AR) rcs $@ $(TOOL_LIB_OBJS)

$(BUILD)/angle: $(TOOL_OBJS) $(TRAIN_LIB) $(CORE_LIB)
	@echo "  LD $@"
	@$(CC) $(CORE_CFLAGS) $(COPT) $(LDFLAGS) -o $@ $(TOOL_OBJS) $(TRAIN_LIB) $(CORE_LIB) $(CORE_LIBS) $(TOOL_LIBS) $(CLIENT_LIBS)

$(BUILD)/unit-tests: $(UNIT_OBJS) $(UNIT_TOOL_OBJS) $(DOUBLE_OBJS) $(TRAIN_LIB) \
	$(CORE_LIB)
	@echo "  LD $@"
	@$(CC) $(CORE_CFLAGS) $(COPT) $(LDFLAGS) -o $@ $^ $(CORE_LIBS) $(UNIT_TOOL_LIBS)

# Fuzz targets need clang: make -f core.mk CC=clang-14 SAN=address,undefined,fuzzer-no-link
$(BUILD)/fuzz-%: $(BUILD)/fuzz/fuzz_%.o $(TOOL_LIB) $(TRAIN_LIB) $(CORE_LIB)
	@echo "  LD $@"
	@$(CC) $(CORE_CFLAGS) -fsanitize=fuzzer $(COPT) $(LDFLAGS) -o $@ $^ $(CORE_LIBS) $(TOOL_LIBS)

$(BUILD)/bench/distance: $(BUILD)/bench/distance.o $(CORE_LIB)
	@echo "  LD $@"
	@$(CC) $(CORE_CFLAGS) $(COPT) $(LDFLAGS) -o $@ $^ $(CORE_LIBS)
# For its plain loops, the opponents.
$(BUILD)/bench/distance.o: CORE_CFLAGS += -ftree-vectorize -fassociative-math \
	-fno-signed-zeros -fno-trapping-math -ffp-contract=fast \
	$(if $(filter x86_64,$(ARCH)),-mfma)

$(BUILD)/bench/quant: $(BUILD)/bench/quant.o $(CORE_LIB)
	@echo "  LD $@"
	@$(CC) $(CORE_CFLAGS) $(LDFLAGS) -o $@ $^ $(CORE_LIBS)
$(BUILD)/bench/ann-recall: $(BUILD)/bench/ann_recall.o $(CORE_LIB)
	@echo "  LD $@"
	@$(CC) $(CORE_CFLAGS) $(LDFLAGS) -o $@ $^ $(CORE_LIBS)

# The drivers of bench/embed.
$(BUILD)/bench/embed-latency: $(BUILD)/bench/embed_latency.o \
	$(BUILD)/bench/driver.o $(CORE_LIB)
	@echo "  LD $@"
	@$(CC) $(CORE_CFLAGS) $(COPT) $(LDFLAGS) -o $@ $^ $(CORE_LIBS)
$(BUILD)/bench/sql-latency: $(BUILD)/bench/sql_latency.o \
	$(BUILD)/bench/driver.o
	@echo "  LD $@"
	@$(CC) $(CORE_CFLAGS) $(COPT) $(LDFLAGS) -o $@ $^ -lpq
$(BUILD)/bench/sql_latency.o: CORE_CPPFLAGS += -isystem $(shell $(PG_CONFIG) --includedir)

compile = @mkdir -p $(@D) && echo "  CC $@" && \
	$(CC) $(CORE_CPPFLAGS) $(CPPFLAGS) $(CORE_CFLAGS) $(CFLAGS) $(COPT) $(1) -c -o $@ $<

define isa_rules
$$(BUILD)/core/%.$(1).o: src/core/%.c
	$$(call compile,$$(KERNEL_CFLAGS) $$(ISA_CFLAGS_$(1)) -DANGLE_ISA=$(1))
$$(BUILD)/core/%_$(1).o: src/core/%_$(1).c
	$$(call compile,$$(KERNEL_CFLAGS) $$(ISA_CFLAGS_$(1)))
endef
$(foreach isa,baseline avx2 avx512 avx512_vnni amx neon neon_dotprod,$(eval $(call isa_rules,$(isa))))

$(BUILD)/core/%.double.o: src/core/%.c
	$(call compile,-DANGLE_ISA=double -DANGLE_DOUBLE)
$(BUILD)/unit/test_backward.o: CORE_CPPFLAGS += -DANGLE_DOUBLE

# Loops over vectors without sums of floats, which need no more than this.
$(BUILD)/core/vector/elements.o $(BUILD)/core/quant/bfloat.o: $(BUILD)/core/%.o: src/core/%.c
	$(call compile,-O3)
$(BUILD)/core/%.o: src/core/%.c
	$(call compile)
$(BUILD)/trainer/main.o: CORE_CPPFLAGS += -DANGLE_VERSION='"$(VERSION)"'
$(CLIENT_OBJS): CORE_CPPFLAGS += -isystem $(shell $(PG_CONFIG) --includedir)
$(BUILD)/trainer/%.o: src/trainer/%.c
	$(call compile)
$(BUILD)/unit/%.o: test/unit/%.c
	$(call compile)
$(BUILD)/fuzz/%.o: test/fuzz/%.c
	$(call compile)
$(BUILD)/bench/%.o: bench/%.c
	$(call compile)

# Changes when the compiler or its flags change, and every object with it. Expanded here,
# so that the options of the object that is made first are not among them.
$(CORE_OBJS) $(TRAIN_OBJS) $(DOUBLE_OBJS) $(TOOL_OBJS) $(UNIT_OBJS) $(FUZZ_OBJS) \
	$(BENCH_OBJS): $(BUILD)/flags
FLAGS := $(CC) $(CORE_CPPFLAGS) $(CPPFLAGS) $(CORE_CFLAGS) $(CFLAGS) $(COPT)
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(FLAGS)' | cmp -s - $@ || echo '$(FLAGS)' > $@
.PHONY: FORCE

-include $(CORE_OBJS:.o=.d) $(TRAIN_OBJS:.o=.d) $(DOUBLE_OBJS:.o=.d) $(TOOL_OBJS:.o=.d) $(UNIT_OBJS:.o=.d) $(FUZZ_OBJS:.o=.d) \
	$(BENCH_OBJS:.o=.d)

# For the extension's Makefile: what a program that links the library needs.
.PHONY: print-libs print-objects
print-libs:
	@echo '$(CORE_LIBS)'
# For test/lint/symbols.
print-objects:
	@printf '%s\n' $(CORE_OBJS) $(TRAIN_OBJS)
