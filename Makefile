# SPDX-License-Identifier: ISC
#
# Mirage for C.  make            builds mirage and its libraries into build/,
#                                laid out as they will be installed
#                make images     and the libraries of bare images
#                make depend     checks for, or installs, what is needed
#                make check      the quick tests, under sanitizers
#                make test       all tests
#                make lint       formatting, both compilers, room rules
#                make bench      measures, and writes doc/performance.md
#                make coverage   which lines tests execute: writes doc/coverage.md
#                make install    below PREFIX (DESTDIR is honoured)
#                make POLL=1     with poll(2) in the place of epoll

ifneq ($(words $(CURDIR)),1)
$(error make cannot work in "$(CURDIR)": there is a space in the name)
endif
VERSION := $(shell cat VERSION)
PREFIX  ?= /usr/local
CC      := $(if $(filter default,$(origin CC)),cc,$(CC))
ARCH    := $(shell $(CC) -dumpmachine 2>/dev/null | sed 's/-.*//')
EVENTS  := $(if $(POLL),poll,epoll)
B       ?= build

# Backtraces need frame pointers, no sibling calls, and functions in one piece
# (which clang's always are). With the probes of -fstack-clash-protection no
# frame, however large, skips a guard page. Lists of waiting fibers lead through
# the fibers' stacks, which gcc would call dangling.
FLAGS := -std=gnu11 -O2 -g -Iinclude -Wall -Wextra -Wshadow -Wpointer-arith \
         -Wmissing-prototypes -Wstrict-prototypes -Wvla -Werror=vla \
         -Werror=incompatible-pointer-types -fno-omit-frame-pointer \
         -fno-optimize-sibling-calls \
         $(if $(findstring clang,$(CC)),,-fno-reorder-blocks-and-partition \
                                         -Wno-dangling-pointer) \
         -fstack-clash-protection -fvisibility=hidden \
         -ffile-prefix-map=$(CURDIR)=mirage
# Hardening of the host's programs (decision 0022): the stack protector, fortified
# calls of the C library, position-independent executables, read-only relocations.
HARDENED      := -fPIE -fstack-protector-strong -U_FORTIFY_SOURCE \
                 -D_FORTIFY_SOURCE=3
HARDENED_LINK := -pie -Wl,-z,relro,-z,now
HOST_FLAGS := $(FLAGS) $(HARDENED) -DMIRAGE_VERSION='"$(VERSION)"' $(COVERAGE)
SANITIZE   := -fsanitize=address,undefined -fno-sanitize-recover=undefined $(COUNT)

# liburing is linked into the objects that use it, with its names hidden, so that
# images do not need it. Without liburing, or with POLL=1, there is no io_uring.
URING := $(if $(POLL),,$(filter /%,$(shell $(CC) -print-file-name=liburing.a \
                                       2>/dev/null)))
FLAGS += $(if $(URING),,-DWITHOUT_URING)
with_uring = $(if $(URING),$(patsubst %/batch.o,%/batch_whole.o,\
                           $(1:%/block_uring.o=%/block_uring_whole.o)),$(1))

