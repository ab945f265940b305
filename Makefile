# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# make            build/loopray
# make deps       install what the build needs (apt, root)
# make demo       the main job on a real service (root)
# make test       every test (root)
# make bench      cost on the target, as ratios (root)
# make install    DESTDIR= PREFIX=/usr/local
# make SAN=1      the same with AddressSanitizer and UBSan, in build-san/

VERSION := $(shell cat VERSION)
PREFIX  ?= /usr/local
DESTDIR ?=
SAN     ?=
V       ?=

B       := $(if $(SAN),build-san,build)
Q       := $(if $(V),,@)
say      = @printf '  %-8s %s\n' $(1) $(2)

CLANG   ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
CC      ?= gcc

ARCH    := $(shell uname -m | sed 's/x86_64/x86/;s/aarch64/arm64/')
, := ,
SANFLAGS := $(if $(SAN),-fsanitize=address$(,)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
CFLAGS  ?= -O2 -g
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wvla -DLOOPRAY_VERSION='"$(VERSION)"' \
	-Iinclude -Iuser -I$(B) $(SANFLAGS) $(CFLAGS)
LIBS    := -lbpf -lelf -lz -lZydis -lncursesw -ltinfo -lm
BPF_CFLAGS := -O2 -g -target bpf -mcpu=v3 -D__TARGET_ARCH_$(ARCH) -Wall -Wextra -Werror \
	-Wno-unused-parameter -Wno-missing-declarations -Iinclude -Ibpf

BPF_SRC   := $(wildcard bpf/*.bpf.c)
BPF_OBJ   := $(BPF_SRC:bpf/%.bpf.c=$(B)/bpf/%.bpf.o)
USER_SRC  := $(wildcard user/*.c)
USER_OBJ  := $(USER_SRC:user/%.c=$(B)/user/%.o)
LIB_OBJ   := $(filter-out $(B)/user/main.o,$(USER_OBJ))
UNIT_SRC  := $(wildcard tests/unit/test_*.c)
UNIT_BIN  := $(UNIT_SRC:tests/unit/%.c=$(B)/tests/unit/%)
TEXTS     := $(B)/out_html.css.inc $(B)/out_html.js.inc
FUZZ_SRC  := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN  := $(FUZZ_SRC:tests/fuzz/%.c=$(B)/tests/fuzz/%)
TOOL_SRC  := $(wildcard tools/*.c)
TOOL_BIN  := $(TOOL_SRC:tools/%.c=$(B)/tools/%)
TESTP_SRC := $(wildcard tests/bpf/*.c)
TESTP_BIN := $(TESTP_SRC:tests/bpf/%.c=$(B)/tests/bpf/%)

.PHONY: all deps test demo bench clean install uninstall unit fuzz tools format lint
.DELETE_ON_ERROR:
.SECONDARY:

all: $(B)/loopray

$(B)/loopray: $(B)/user/main.o $(B)/libloopray.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $< $(B)/libloopray.a $(LIBS)

$(B)/libloopray.a: $(LIB_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# The style sheet and the script of the HTML report, as string literals.
$(B)/%.inc: user/%
	@mkdir -p $(@D)
	$(call say,TEXT,$<)
	$(Q)sed 's/\\/\\\\/g; s/"/\\"/g; s/.*/"&\\n"/' $< > $@

# Every object waits for the skeleton: it is generated, so no compiler-made dependency names
# it before the first build.
$(B)/user/%.o: user/%.c Makefile VERSION | $(B)/loopray.skel.h $(TEXTS)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/bpf/%.bpf.o: bpf/%.bpf.c Makefile
	@mkdir -p $(@D)
	$(call say,BPF,$<)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<

# All programs linked into one object share their maps; the section listing is the
# instruction count of each program.
$(B)/loopray.bpf.o: $(BPF_OBJ)
	$(call say,BPFLINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $^
	$(Q)tools/bpf-insns $@

$(B)/loopray.skel.h: $(B)/loopray.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name loopray_bpf > $@

unit: $(UNIT_BIN)
$(B)/tests/unit/%: tests/unit/%.c $(B)/libloopray.a
	@mkdir -p $(@D)
	$(call say,TEST,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(B)/libloopray.a -lcmocka $(LIBS)

# libFuzzer needs clang and its own instrumented objects of the modules under test.
fuzz: $(FUZZ_BIN)
FUZZ_SRCS := $(filter-out user/main.c user/source.c user/choose.c user/kern_% user/session% user/top% \
	user/cmd_%,$(USER_SRC))
FUZZ_OBJ := $(FUZZ_SRCS:user/%.c=$(B)/fuzz/%.o)
FUZZ_CFLAGS = $(filter-out -fsanitize%,$(ALL_CFLAGS)) -fno-sanitize-recover=all
$(B)/fuzz/%.o: user/%.c Makefile $(TEXTS)
	@mkdir -p $(@D)
	$(call say,FUZZ,$<)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link$(,)address$(,)undefined -MMD -MP -c \
		-o $@ $<
$(B)/libfuzz.a: $(FUZZ_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(B)/tests/fuzz/%: tests/fuzz/%.c $(B)/libfuzz.a $(wildcard user/*.h include/*.h)
	@mkdir -p $(@D)
	$(call say,FUZZ,$<)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer$(,)address$(,)undefined -o $@ $< \
		$(B)/libfuzz.a $(LIBS)

tools: $(TOOL_BIN) $(TESTP_BIN)
$(B)/tools/%: tools/%.c $(B)/libloopray.a
	@mkdir -p $(@D)
	$(call say,TOOL,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(B)/libloopray.a $(LIBS) -lssl -lcrypto
$(B)/tests/bpf/%: tests/bpf/%.c $(B)/libloopray.a
	@mkdir -p $(@D)
	$(call say,TEST,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(B)/libloopray.a -lcmocka $(LIBS)

deps:
	tools/install-deps

demo:
	tools/install-deps
	$(MAKE) -j$$(nproc) all tools
	tools/demo/run-demo

test:
	tools/install-deps --test
	$(MAKE) -j$$(nproc) all tools unit fuzz
	tests/run

bench:
	tools/install-deps --test
	$(MAKE) -j$$(nproc) all tools
	tools/bench/run-bench

format:
	clang-format -i $(wildcard user/*.[ch] bpf/*.[ch] include/*.h tests/*/*.[ch] tools/*.c)

lint:
	tools/lint

install: all
	install -D -m 755 $(B)/loopray $(DESTDIR)$(PREFIX)/sbin/loopray
	install -d $(DESTDIR)$(PREFIX)/share/man/man8
	$(B)/loopray --help-man > $(DESTDIR)$(PREFIX)/share/man/man8/loopray.8
	chmod 644 $(DESTDIR)$(PREFIX)/share/man/man8/loopray.8

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/sbin/loopray $(DESTDIR)$(PREFIX)/share/man/man8/loopray.8

clean:
	rm -rf build build-san

-include $(USER_OBJ:.o=.d) $(FUZZ_OBJ:.o=.d) $(BPF_OBJ:.o=.d) $(UNIT_BIN:=.d) $(TOOL_BIN:=.d) $(TESTP_BIN:=.d)
