# SPDX-License-Identifier: ISC
PROGRAM   := mir-$(NAME).$(TARGET)
BUILT     := $(PROGRAM) $(PROGRAM).debug
PARTS     := $(ROOT)/lib/mirage/$(TARGET)
LIBC      := $(ROOT)/lib/mirage/bare
LIBRARY   := $(PARTS)/libmirage.a

# The virtual machine has newlib as its C library, and nothing of the host's. The
# file has flags that its processor needs.
FLAGS     += -ffreestanding -nostdinc -isystem $(LIBC)/include \
             -isystem $(shell $(CC) -print-file-name=include) \
             $(file <$(PARTS)/flags) -fno-pie -fstack-protector-strong \
             -fno-asynchronous-unwind-tables
# Headers of packages and libraries lie among the host's, some of them in the
# folder of its architecture: newlib's come first.
ifneq ($(strip $(PACKAGES) $(LIBRARIES)),)
MULTIARCH := $(or $(shell $(CC) -print-multiarch 2>/dev/null),x86_64-linux-gnu)
FLAGS     += $(patsubst %,-idirafter %,$(foreach library,$(LIBRARIES), \
                 $(shell pkg-config --variable=includedir $(library))) \
                 /usr/include/$(MULTIARCH) /usr/include)
endif
# mirage link says who wants what an image cannot have.
LINK       = $(MIRAGE) link -- $(CC) $(CFLAGS) $(LDFLAGS) -nostdlib -static \
             -no-pie -Wl,-T,$(PARTS)/image.ld -Wl,--gc-sections \
             -Wl,--build-id=none -Wl,-z,noexecstack \
             -Wl,-z,max-page-size=16 $$objects
LAST       = $(LIBRARY) $(LDLIBS) -L$(LIBC) -Wl,--start-group -lm -lc \
             $(LIBRARY) -Wl,--end-group -lgcc

.PHONY: all depend prepare run clean
.DELETE_ON_ERROR:

all: $(PROGRAM)

# Linked twice: the second time with the names of its functions, by which it
# reports a crash. $(PROGRAM).debug has all that a debugger wants to know.
$(PROGRAM): $(OBJECTS) $(LIBRARY) $(LIBC)/libc.a $(PARTS)/image.ld
	own=.mirage/obj/$$PPID && rm -rf $$own && mkdir $$own && \
	$(PARTS)/symbols >$$own/names.S && \
	objects=$$($(MIRAGE) objects --names=$(PARTS)/names $(OBJECTS)) && \
	$(LINK) -o $$own/nameless $$own/names.S $(LAST) && \
	$(PARTS)/symbols $$own/nameless >$$own/names.S && \
	$(LINK) -ffile-prefix-map=$$own=.mirage/obj \
	    -o $$own/debug $$own/names.S $(LAST) && \
	objcopy --strip-all $$own/debug $$own/stripped && \
	mv -f $$own/debug $@.debug && mv -f $$own/stripped $@ && rm -rf $$own