sources = $(filter-out %_test.c,$(wildcard $(addsuffix /*.c,$(1))))
# TCP has a folder in its room.
NET := net net/tcp

IMAGE_SOURCES := $(filter-out backend/unix/sandbox.c \
                              backend/unix/events_epoll.c \
                              backend/unix/events_poll.c, \
                   $(call sources,core device $(NET) store backend/unix arch \
                                   arch/$(ARCH))) \
                 backend/unix/events_$(EVENTS).c
# Target sim is a Unix process with simulated time and networks.
SIM_SOURCES    := $(filter-out $(addprefix backend/unix/,clock.c \
                                 network_unix.c tap.c batch.c events_epoll.c \
                                 block_%.c %_socket.c \
                                 resolv_conf.c), $(IMAGE_SOURCES)) \
                  $(filter-out $(IMAGE_SOURCES),backend/unix/events_poll.c) \
                  $(call sources,backend/sim)
CONFIG_SOURCES := $(call sources,config)
TOOL_SOURCES   := $(call sources,tool) core/nearest.c
# These replace instructions of the processor by functions.
MACHINE_TESTS  := $(wildcard arch/$(ARCH)/bare/*_test.c) \
                  $(if $(filter x86_64,$(ARCH)),$(wildcard backend/pc/*_test.c))
TESTS          := $(wildcard core/*_test.c device/*_test.c \
                             $(NET:%=%/*_test.c) store/*_test.c \
                             backend/unix/*_test.c backend/bare/*_test.c \
                             libc/*_test.c arch/*_test.c \
                             arch/$(ARCH)/*_test.c) \
                  $(MACHINE_TESTS)
# Of programs of the host, without an image's runtime.
TOOL_TESTS     := $(wildcard tool/*_test.c tool/fat/*_test.c)
CONFIG_TESTS   := $(wildcard config/*_test.c)
# These run on a fake Xen, whose hypercalls are for x86-64.
XEN_TESTS      := $(if $(filter x86_64,$(ARCH)),$(wildcard backend/xen/*_test.c))
# These run on fake virtio devices, and on simulated time.
VIRTIO_TESTS   := $(wildcard backend/virtio/*_test.c)
VIRTIO_SOURCES := $(addprefix backend/virtio/,virtio.c virtqueue.c split.c \
                                              packed.c network_queues.c \
                                              network_virtio.c) \
                  test/conform/stackv4_contract.c \
                  $(filter-out %/hostile.c,$(wildcard test/virtio/fake/*.c))
# In this test, rings lie in memory that is ordered weakly.
WEAK_PROGRAM   := $B/check/backend/virtio/barriers_test
WEAK_OBJECTS   := $(patsubst %,$B/check/weak/backend/virtio/%.o, \
                             virtqueue split packed)
FAKE_SOURCES   := backend/bare/start.c arch/x86_64/bare/pvclock.c \
                  $(call sources,backend/xen) backend/xen/x86_64/clock.c \
                  $(addprefix test/conform/,block_contract.c power.c \
                                            stackv4_contract.c) \
                  $(wildcard test/xen/fake/*.c)

IMAGE_OBJECTS  := $(call with_uring,$(IMAGE_SOURCES:%.c=$B/unix/%.o))
SIM_OBJECTS    := $(SIM_SOURCES:%.c=$B/unix/%.o)
SIM_CHECK      := $(SIM_SOURCES:%.c=$B/check/%.o)
SIM_PROGRAMS   := $(patsubst %.c,$B/check/%,$(wildcard test/sim/*_test.c))
CONFIG_OBJECTS := $(CONFIG_SOURCES:%.c=$B/host/%.o)
TOOL_OBJECTS   := $(TOOL_SOURCES:%.c=$B/host/%.o)
CHECK_OBJECTS  := $(call with_uring,$(IMAGE_SOURCES:%.c=$B/check/%.o))
TOOL_PROGRAMS  := $(TOOL_TESTS:%.c=$B/check/%)
CONFIG_PROGRAMS := $(CONFIG_TESTS:%.c=$B/check/%)
XEN_PROGRAMS   := $(XEN_TESTS:%.c=$B/check/%)
VIRTIO_PROGRAMS := $(VIRTIO_TESTS:%.c=$B/check/%)
VIRTIO_OBJECTS := $(VIRTIO_SOURCES:%.c=$B/check/%.o)
FAKE_OBJECTS   := $(FAKE_SOURCES:%.c=$B/check/fake/%.o)
TEST_PROGRAMS  := $(TESTS:%.c=$B/check/%) $(XEN_PROGRAMS) $(VIRTIO_PROGRAMS) \
                  $(SIM_PROGRAMS) $(TOOL_PROGRAMS) $(CONFIG_PROGRAMS)

LIBRARY := $B/lib/mirage/unix/libmirage.a

PURPOSES := unix bare insiders fuzzers conform wire
.PHONY: tests some $(PURPOSES:%=for-%)
.PHONY: all images insiders depend prepare check quick test lint coverage bench soak install uninstall clean
.DELETE_ON_ERROR:

SIM     := $B/lib/mirage/sim/libmirage.a

# For programs with a sandbox; needs libseccomp.
SECCOMP := $(shell echo '\#include <seccomp.h>' | $(CC) -E - >/dev/null 2>&1 && \
               echo $B/lib/mirage/unix/libsandbox.a)
all: $(SECCOMP)

$B/lib/mirage/unix/libsandbox.a: $B/unix/backend/unix/sandbox.o \
                                 $B/unix/internal.names
	@mkdir -p $(@D)
	@rm -f $@
	@echo '  ar $@'
	@objcopy --redefine-syms=$B/unix/internal.names $< $B/unix/sandbox.o
	@$(AR) rcsD $@ $B/unix/sandbox.o

# Names that the library has, which applications cannot know (tool/objects.c).
NAMES   := $B/lib/mirage/unix/names
all: $(NAMES) $(LIBRARY) $(SIM) $B/lib/mirage/libconfig.a $B/bin/mirage $B/bin/fat $B/include \
     $B/share/mirage/example $B/share/mirage/make $B/share/man/man1

# A change of these flags, or from epoll to poll, rebuilds what depends on it. The
# name of this folder is left out, so that a copy of it is not built anew.
BUILT_WITH = $(subst $(CURDIR),.,$(CC) $(FLAGS) $(HARDENED) $($(ARCH)_FLAGS) \
                                 $(VERSION) $(EVENTS))
$B/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(BUILT_WITH)' | cmp -s - $@ || echo '$(BUILT_WITH)' > $@
FORCE:

$B/unix/%.o: %.c $B/flags
	@mkdir -p $(@D)
	@echo '  cc $@'
	@$(CC) $(FLAGS) $(HARDENED) -ffunction-sections -fdata-sections -MMD -MP \
	    -c -o $@ $<

%_whole.o: %.o $(URING)
	@echo '  ld $@'
	@$(CC) -nostdlib -r -o $@ $^
	@objcopy --keep-global-symbol=uring_engine \
	    $(addprefix --keep-global-symbol=batch_,new free run without_ring) $@
.PRECIOUS: %/block_uring.o %/batch.o

$B/host/%.o: %.c $B/flags
	@mkdir -p $(@D)
	@echo '  cc $@'
	@$(CC) $(HOST_FLAGS) -MMD -MP -c -o $@ $<

# <bare/start.h> is a header of another back end's room, <arch/cpu.h> one of the
# processor's.
ROOM_HEADERS = -Ibackend -Iarch/$(ARCH)/include

$(patsubst %.c,$B/check/%.o,$(MACHINE_TESTS) $(wildcard backend/bare/*_test.c) \
                            $(VIRTIO_TESTS) $(VIRTIO_SOURCES) \
                            backend/virtio/block_virtio.c \
                            test/virtio/fake/hostile.c \
                            $(wildcard backend/virtio/console_*.c)): \
    private FLAGS += $(ROOM_HEADERS)
$B/check/%.o: %.c $B/flags
	@mkdir -p $(@D)
	@echo '  cc $@'
	@$(CC) $(FLAGS) -Itest -O1 $(SANITIZE) -MMD -MP -c -o $@ $<

# Transports whose accesses to registers are calls of a model of the device.
$B/check/registers/%.o: private FLAGS += $(ROOM_HEADERS) -DREGISTERS_REPLACED \
    -include test/virtio/fake/registers.h
$B/check/registers/%.o: %.c $B/flags
	@mkdir -p $(@D)
	@echo '  cc $@'
	@$(CC) $(FLAGS) -Itest -O1 $(SANITIZE) -MMD -MP -c -o $@ $<

$B/unix/net/tcp/%.o $B/check/net/tcp/%.o: private FLAGS += -I.
$B/check/tool/%.o: private FLAGS += -DMIRAGE_VERSION='"$(VERSION)"'
# It reads all words on the stack, those between variables too.
$B/check/config/crash.o: private SANITIZE := $(COUNT)
# Tests call it.
$B/check/config/main.o: private FLAGS += -Dmain=config_main \
    -Wno-missing-prototypes
$B/check/test/sim/%.o: private FLAGS += -I. -Itest

# archive FOLDER,OBJECTS: the library of a target, by its internal.names
define archive
	@mkdir -p $(@D) $(1)/renamed
	@rm -rf $(1)/renamed/* $@
	@echo '  ar $@'
	@set -e; for o in $(2); do \
	    objcopy --redefine-syms=$(1)/internal.names $$o \
	        $(1)/renamed/$$(echo $${o#$B/} | tr / _); \
	done
	@$(AR) rcsD $@ $(1)/renamed/*.o
endef

HEADERS := include/mirage.h $(wildcard include/mirage/*.h)

# Global names that are not in the headers are renamed in the library, so that an
# application, or another library, may use them.
$B/unix/internal.names: $(IMAGE_OBJECTS) $(HEADERS) tool/exports
	@tool/exports internal $(IMAGE_OBJECTS) > $@

$(LIBRARY): $(IMAGE_OBJECTS) $B/unix/internal.names
	$(call archive,$B/unix,$(IMAGE_OBJECTS))

$(NAMES): $(HEADERS) tool/exports libc/c.names
	@mkdir -p $(@D)
	@tool/exports taken $(filter /%,$(foreach file,libc.so.6 libm.so.6, \
	    $(shell $(CC) -print-file-name=$(file) 2>/dev/null))) > $@

$B/sim/internal.names: $(SIM_OBJECTS) $(HEADERS) tool/exports
	@mkdir -p $(@D)
	@tool/exports internal $(SIM_OBJECTS) > $@

$(SIM): $(SIM_OBJECTS) $B/sim/internal.names
	$(call archive,$B/sim,$(SIM_OBJECTS))

# Compiler flags of each processor for bare images. x86-64: no red zone, since
# exceptions use the running stack; no shadow stacks (decision 0022). AArch64:
# atomics and returns of ARMv8.0. By default gcc aligns arrays to cache lines.
x86_64_FLAGS  := -mno-red-zone -fcf-protection=none
x86_64_GCC    := -malign-data=abi
x86_64_FAST   := -mstringop-strategy=libcall
aarch64_FLAGS := -mno-outline-atomics -mbranch-protection=none

# For scripts: make -s arch-flags ARCH=aarch64
.PHONY: arch-flags
arch-flags:
	@echo '$($(ARCH)_FLAGS)'

# Bare images: newlib as their C library, which takes a while to build, so
# `make images` makes these, and not `make` alone.
BARE       := $B/lib/mirage/bare
BARE_FLAGS := $(filter-out -O2 -Iinclude,$(FLAGS)) -Oz -Iinclude \
              $(ROOM_HEADERS) -ffreestanding -fbuiltin -nostdinc \
              -isystem $(shell $(CC) -print-file-name=include 2>/dev/null) \
              -isystem $(BARE)/include -isystem $B/foreign \
              -D__XEN_INTERFACE_VERSION__=__XEN_LATEST_INTERFACE_VERSION__ \
              $($(ARCH)_FLAGS) $(if $(findstring clang,$(CC)),,$($(ARCH)_GCC)) \
              -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables \
              -ffunction-sections -fdata-sections
BARE_TARGETS := virtio xen
INSIDE       := core device net store

# Files with the stack protector (decision 0022): those that handle foreign bytes.
# Others run before the canary is set (libc_start), or would make the smallest
# image too large.
PROTECTED := $(call sources,device $(NET) store) \
             $(addprefix core/,address.c buf.c checksum.c) \
             $(addprefix backend/virtio/,network_queues.c network_virtio.c) \
             $(addprefix backend/xen/,block_ring.c block_xen.c front.c \
                                      grant.c grant_pool.c network_rx.c \
                                      network_tx.c network_xen.c \
                                      shared_ring.c tx_frame.c vbd_name.c \
                                      xenstore.c) \
             $(filter-out %/platform.c,$(call sources,backend/virtio)) \
             backend/pc/console.c backend/pc/serial.c libc/files.c libc/glibc.c \
             libc/glibc_stdio.c

# Files with -Os: packets, sectors, fibers, times and memory pass through them. All
# others have -Oz.
FAST := $(call sources,net/tcp store libc arch/x86_64) \
        $(addprefix core/,buf.c checksum.c completion.c fiber.c sync.c timer.c) \
        $(addprefix device/,block.c flow.c network.c segment.c virtio_net_hdr.c) \
        $(addprefix net/,arp_cache.c ethernet.c ipv4.c ipv4_header.c ipv4_id.c \
            ipv4_route.c siphash.c udpv4.c wheel.c) \
        $(addprefix backend/pc/,alarm.c clock.c interrupts.c kvmclock.c tsc.c) \
        $(addprefix backend/virtio/,block_virtio.c network_queues.c \
            network_virtio.c packed.c split.c virtqueue.c) \
        $(addprefix backend/xen/,block_ring.c block_xen.c events.c grant.c \
            grant_pool.c network_rx.c network_tx.c network_xen.c \
            shared_ring.c tx_frame.c)

images: all

$(BARE)/built: libc/build
	@echo '  libc $@'
	@CC='$(CC)' ARCH_FLAGS='$($(ARCH)_FLAGS)' libc/build $(BARE)

# Public headers of Xen and of Linux, and no others of the host.
$B/foreign/linux:
	@mkdir -p $(@D)
	@ln -sfn /usr/include/xen /usr/include/video /usr/include/asm-generic \
	    $(firstword $(wildcard /usr/include/x86_64-linux-gnu/asm) \
	        /usr/include/asm) $(@D)
	@ln -sfn /usr/include/linux $@

$B/image/%.o: % $B/image/flags | $(BARE)/built $B/foreign/linux
	@mkdir -p $(@D)
	@echo '  cc $@'
	@$(CC) $(BARE_FLAGS) -MMD -MP -c -o $@ $<

# also FLAGS,OBJECTS: more flags for some objects of images.
define also
$(2): private BARE_FLAGS += $(1)
ALSO += $(1): $(patsubst $B/%,%,$(2));
endef

$(eval $(call also,-I.,$B/image/net/tcp/%.o))
$(eval $(call also,-Itest,$B/image/%_test.c.o))
$(eval $(call also,-fstack-protector-strong,$(PROTECTED:%=$B/image/%.o)))
# For size gcc copies and clears by `rep movsb` and `rep stosb`, which take long for
# short blocks: these call memcpy and memset.
$(eval $(call also,-Os $(if $(findstring clang,$(CC)),,$($(ARCH)_FAST)), \
                   $(FAST:%=$B/image/%.o)))
# They define what gcc would call.
$(eval $(call also,-fno-builtin,$(patsubst %,$B/image/%.o,$(call sources,libc))))
# Jump tables take 8 bytes for each value of a switch, too much for the smallest
# image.
$(eval $(call also,-fno-jump-tables,$B/image/core/text.c.o))

# A change of any of these flags rebuilds the images.
IMAGE_FLAGS = $(CC) $(filter-out -ffile-prefix-map=%,$(BARE_FLAGS)); $(ALSO)
$B/image/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(IMAGE_FLAGS)' | cmp -s - $@ || echo '$(IMAGE_FLAGS)' > $@

# An image for test/e2e/virtio_bus.
virtio_INSIDE := bus
$B/image/virtio/bus_tests: $B/image/test/virtio/bus_inside_test.c.o

# The rooms of each bare target.
virtio_ROOMS := backend/virtio backend/pc
xen_ROOMS    := backend/xen backend/xen/x86_64

# bare TARGET: the library of a bare target, and the files that its images are
# linked with. Names of libc/ are not renamed: C libraries ask for them.
define bare
$(1)_OBJECTS := $$(patsubst %,$B/image/%.o, \
    $$(call sources,core device $(NET) store backend/bare $($(1)_ROOMS) libc arch \
                    arch/x86_64 arch/x86_64/bare) \
    $$(wildcard arch/x86_64/bare/*.S $($(1)_ROOMS:%=%/*.S) libc/*.S))

images: $$(addprefix $B/lib/mirage/$(1)/,libmirage.a image.ld symbols names flags)

# For the Makefiles of images (tool/make/bare.mk).
$B/lib/mirage/$(1)/flags: $B/flags
	@mkdir -p $$(@D)
	@echo '$($(ARCH)_FLAGS)' > $$@

$B/lib/mirage/$(1)/names: $$($(1)_OBJECTS) $(HEADERS) tool/exports \
                          libc/c.names arch/x86_64/bare/image.ld
	@mkdir -p $$(@D)
	@{ tool/exports taken $(BARE)/libc.a $(BARE)/libm.a \
	    $$(filter $B/image/libc/%,$$($(1)_OBJECTS)) \
	    arch/x86_64/bare/image.ld; \
	   printf '%s\n' pvh_entry image_entry image_symbols; } > $$@

$B/image/$(1)/internal.names: $$($(1)_OBJECTS) $(HEADERS) tool/exports
	@mkdir -p $$(@D)
	@tool/exports internal $$(filter-out $B/image/libc/%,$$($(1)_OBJECTS)) | \
	    grep -vE '^(pvh|image)_entry ' > $$@

$B/lib/mirage/$(1)/libmirage.a: $$($(1)_OBJECTS) $B/image/$(1)/internal.names
	$$(call archive,$B/image/$(1),$$($(1)_OBJECTS))

# The unit tests of each room as an image, for test/e2e/inside.
$B/image/$(1)/check.a: $$($(1)_OBJECTS)
	@mkdir -p $$(@D)
	@rm -f $$@
	@echo '  ar $$@'
	@$(AR) rcs $$@ $$^

INSIDERS_$(1) := $(patsubst %,$B/image/$(1)/%_tests,$(INSIDE) $($(1)_INSIDE))
insiders: $$(INSIDERS_$(1))
$$(foreach room,$(INSIDE),$$(eval $B/image/$(1)/$$(room)_tests: \
    $$(patsubst %,$B/image/%.o,$$(wildcard $$(room)/*_test.c $$(room)/*/*_test.c))))

