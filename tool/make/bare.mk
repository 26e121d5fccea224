# SPDX-License-Identifier: ISC
PROGRAM   := mir-$(NAME).$(TARGET)
BUILT     := $(PROGRAM) $(PROGRAM).debug
PARTS     := $(ROOT)/lib/mirage/$(TARGET)
LIBC      := $(ROOT)/lib/mirage/bare
LIBRARY   := $(PARTS)/libmirage.a

# The C library is newlib; no header or library of the host is used. The file
# flags has the compiler flags of the processor.
FLAGS     += -ffreestanding -nostdinc -isystem $(LIBC)/include \
             -isystem $(shell $(CC) -print-file-name=include) \
             $(file <$(PARTS)/flags) -fno-pie -fstack-protector-strong \
             -fno-asynchronous-unwind-tables
# Headers of packages and libraries are in the host's folders, some in that of
# its architecture. newlib's must be found first.
ifneq ($(strip $(PACKAGES) $(LIBRARIES)),)
MULTIARCH := $(or $(shell $(CC) -print-multiarch 2>/dev/null),x86_64-linux-gnu)
FLAGS     += $(patsubst %,-idirafter %,$(foreach library,$(LIBRARIES), \
                 $(shell pkg-config --variable=includedir $(library))) \
                 /usr/include/$(MULTIARCH) /usr/include)
endif
# mirage link explains undefined symbols: which object uses them, and what
# helps.
LINK       = $(MIRAGE) link -- $(CC) $(CFLAGS) $(LDFLAGS) -nostdlib -static \
             -no-pie -Wl,-T,$(PARTS)/image.ld -Wl,--gc-sections \
             -Wl,--build-id=none -Wl,-z,noexecstack \
             -Wl,-z,max-page-size=16 $$objects
LAST       = $(LIBRARY) $(LDLIBS) -L$(LIBC) -Wl,--start-group -lm -lc \
             $(LIBRARY) -Wl,--end-group -lgcc

.PHONY: all depend prepare run clean
.DELETE_ON_ERROR:

all: $(PROGRAM)

# The image is linked twice: the second time with the names of its functions,
# for crash reports. $(PROGRAM).debug has the symbols and debug information.
$(PROGRAM): $(OBJECTS) $(LIBRARY) $(LIBC)/libc.a $(PARTS)/image.ld
	own=.mirage/obj/$$PPID && rm -rf $$own && mkdir $$own && \
	$(PARTS)/symbols >$$own/names.S && \
	objects=$$($(MIRAGE) objects --names=$(PARTS)/names $(OBJECTS)) && \
	$(LINK) -o $$own/nameless $$own/names.S $(LAST) && \
	$(PARTS)/symbols $$own/nameless >$$own/names.S && \
	$(LINK) -ffile-prefix-map=$$own=.mirage/obj \
	    -o $$own/debug $$own/names.S $(LAST) && \
	$(MIRAGE) strip $$own/debug $$own/stripped && \
	mv -f $$own/debug $@.debug && mv -f $$own/stripped $@ && rm -rf $$own

