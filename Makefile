# The PostgreSQL extension. What needs no PostgreSQL is built by core.mk, whose
# library is linked into the module.
#
#   make [PG_CONFIG=…]     the module and the command line tool
#   make install           both, and the model that ships
#   ./test/run             every test

MODULE_big = angle
EXTENSION = angle
EXTVERSION = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" angle.control)

OBJS = \
	src/pg/bridge.o \
	src/pg/init.o

INSTALL_SQL = $(sort $(wildcard extension/install/*.sql))
DATA = $(wildcard extension/angle--*--*.sql)
DATA_built = build/angle--$(EXTVERSION).sql
MODELS = $(wildcard models/*/*.angle)

REGRESS = $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))
TAP_TESTS = 1
PROVE_TESTS = test/t/*.pl

CORE_LIB = build/release/libanglecore.a
WERROR ?= -Werror
PG_CPPFLAGS = -Isrc '-DPGDLLEXPORT=__attribute__((visibility("default")))' \
	-DANGLE_VERSION='"$(EXTVERSION)"'
PG_CFLAGS = -fvisibility=hidden -Wextra -Wno-unused-parameter \
	-Wno-sign-compare -Wno-missing-field-initializers \
	-Wno-declaration-after-statement $(WERROR)
SHLIB_LINK = $(CORE_LIB) -Wl,--exclude-libs,ALL $(shell $(MAKE) -s -f core.mk print-libs)
EXTRA_CLEAN = build

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
# No bitcode: its inliner has no use for functions that call a static library.
override with_llvm = no
include $(PGXS)

all: build/release/angle
angle.so: $(CORE_LIB)
$(OBJS): $(wildcard src/pg/*.h src/pg/*/*.h src/core/*/*.h)

.PHONY: core-build
core-build:
	$(MAKE) -f core.mk core tool
$(CORE_LIB) build/release/angle: core-build ;

$(DATA_built): $(INSTALL_SQL)
	@mkdir -p $(@D)
	cat $^ > $@

install: install-models
.PHONY: install-models
install-models:
	$(MKDIR_P) '$(DESTDIR)$(datadir)/angle' '$(DESTDIR)$(bindir)'
	$(if $(MODELS),$(INSTALL_DATA) $(MODELS) '$(DESTDIR)$(datadir)/angle')
	$(INSTALL_PROGRAM) build/release/angle '$(DESTDIR)$(bindir)/angle'