$$(INSIDERS_$(1)): $B/image/$(1)/check.a \
    $$(addprefix $B/lib/mirage/$(1)/,image.ld symbols)
	@echo '  ld $$@'
	@$B/lib/mirage/$(1)/symbols > $$@.S
	@$(CC) -nostdlib -static -no-pie -Wl,-T,$B/lib/mirage/$(1)/image.ld \
	    -Wl,--gc-sections,--build-id=none,-z,noexecstack,-z,max-page-size=16 \
	    -o $$@ $$@.S $$(filter %_test.c.o,$$^) $B/image/$(1)/check.a -L$(BARE) \
	    -Wl,--start-group -lm -lc $B/image/$(1)/check.a -Wl,--end-group -lgcc

$B/lib/mirage/$(1)/image.ld: arch/x86_64/bare/image.ld
$B/lib/mirage/$(1)/symbols: backend/bare/symbols
$B/lib/mirage/$(1)/image.ld $B/lib/mirage/$(1)/symbols:
	@mkdir -p $$(@D)
	@cp $$< $$@
endef
$(foreach target,$(BARE_TARGETS),$(eval $(call bare,$(target))))
.PRECIOUS: $B/image/%.c.o

# One object, so that config.c's program has every constructor, by which messages
# name alternatives.
$B/host/config/all.o: $(CONFIG_OBJECTS)
	@echo '  ld $@'
	@$(CC) -nostdlib -r -o $@ $^ $(COVERAGE:--coverage=-lgcov)

