# Trefoil.
#
#   make              build/trefoil and build/cloudsim (also: all)
#   make check        builds and runs every test that needs no other registry; T=azure runs those whose path matches
#   make check SAN=address,undefined      the same with sanitizers (thread, ...); each set has a build folder of its own
#   make check-unit   the same without tests/e2e; check-threads: what runs several threads of ours, under SAN=thread
#   make check-long   200 kills, more seeds, what takes long, and a soak of SOAK_S seconds: three hours
#   make demo         cloudsim and Trefoil on loopback, and what to open
#   make conformance  the clouds' official SDKs against cloudsim (npm registry)
#   make fuzz         every fuzz target for FUZZ_S seconds from FUZZ_SEED on (clang; seed 0 is another one each time);
#                     T=journal one of them
#   make lint         formatting, clang-tidy, cppcheck, the direction of includes
#   make bench        ratios against a limit measured in the same run
#   make format install clean help; programs: builds everything, runs nothing
#
# CC=clang CXX=clang++ builds with clang, V=1 shows the commands. Missing Debian packages are installed first.

SAN    ?=
T      ?=
PREFIX ?= /usr/local
FUZZ_S ?= 30
FUZZ_SEED ?= 1
SOAK_S ?= 3600
comma  := ,
NAME   := $(or $(subst $(comma),-,$(SAN)),plain)$(if $(filter clang%,$(CC)),-clang)
B      := build/$(NAME)
GEN    := build/gen

CFLAGS   ?= -O2 -g
CXXFLAGS ?= -O2 -g
VERSION  := 0.1.0
REVISION := $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wwrite-strings -Wvla -Werror
BASE := -I. -I$(GEN) -MMD -MP -pthread -fno-omit-frame-pointer $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all)
ALL  := -std=c17 -D_GNU_SOURCE $(BASE) $(CFLAGS)
# vptr checks need clang's C++ runtime, but C links the programs.
ALLX := -std=c++17 $(BASE) $(CXXFLAGS) $(if $(SAN),-fno-sanitize=vptr)
LIBS := -lmicrohttpd -lprotobuf-c -lcurl -lzstd -lz -lsimdjson -lssl -lcrypto -lyaml -lxxhash -lcrypt -lm -lstdc++ -pthread

Q := $(if $(V),,@)
# The paths of $(1) that hold T.
matching = $(if $(T),$(foreach path,$(1),$(if $(findstring $(T),$(path)),$(path))),$(1))

