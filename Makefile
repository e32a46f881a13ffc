# Trefoil.
#
#   make              build/trefoil and build/cloudsim (also: all)
#   make check        builds and runs every test that needs no other registry; T=azure runs those whose path matches
#   make check SAN=address,undefined      the same with sanitizers (thread, ...); each set has a build folder of its own
#   make fuzz         every fuzz target for FUZZ_S seconds (clang)
#   make conformance  the clouds' official SDKs against cloudsim (npm registry)
#   make demo         cloudsim and Trefoil on loopback, and what to open
#   make lint         formatting, clang-tidy, cppcheck
#   make bench        ratios against a limit measured in the same run
#   make format install clean help

SAN    ?=
PREFIX ?= /usr/local
FUZZ_S ?= 30
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

# V=1 shows the commands.
Q := $(if $(V),,@)

PROTO := $(wildcard proto/*.proto)
PB_C  := $(PROTO:proto/%.proto=$(GEN)/%.pb-c.c)
PB_H  := $(PB_C:.c=.h)

LIB_SRC := $(filter-out collector/main.c,$(shell find collector exporters -name '*.c' -o -name '*.cc' | sort))
LIB_OBJ := $(patsubst %,$(B)/%.o,$(basename $(filter %.c,$(LIB_SRC)))) $(B)/collector/base/json.cc.o $(PB_C:$(GEN)/%.c=$(B)/gen/%.o)
SIM_SRC := $(sort $(wildcard tests/cloudsim/*.c))
# cloudsim stands on base and net alone (design: it shares no mapping, signer or decoder with Trefoil).
SIM_OBJ := $(SIM_SRC:%.c=$(B)/%.o)
SIM_LIB := $(filter $(B)/collector/base/% $(B)/collector/net/%,$(LIB_OBJ))
TESTS   := $(patsubst %.c,$(B)/%,$(shell find tests -path tests/fuzz -prune -o -path tests/cloudsim -prune -o -name 'test_*.c' -print | sort))
SIMTEST := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/cloudsim/test/test_*.c)))
E2E     := $(sort $(wildcard tests/e2e/*.t))
FUZZ    := $(patsubst tests/fuzz/%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))

all: build/trefoil build/cloudsim

build/trefoil: $(B)/trefoil
	@mkdir -p $(@D) && ln -sf $(NAME)/trefoil $@
build/cloudsim: $(B)/cloudsim
	@mkdir -p $(@D) && ln -sf $(NAME)/cloudsim $@

$(B)/trefoil: $(B)/collector/main.o $(B)/libtrefoil.a
	@echo "  LD  $@"
	$(Q)$(CC) $(ALL) $^ $(LIBS) -o $@
$(B)/cloudsim: $(SIM_OBJ) $(SIM_LIB)
	@echo "  LD  $@"
	$(Q)$(CC) $(ALL) $^ $(LIBS) -o $@
$(B)/libtrefoil.a: $(LIB_OBJ)
	@rm -f $@
	@echo "  AR  $@"
	$(Q)ar crs $@ $^

check: deps $(TESTS) $(SIMTEST) all
	B=$(B) prove --timer $(foreach t,$(TESTS) $(SIMTEST) $(E2E),$(if $(findstring $(T),$t),$t))

# The tests that run several threads of ours at once.
check-threads:
	$(MAKE) check SAN=thread T=$(or $(T),thread)

$(B)/tests/cloudsim/test/%: $(B)/tests/cloudsim/test/%.o $(filter-out $(B)/tests/cloudsim/main.o,$(SIM_OBJ)) $(SIM_LIB)
	@echo "  LD  $@"
	$(Q)$(CC) $(ALL) $^ $(LIBS) -o $@
$(B)/tests/%: $(B)/tests/%.o $(B)/libtrefoil.a
	@echo "  LD  $@"
	$(Q)$(CC) $(ALL) $^ $(LIBS) -o $@

$(B)/%.o: %.c | $(PB_H) $(GEN)/regions.inc
	@mkdir -p $(@D)
	@echo "  CC  $<"
	$(Q)$(CC) $(ALL) $(WARN) -DTREFOIL_VERSION='"$(VERSION)"' -DTREFOIL_REVISION='"$(REVISION)"' -c $< -o $@
$(B)/%.cc.o: %.cc
	@mkdir -p $(@D)
	@echo "  CXX $<"
	$(Q)$(CXX) $(ALLX) -Wall -Wextra -Werror -c $< -o $@
$(B)/gen/%.o: $(GEN)/%.c
	@mkdir -p $(@D)
	@echo "  CC  $<"
	$(Q)$(CC) $(ALL) -c $< -o $@
$(GEN)/%.pb-c.c $(GEN)/%.pb-c.h: proto/%.proto
	@mkdir -p $(GEN)
	@echo "  GEN $@"
	$(Q)protoc-c --proto_path=proto --c_out=$(GEN) $<

# The table of collector/model/region.c: cloud, region, country, jurisdiction.
$(GEN)/regions.inc: deploy/regions.csv
	@mkdir -p $(GEN)
	awk -F, 'NR > 1 { printf "{ \"%s\", \"%s\", \"%s\", \"%s\" },\n", $$1, $$2, $$4, $$5 ? "eu" : tolower($$4) }' $< \
	    | LC_ALL=C sort > $@

# Fuzz targets are the same sources under libFuzzer; the corpus is what tests/fuzz/corpus/NAME holds.
fuzz:
	$(MAKE) CC=clang CXX=clang++ SAN=fuzzer-no-link,address,undefined fuzz-run
fuzz-run: $(FUZZ:%=$(B)/fuzz/%)
	@for t in $(FUZZ); do \
	    mkdir -p build/corpus/$$t; \
	    echo "== $$t"; \
	    $(B)/fuzz/$$t -max_total_time=$(FUZZ_S) -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 \
	        -artifact_prefix=build/corpus/$$t- build/corpus/$$t tests/fuzz/corpus/$$t || exit 1; \
	done
$(B)/fuzz/%: $(B)/tests/fuzz/%.o $(B)/libtrefoil.a
	@mkdir -p $(@D)
	$(CC) -fsanitize=fuzzer,address,undefined $^ $(LIBS) -o $@

conformance: all
	tests/conformance/run
demo: deps all
	deploy/demo/run
bench: all $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/bench/bench_*.c)))
	@for b in $(filter $(B)/tests/bench/%,$^); do $$b || exit 1; done
lint:
	tests/lint
format:
	git ls-files '*.c' '*.h' '*.cc' | xargs clang-format -i
deps:
	@deploy/install-deps.sh --check || deploy/install-deps.sh
install: all
	install -D -m 755 $(B)/trefoil $(DESTDIR)$(PREFIX)/bin/trefoil
clean:
	rm -rf build
help:
	@sed -n '3,/^$$/s/^# \{0,1\}//p' Makefile

.PHONY: help all check check-threads fuzz fuzz-run conformance demo bench lint format deps install clean
.SECONDARY:
-include $(shell find build -name '*.d' 2>/dev/null)