$B/lib/mirage/libconfig.a: $B/host/config/all.o
	@mkdir -p $(@D)
	@rm -f $@
	@echo '  ar $@'
	@$(AR) rcsD $@ $^

$B/bin/mirage: $(TOOL_OBJECTS)
	@mkdir -p $(@D)
	@echo '  ld $@'
	@$(CC) $(HARDENED_LINK) $(LDFLAGS) $(COVERAGE) -o $@ $^

# A Unix image with a main of its own.
$B/bin/fat: $(patsubst %.c,$B/unix/%.o,$(call sources,tool/fat)) \
            $(filter-out $B/unix/backend/unix/main.o,$(IMAGE_OBJECTS))
	@mkdir -p $(@D)
	@echo '  ld $@'
	@$(CC) $(HARDENED_LINK) $(LDFLAGS) -Wl,--gc-sections -o $@ $^

# The layout of an installation, by links to the sources.
$B/include:              SOURCE := include
$B/share/mirage/example: SOURCE := example
$B/share/mirage/make:    SOURCE := tool/make
$B/share/man/man1:       SOURCE := doc
$B/include $B/share/mirage/example $B/share/mirage/make $B/share/man/man1:
	@mkdir -p $(@D)
	@ln -sfnr $(SOURCE) $@

XEN_FLAGS := -Itest/xen $(ROOM_HEADERS) \
             $($(ARCH)_FLAGS) \
             -D__XEN_INTERFACE_VERSION__=__XEN_LATEST_INTERFACE_VERSION__

