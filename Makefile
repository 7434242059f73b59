# The PostgreSQL extension. What needs no PostgreSQL is built by core.mk, whose
# library is linked into the module.
#
#   make [PG_CONFIG=…]     the module and the command line tool
#   make install           both, and the model that ships
#   make ASSERT=1 …        with PostgreSQL's assertions, in any server
#   ./test/run             every test

MODULE_big = angle
EXTENSION = angle
EXTVERSION = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" angle.control)

PG_SRCS = \
	am/build/build.c \
	am/build/leaf_file.c \
	am/build/parallel.c \
	am/build/partition.c \
	am/build/rebuild.c \
	am/build/scan.c \
	am/build/settle.c \
	am/build/small_lists.c \
	am/build/sort.c \
	am/build/tree_writer.c \
	am/build/write.c \
	am/cost.c \
	am/handler.c \
	am/inspect.c \
	am/recall.c \
	am/scan/calibrate.c \
	am/scan/candidates.c \
	am/scan/choice.c \
	am/scan/directory.c \
	am/scan/group.c \
	am/scan/leaves.c \
	am/scan/neighbours.c \
	am/scan/limit.c \
	am/scan/query.c \
	am/scan/route.c \
	am/scan/row_distance.c \
	am/scan/rows.c \
	am/scan/scan.c \
	am/scan/visits.c \
	am/scan/wanted.c \
	am/store/body.c \
	am/store/entries.c \
	am/store/index.c \
	am/store/keys.c \
	am/store/node.c \
	am/store/node_segment.c \
	am/store/page.c \
	am/store/pick.c \
	am/store/reach.c \
	am/store/row_set.c \
	am/store/stop.c \
	am/tree/clusters.c \
	am/tree/descend.c \
	am/tree/insert.c \
	am/tree/leaf_pass.c \
	am/tree/merge.c \
	am/tree/move_second.c \
	am/tree/near_leaves.c \
	am/tree/pair.c \
	am/tree/redistribute.c \
	am/tree/replace.c \
	am/tree/second.c \
	am/tree/siblings.c \
	am/tree/split.c \
	am/tree/wishes.c \
	am/unread.c \
	am/vacuum.c \
	bridge.c \
	embed/chunks.c \
	embed/columns.c \
	embed/content.c \
	embed/embed.c \
	embed/embed_call.c \
	embed/embed_memo.c \
	embed/embed_table.c \
	embed/embed_trigger.c \
	embed/similarity.c \
	embed/system_info.c \
	embed/table_progress.c \
	embed/table_rows.c \
	embed/tokens.c \
	embed/workspace.c \
	init.c \
	model/catalog.c \
	model/change.c \
	model/drop.c \
	model/image_file.c \
	model/image_path.c \
	model/image_removal.c \
	model/load.c \
	model/load_progress.c \
	model/model_directory.c \
	model/model_files.c \
	model/privilege.c \
	model/push.c \
	model/registry.c \
	model/store.c \
	model/uses.c \
	settings.c \
	type/distance_cost.c \
	type/toast_chunks.c \
	type/toast_reader.c \
	type/toast_value.c \
	type/vector.c \
	type/vector_aggregate.c \
	type/vector_cast.c \
	type/vector_distance.c \
	type/vector_io.c \
	type/vector_math.c \
	type/vector_order.c \
	type/vector_toast.c
OBJS = $(PG_SRCS:%.c=$(BUILD)/pg/%.o)