PROTO := $(wildcard proto/*.proto)
PB_C  := $(PROTO:proto/%.proto=$(GEN)/%.pb-c.c)
PB_H  := $(PB_C:.c=.h)

LIB_SRC := $(filter-out collector/main.c,$(shell find collector exporters -name '*.c' -o -name '*.cc' | sort))
LIB_OBJ := $(patsubst %,$(B)/%.o,$(basename $(filter %.c,$(LIB_SRC)))) $(B)/collector/base/json.cc.o $(PB_C:$(GEN)/%.c=$(B)/gen/%.o)
SIM_SRC := $(shell find tests/cloudsim -path tests/cloudsim/test -prune -o -name '*.c' -print | sort)
# cloudsim stands on base and net alone (design: it shares no mapping, signer or decoder with Trefoil).
SIM_OBJ := $(SIM_SRC:%.c=$(B)/%.o)
SIM_LIB := $(filter $(B)/collector/base/% $(B)/collector/net/%,$(LIB_OBJ))
UNIT := $(call matching,$(shell find tests -path tests/fuzz -prune -o -name 'test_*.c' -print | sort))
UNIT := $(UNIT:%.c=$(B)/%)
HOUSE := $(call matching,tests/house.t tests/faults.t)
E2E  := $(call matching,$(sort $(wildcard tests/e2e/*.t)))
FUZZ := $(patsubst tests/fuzz/%.c,%,$(call matching,$(sort $(wildcard tests/fuzz/fuzz_*.c))))
BENCH := $(patsubst %.c,$(B)/%,$(call matching,$(sort $(wildcard tests/bench/bench_*.c))))

all: build/trefoil build/cloudsim

build/trefoil: $(B)/trefoil
	@mkdir -p $(@D) && ln -sf $(NAME)/trefoil $@
build/cloudsim: $(B)/cloudsim
	@mkdir -p $(@D) && ln -sf $(NAME)/cloudsim $@

$(B)/trefoil: $(B)/collector/main.o $(B)/libtrefoil.a
	@echo "  LD  $@"
	$(Q)$(CC) $(ALL) $^ $(LIBS) -o $@
# Trefoil with SOURCE in place of the file of the library that defines the same names, as OUT (tests/e2e/mutation.t).
variant: $(B)/collector/main.o $(B)/libtrefoil.a
	$(Q)$(CC) $(ALL) $(WARN) $(SOURCE) $^ $(LIBS) -o $(OUT)
$(B)/cloudsim: $(SIM_OBJ) $(SIM_LIB)
	@echo "  LD  $@"
	$(Q)$(CC) $(ALL) $^ $(LIBS) -o $@
$(B)/libtrefoil.a: $(LIB_OBJ)
	@rm -f $@
	@echo "  AR  $@"
	$(Q)ar crs $@ $^

check: $(UNIT) $(if $(E2E),all)
	B=$(B) prove --timer $(UNIT) $(HOUSE) $(E2E)
check-unit: $(UNIT)
	B=$(B) prove --timer $(UNIT) $(HOUSE)
check-threads:
	$(MAKE) check-unit SAN=thread T=$(or $(T),thread)
	$(if $(T),,$(MAKE) build/plain/cloudsim && $(MAKE) SAN=thread build/thread/trefoil)
	$(if $(T),,B=build/thread SIM_B=build/plain SHORT=1 ROUNDS=6 prove --timer tests/e2e/oracle.t)
check-long: all
	@echo "  This takes about three hours; SOAK_S=$(SOAK_S) seconds of it are the soak."
	B=$(B) ROUNDS=200 SEED=301 prove --timer tests/e2e/oracle.t
	for seed in 101 104 107 110; do B=$(B) SEED=$$seed prove --timer tests/e2e/truth.t || exit 1; done
	B=$(B) LONG=1 prove --timer $(wildcard tests/e2e/control.t tests/e2e/backlog.t) tests/e2e/outage.t
	B=$(B) SOAK_S=$(SOAK_S) tests/e2e/soak.py
programs: all $(UNIT) $(BENCH)

$(B)/tests/cloudsim/test/%: $(B)/tests/cloudsim/test/%.o $(filter-out $(B)/tests/cloudsim/main.o,$(SIM_OBJ)) $(SIM_LIB)
	@echo "  LD  $@"
	$(Q)$(CC) $(ALL) $^ $(LIBS) -o $@
# Tests that fail the n-th allocation of our own objects (tests/torture.h).
WRAPPED := malloc calloc realloc strdup strndup _Znwm _Znam _ZnwmRKSt9nothrow_t _ZnamRKSt9nothrow_t
$(B)/tests/%_torture: $(B)/tests/%_torture.o $(B)/libtrefoil.a
	@echo "  LD  $@"
	$(Q)$(CC) $(ALL) $^ $(LIBS) $(WRAPPED:%=-Wl,--wrap=%) -o $@
$(B)/tests/%: $(B)/tests/%.o $(B)/libtrefoil.a
	@echo "  LD  $@"
	$(Q)$(CC) $(ALL) $^ $(LIBS) -o $@

$(B)/%.o: %.c | build/deps $(PB_H) $(GEN)/regions.inc
	@mkdir -p $(@D)
	@echo "  CC  $<"
	$(Q)$(CC) $(ALL) $(WARN) -DTREFOIL_VERSION='"$(VERSION)"' -DTREFOIL_REVISION='"$(REVISION)"' -c $< -o $@
$(B)/%.cc.o: %.cc | build/deps
	@mkdir -p $(@D)
	@echo "  CXX $<"
	$(Q)$(CXX) $(ALLX) -Wall -Wextra -Werror -c $< -o $@
$(B)/gen/%.o: $(GEN)/%.c
	@mkdir -p $(@D)
	@echo "  CC  $<"
	$(Q)$(CC) $(ALL) -c $< -o $@
$(GEN)/%.pb-c.c $(GEN)/%.pb-c.h: proto/%.proto | build/deps
	@mkdir -p $(GEN)
	@echo "  GEN $@"
	$(Q)protoc-c --proto_path=proto --c_out=$(GEN) $<

# The table of collector/model/region.c: cloud, region, country, jurisdiction.
$(GEN)/regions.inc: deploy/regions.csv
	@mkdir -p $(GEN)
	@echo "  GEN $@"
	$(Q)awk -F, 'NR > 1 { printf "{ \"%s\", \"%s\", \"%s\", \"%s\" },\n", $$1, $$2, $$4, $$5 ? "eu" : tolower($$4) }' $< \
	    | LC_ALL=C sort > $@

# Fuzz targets are the same sources under libFuzzer: it starts from the corpus in tests/fuzz/corpus/NAME, and what it
# finds stays in build/corpus.
fuzz:
	$(MAKE) CC=clang CXX=clang++ SAN=fuzzer-no-link,address,undefined fuzz-run
fuzz-run: $(FUZZ:%=fuzz-run-%)
fuzz-run-%: $(B)/fuzz/%
	@mkdir -p build/corpus/$*
	@echo "  FUZZ $* for $(FUZZ_S) s, seed $(FUZZ_SEED)"
	@$< -seed=$(FUZZ_SEED) -max_total_time=$(FUZZ_S) -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 \
	    -artifact_prefix=build/corpus/$*- build/corpus/$* tests/fuzz/corpus/$* >build/corpus/$*.log 2>&1 \
	    || { cat build/corpus/$*.log; exit 1; }
	@sed -n 's/^stat::number_of_executed_units: */  FUZZ $*: runs /p' build/corpus/$*.log
$(B)/fuzz/%: $(B)/tests/fuzz/%.o $(B)/libtrefoil.a
	@mkdir -p $(@D)
	@echo "  LD  $@"
	$(Q)$(CC) -fsanitize=fuzzer,address,undefined $^ $(LIBS) -o $@

conformance: all $(B)/tests/conformance/azure_log_body
	B=$(B) tests/conformance/run
demo: all
	deploy/demo/run
bench: all $(BENCH)
	@for b in $(BENCH); do $$b || exit 1; done
lint: $(PB_H) $(GEN)/regions.inc
	tests/lint
format:
	git ls-files '*.c' '*.h' '*.cc' | xargs clang-format -i
# Looked at once, and again when the list of packages changes.
build/deps: deploy/install-deps.sh
	@deploy/install-deps.sh
	@mkdir -p $(@D) && touch $@
install: all
	install -D -m 755 $(B)/trefoil $(DESTDIR)$(PREFIX)/bin/trefoil
clean:
	rm -rf build
help:
	@sed -n '3,/^$$/s/^# \{0,1\}//p' Makefile

.PHONY: help all variant check check-unit check-threads check-long programs fuzz fuzz-run conformance demo bench lint format install clean
.SECONDARY:
-include $(shell find build -name '*.d' 2>/dev/null)