$B/check/fake/%.o: %.c $B/flags
	@mkdir -p $(@D)
	@echo '  cc $@'
	@$(CC) $(FLAGS) $(XEN_FLAGS) -Itest -O1 $(SANITIZE) -MMD -MP -c -o $@ $<

# link_test OPTIONS...: links a test program of all that the rule names, and
# leaves beside it a list of the objects that are in it, for test/select.
define link_test
	@mkdir -p $(@D)
	@echo '  ld $@'
	@$(CC) $(SANITIZE) $(1) -o $@ $(filter-out %.a,$^) $(filter %.a,$^) \
	    -lm -Wl,-Map=$@.map
	@sed -nE 's/^LOAD (.*\.o)$$/\1/p; s/^[^ ]*\(([^()]*\.o)\)( .*)?$$/\1/p' $@.map | \
	    sort -u >$@.parts; rm $@.map
endef

$B/check/libmirage.a: $(CHECK_OBJECTS)
	@rm -f $@
	@echo '  ar $@'
	@$(AR) rcs $@ $^

$(TESTS:%.c=$B/check/%): %: %.o $B/check/libmirage.a
	$(call link_test,$(TEST_LINK))

$B/check/backend/unix/stackv4_contract_test: \
    $B/check/test/conform/stackv4_contract.o

# Handlers of exceptions and interrupts, which these tests enter.
$B/check/%.S.o: %.S $B/flags
	@mkdir -p $(@D)
	@echo '  cc $@'
	@$(CC) $(FLAGS) -Wa,--noexecstack -MMD -MP -c -o $@ $<