# The install script is joined from its pieces. So is the update script, from what
# changes in objects that were there and the pieces that are new: one text for both.
INSTALL_SQL = $(sort $(wildcard extension/install/*.sql))
NEW_SQL = 35-pgvector.sql 40-index.sql 45-distance-cost.sql 55-models.sql 60-chunks.sql 65-schema.sql
UPDATE_SQL = extension/update/0.1--0.2.sql $(NEW_SQL:%=extension/install/%)
DATA_built = build/angle--$(EXTVERSION).sql build/angle--0.1--0.2.sql
MODELS = $(wildcard models/*/*.angle)

REGRESS = $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))
ENCODING = UTF8
TAP_TESTS = 1
PROVE_TESTS ?= test/t/*.pl

BUILD ?= build/release
WERROR ?= -Werror
CORE_LIB = $(BUILD)/libanglecore.a
TOOL = $(BUILD)/angle
CORE_LIBS := $(shell MAKEFLAGS= $(MAKE) -s -f core.mk print-libs)
PG_CPPFLAGS = -Isrc -MMD -MP -DANGLE_VERSION='"$(EXTVERSION)"' \
	'-DPGDLLEXPORT=__attribute__((visibility("default")))' \
	$(if $(ASSERT),-DUSE_ASSERT_CHECKING=1)
PG_CFLAGS = -fvisibility=hidden -Wextra -Wno-unused-parameter \
	-Wno-sign-compare -Wno-missing-field-initializers \
	-Wno-declaration-after-statement $(WERROR) \
	$(if $(findstring clang,$(CC)),-Wno-unknown-warning-option \
	-Wno-ignored-optimization-argument -Wno-ignored-attributes)
SHLIB_LINK = $(CORE_LIB) -Wl,--exclude-libs,ALL $(CORE_LIBS)
EXTRA_CLEAN = build

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
# Interleavings of sessions, where PostgreSQL came with the program for them.
ISOLATION_TESTER = $(wildcard $(dir $(PGXS))../test/isolation/isolationtester)
ISOLATION := $(if $(ISOLATION_TESTER),$(patsubst test/isolation/specs/%.spec,%,\
	$(sort $(wildcard test/isolation/specs/*.spec))))
ISOLATION_OPTS = --inputdir=test/isolation
# No bitcode: its inliner has no use for functions that call a static library.
override with_llvm = no
include $(PGXS)
# Should they be in the environment: what PGXS has made of them is not for core.mk.
unexport CFLAGS CPPFLAGS LDFLAGS

all: $(TOOL)
angle.so: $(CORE_LIB) $(BUILD)/pg/compiler

$(OBJS): $(BUILD)/pg/%.o: src/pg/%.c $(BUILD)/pg/compiler
	@mkdir -p $(@D) && echo "  CC $@"
	@$(CC) $(CFLAGS) $(CPPFLAGS) -c -o $@ $<
-include $(OBJS:.o=.d)

# Changes when the compiler or a version changes, and everything with it.
PG_BUILD = $(CC), PostgreSQL $(VERSION), angle $(EXTVERSION)$(ASSERT:%= with assertions)
$(BUILD)/pg/compiler: FORCE
	@mkdir -p $(@D)
	@echo '$(PG_BUILD)' | cmp -s - $@ || echo '$(PG_BUILD)' > $@

# Only compiles: for a second compiler, whose module nobody needs.
.PHONY: objects
objects: $(OBJS) core-build

.PHONY: FORCE core-build
core-build:
	$(MAKE) -f core.mk BUILD=$(BUILD) core tool
$(CORE_LIB) $(TOOL): core-build ;

build/angle--$(EXTVERSION).sql: $(INSTALL_SQL)
build/angle--0.1--0.2.sql: $(UPDATE_SQL) Makefile
$(DATA_built):
	@mkdir -p $(@D)
	@cat $(filter %.sql,$^) > $@

install: install-models
.PHONY: install-models
install-models: all
	$(MKDIR_P) '$(DESTDIR)$(datadir)/angle' '$(DESTDIR)$(bindir)'
	$(if $(MODELS),$(INSTALL_DATA) $(MODELS) '$(DESTDIR)$(datadir)/angle')
	$(INSTALL_PROGRAM) $(TOOL) '$(DESTDIR)$(bindir)/angle'

uninstall: uninstall-models
.PHONY: uninstall-models
uninstall-models:
	rm -f $(addprefix '$(DESTDIR)$(datadir)/angle/',$(notdir $(MODELS))) \
		'$(DESTDIR)$(bindir)/angle'
	-rmdir '$(DESTDIR)$(datadir)/angle'