$B/check/arch/x86_64/bare/traps_test: $B/check/arch/x86_64/bare/traps.S.o
$B/check/backend/pc/interrupts_test: $B/check/backend/pc/interrupts.S.o

# Its image is at low addresses, as a bare image is.
$B/check/backend/bare/pages_test: private TEST_LINK := -no-pie

$B/check/libtool.a: $(filter-out %/tool/main.o,$(TOOL_SOURCES:%.c=$B/check/%.o))
	@rm -f $@
	@echo '  ar $@'
	@$(AR) rcs $@ $^

$(TOOL_PROGRAMS): %: %.o $B/check/test/host.o $B/check/libtool.a
	$(call link_test)

$B/check/tool/fat/words_test: $B/check/core/calendar.o

# Not of an archive: each device type enters itself into a list.
$(CONFIG_PROGRAMS): %: %.o $B/check/test/host.o \
                       $(CONFIG_SOURCES:%.c=$B/check/%.o)
	$(call link_test)

$B/check/libsim.a: $(SIM_CHECK)
	@rm -f $@
	@echo '  ar $@'
	@$(AR) rcs $@ $^

$B/check/weak/%.o: private FLAGS += $(ROOM_HEADERS) -DWEAK_REPLACED \
    -include test/virtio/fake/weak.h
$B/check/weak/%.o: %.c $B/flags
	@mkdir -p $(@D)
	@echo '  cc $@'
	@$(CC) $(FLAGS) -Itest -O1 $(SANITIZE) -MMD -MP -c -o $@ $<

$(SIM_PROGRAMS): %: %.o $B/check/test/sim/pair.o $B/check/test/sim/script.o \
                   $B/check/test/sim/peer.o $B/check/libsim.a
	$(call link_test,$(WRAP))

# Allocations of pages and starts of fibers fail at random in this test.
$B/check/test/sim/pressure_test: private WRAP := \
    -Wl,--wrap=buf_new,--wrap=buf_share,--wrap=fiber_start_with
# In this one they are counted.
$B/check/test/sim/residue_test: private WRAP := -Wl,--wrap=fiber_start_with

$(XEN_PROGRAMS): $B/check/%: $B/check/fake/%.o $(FAKE_OBJECTS) \
                 test/xen/fake/hypercall_page.S $B/check/libmirage.a
	$(call link_test)

# Pages of rings are counted, and fail.
VIRTIO_WRAP := -pthread -Wl,--wrap=page_alloc -Wl,--wrap=page_free
$B/check/backend/virtio/console_virtio_test: $(patsubst \
    %,$B/check/backend/virtio/console_%.o,virtio control port)
$B/check/backend/virtio/console_one_port_test: $(patsubst \
    %,$B/check/backend/virtio/console_%.o,virtio port)
$B/check/backend/virtio/block_virtio_test: \
    $B/check/backend/virtio/block_virtio.o \
    $B/check/test/conform/block_contract.o
$B/check/backend/virtio/hostile_test: $B/check/test/virtio/fake/hostile.o \
    $B/check/backend/virtio/block_virtio.o
# Its machine has one device at a time, and its pool is there for all of them.
$B/check/backend/virtio/hostile_test: private VIRTIO_WRAP += \
    -Wl,--wrap=virtio_devices,--wrap=bus_add,--wrap=buf_reserve
$(patsubst %,$B/check/backend/virtio/%_test,pci pci_legacy mmio hostile): \
    $(patsubst %,$B/check/registers/backend/virtio/%.o, \
               bus mmio pci pci_bars pci_legacy)
$(filter-out $(WEAK_PROGRAM),$(VIRTIO_PROGRAMS)): %: %.o $(VIRTIO_OBJECTS) \
    $B/check/libsim.a
	$(call link_test,$(VIRTIO_WRAP))
$(WEAK_PROGRAM): %: %.o $(WEAK_OBJECTS) $(filter-out \
    $(WEAK_OBJECTS:$B/check/weak/%=$B/check/%),$(VIRTIO_OBJECTS)) \
    $B/check/libsim.a
	$(call link_test,$(VIRTIO_WRAP))

# The contracts of block and fs on their drivers, also after power cuts.
CONFORM := $(addprefix $B/check/test/conform/,block fat fat_power)

$(CONFORM): %: %.o $(addprefix $B/check/test/conform/,power.o fat_session.o \
                                                      block_contract.o) \
            $B/check/libmirage.a
	$(call link_test)

# Wires with faults for test/net, as a program of the host.
$B/test/net/%: test/net/%.c $B/flags
	@mkdir -p $(@D)
	@echo '  cc $@'
	@$(CC) $(FLAGS) -MMD -MP -o $@ $<

# Each stack with each other; test/sim does the same on simulated wires.
CONFORM_STACK := $B/check/test/conform/stackv4

$(CONFORM_STACK): %: %.o %_contract.o $B/check/libmirage.a
	$(call link_test)

# The fuzz targets, with clang's libFuzzer; two ways to boot are of x86-64.
FUZZERS    := $(patsubst test/%.c,$B/%,$(filter-out \
                  $(if $(filter x86_64,$(ARCH)),,%/linux_fuzz.c %/pvh_fuzz.c), \
                  $(wildcard test/fuzz/*_fuzz.c)))
FUZZ_FLAGS := -std=gnu11 -g -O2 -Iinclude -I. $(ROOM_HEADERS) \
              -D__XEN_INTERFACE_VERSION__=__XEN_LATEST_INTERFACE_VERSION__ \
              -fno-sanitize-recover=undefined -MMD -MP
FUZZ_ROOMS := $(patsubst %.c,$B/fuzz/%.o,$(call sources,core device $(NET) store) \
                  arch/backtrace.c arch/$(ARCH)/switch.c)

# Without clang, make succeeds and test/fuzz/run fails.
FUZZERS    := $(if $(shell command -v clang),$(FUZZERS))

$B/fuzz/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(FUZZ_FLAGS)' | cmp -s - $@ || echo '$(FUZZ_FLAGS)' > $@

$B/fuzz/%.o: %.c $B/fuzz/flags
	@mkdir -p $(@D)
	@echo '  clang $@'
	@clang $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link,address,undefined -c -o $@ $<

# A fuzzer that is told of every comparison finds constants of formats sooner, but
# is half as fast, so comparisons are traced only in parsers of messages.
$(filter-out %_message.o,$(FUZZ_ROOMS)) \
$(patsubst %,$B/fuzz/test/fuzz/%.o,platform fat_fuzz tcp_fuzz): \
    private FUZZ_FLAGS += -fno-sanitize-coverage=trace-cmp

# Drivers and transports on a fake device, whose memory is freed after each
# input; in the one of the bus, registers are the input.
HOSTILE := $(patsubst %,$B/fuzz/hostile/%.o,$(addprefix backend/virtio/, \
               virtio virtqueue split packed bus mmio pci pci_bars pci_legacy) \
               $(addprefix test/virtio/fake/,registers fake devices disk nic \
                   mmio_model pci_model hostile))
$B/fuzz/hostile/%.o: private FUZZ_FLAGS += -Itest -DREGISTERS_REPLACED \
    -include test/virtio/fake/registers.h \
    $(foreach f,malloc calloc free page_alloc page_free,-D$f=fuzz_$f)
$B/fuzz/hostile/%.o: %.c $B/fuzz/flags
	@mkdir -p $(@D)
	@echo '  clang $@'
	@clang $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link,address,undefined -c -o $@ $<
$(patsubst %,$B/fuzz/test/fuzz/virtio_%_fuzz.o,bus block network): \
    private FUZZ_FLAGS += -Itest
$B/fuzz/virtio_block_fuzz $B/fuzz/virtio_network_fuzz: $(HOSTILE)
$B/fuzz/virtio_block_fuzz: $B/fuzz/hostile/backend/virtio/block_virtio.o
$B/fuzz/virtio_network_fuzz: $(patsubst %,$B/fuzz/hostile/backend/virtio/%.o, \
                                        network_queues network_virtio)
$B/fuzz/virtio_block_fuzz $B/fuzz/virtio_network_fuzz: private FUZZ_WRAP := \
    -Wl,--wrap=virtio_devices,--wrap=bus_add,--wrap=buf_reserve \
    -Wl,--wrap=page_alloc,--wrap=page_free
$B/fuzz/virtio_network_fuzz: private FUZZ_WRAP += -Wl,--wrap=fiber_spawn
$B/fuzz/virtio_bus_fuzz: $(filter %/bus.o %/mmio.o %/pci.o %/pci_bars.o \
                                  %/pci_legacy.o,$(HOSTILE))
$B/fuzz/virtio_bus_fuzz: private FUZZ_WRAP := -Wl,--wrap=bus_add

$(addprefix $B/fuzz/virtio,_fuzz _console_fuzz _balloon_fuzz _rng_fuzz): \
    $(patsubst %,$B/fuzz/backend/virtio/%.o, \
                                virtio virtqueue split packed)
$B/fuzz/pvh_fuzz: $B/fuzz/arch/x86_64/bare/pvh.o
$(FUZZERS): $B/%: $B/fuzz/test/%.o $B/fuzz/test/fuzz/platform.o $(FUZZ_ROOMS)
	@echo '  ld $@'
	@clang -fsanitize=fuzzer,address,undefined $(FUZZ_WRAP) -o $@ $^

# Installs, or names, missing packages: for building, or FOR=images (which builds
# the C library of images, too), FOR=qemu, FOR=test, FOR=bench.
depend prepare:
	@./depend.sh $(or $(FOR),build)
	@$(if $(filter images,$(FOR)),$(MAKE) -s $(BARE)/built)

# Each test prints a line for each failure, and "N passed, N failed" at its end.
# SOAK=SECONDS prolongs those that can run for longer.
# Those that take longest come first, so that none of them is left at the end.
QUICK := test/e2e/runtime test/config/run test/config/killed $(TEST_PROGRAMS) \
         test/rooms.sh test/e2e/xl-run test/e2e/sim
# Tests that use two processors each: in the Xen lab, and in QEMU.
LAB   := test/e2e/xen test/e2e/xen_devices test/e2e/xen_contract \
         test/e2e/xen_saved test/e2e/xen_restart test/e2e/xen_bridging \
         test/e2e/inside \
         test/e2e/machines test/e2e/virtio test/e2e/virtio_bus \
         test/e2e/virtio_block test/e2e/virtio_disks \
         test/e2e/virtio_disk_names test/e2e/virtio_disk_faults \
         test/e2e/virtio_disk_changes \
         test/e2e/virtio_fat test/e2e/virtio_fat_power \
         test/e2e/virtio_net test/e2e/virtio_examples \
         test/e2e/virtio_stack test/e2e/virtio_transfer test/e2e/virtio_power \
         test/e2e/virtio_copies test/e2e/virtio_bridging \
         test/e2e/virtio_rest test/e2e/virtio_run \
         test/e2e/virtio_options test/e2e/virtio_again \
         test/xen/mirage-run test/xen/selftest
SLOW  := test/tutorial test/libc/run test/lint test/fuzz/run test/e2e/bare \
         test/e2e/debian \
         test/e2e/gdb test/e2e/hardening test/e2e/libraries test/e2e/library \
         test/e2e/names test/e2e/sandbox test/e2e/direct test/e2e/dhcp test/e2e/dns test/e2e/flood \
         test/e2e/loss test/e2e/bridging test/e2e/networking test/e2e/block test/e2e/kv_ro \
         test/e2e/fat test/e2e/stackv4 \
         test/conform/stackv4.sh test/net/selftest \
         test/conform/kv_ro $(CONFORM) \
         test/poll test/aarch64 test/freestanding test/headers \
         test/house/exports test/house/depend test/house/flags \
         test/house/select \
         test/house/proofs test/house/recipe test/mutants/run \
         test/house/install

check: all $(TEST_PROGRAMS)
	@test/run $(QUICK)

# For test.sh --quick.
quick: all
	@test/run test/rooms.sh test/e2e/runtime test/e2e/xl-run

# The last ones check the claims of doc/status.md, doc/rfc.md and doc/virtio.md.
test: all images insiders $(TEST_PROGRAMS) $(CONFORM) $(CONFORM_STACK) \
      $B/test/net/wire $(FUZZERS)
	@rm -f $B/ran
	@RAN=$B/ran test/run $(QUICK) then $(LAB) beside $(SLOW) then \
	    test/status test/rfc test/virtio_clauses

# Some tests: make some SOME="COMMAND...", as test/select prints them.
tests:
	@printf '%s\n' $(QUICK) $(LAB) $(SLOW)

for-unix: all
for-bare: images
for-insiders: insiders
for-fuzzers: $(FUZZERS)
for-conform: $(CONFORM_STACK)
for-wire: $B/test/net/wire

some: all $(if $(SOME),$(shell test/select --builds $(SOME)))
	@test/run $(SOME)

soak: export SOAK ?= 300
soak: test

test lint: export LINT_FLAGS = $(FLAGS)
lint:
	@test/run test/lint test/rooms.sh

# The quick tests once more, compiled to count what they execute. The counts are
# written by exit, which _exit would pass by.
COVERED := build/coverage
coverage:
	@$(MAKE) --no-print-directory B=$(COVERED) COVERAGE=--coverage \
	    COUNT='--coverage -fprofile-update=atomic -D_exit=exit' all \
	    $(TEST_PROGRAMS:$B/%=$(COVERED)/%)
	@test/coverage $(TEST_PROGRAMS:$B/%=$(COVERED)/%) test/config/run

# bench/run says what is measured, how often and compared with what.
#     make bench BENCH=fiber ROUNDS=5
BENCH_IMAGES := $(addprefix $B/bench/,fiber sleep crunch block fat)
BENCH_PEERS  := $(addprefix $B/bench/,fiber_peer sleep_peer crunch_peer \
                                       clock drift net_client net_bridge net_frames)
BENCH_GUESTS := $(addprefix $B/bench/,xen_linux xen_client virtio_linux)

$B/bench/%.o: bench/%.c $B/flags
	@mkdir -p $(@D)
	@echo '  cc $@'
	@$(CC) $(FLAGS) -pthread -MMD -MP -c -o $@ $<

$B/bench/fiber_peer: $B/unix/arch/$(ARCH)/switch.o

$(BENCH_IMAGES): %: %.o $(LIBRARY)
	@echo '  ld $@'
	@$(CC) -o $@ $^

$(BENCH_PEERS): %: %.o
	@echo '  ld $@'
	@$(CC) -pthread -o $@ $^

$B/bench/xen_linux $B/bench/virtio_linux: $B/bench/linux_guest.o

# For dom0, and as the only program of a guest.
$(BENCH_GUESTS): %: %.o
	@echo '  ld $@'
	@$(CC) -static -pthread -o $@ $^

# lwIP, for comparison.
$B/bench/lwip_peer.o: private FLAGS += -isystem /usr/include/lwip
$B/bench/lwip_peer: %: %.o
	@echo '  ld $@'
	@$(CC) -pthread -o $@ $^ -llwip

bench: images $(BENCH_IMAGES) $(BENCH_PEERS) $(BENCH_GUESTS) \
       $B/bench/lwip_peer
	CC='$(CC)' ROUNDS=$(ROUNDS) bench/run $B doc/performance.md $(BENCH)

install: all
	@tool/install.sh install '$B' '$(DESTDIR)' '$(PREFIX)'

uninstall:
	@tool/install.sh uninstall '$B' '$(DESTDIR)' '$(PREFIX)'

clean:
	rm -rf $B

-include $(shell find $B -path $B/bare -prune -o -path $B/xen -prune -o \
    -name '*.d' -print 2>/dev/null)
