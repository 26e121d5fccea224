# SPDX-License-Identifier: ISC
PROGRAM   := mir-$(NAME)
BUILT     := $(PROGRAM)
LIBRARY   := $(ROOT)/lib/mirage/$(if $(filter sim,$(TARGET)),sim,unix)/libmirage.a
NAMES     := $(ROOT)/lib/mirage/unix/names
SANDBOX   := $(ROOT)/lib/mirage/unix/libsandbox.a

# Hardening (decision 0022). _FORTIFY_SOURCE needs an optimizing compiler, hides
# faults from sanitizers, and may be set in CFLAGS already.
OPTIMIZED  = $(filter-out -O0,$(lastword $(filter -O%,$(CFLAGS))))
CHECKED    = $(if $(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS)),, \
                 $(if $(findstring -fsanitize,$(CFLAGS)),, \
                 $(if $(OPTIMIZED),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)))
FLAGS     += -fPIE -fstack-protector-strong $(CHECKED)
FIXED      = $(filter -static -no-pie,$(CFLAGS) $(LDFLAGS))
LINK       = $(CC) $(CFLAGS) $(if $(FIXED),,-pie) -Wl,-z,relro,-z,now \
             $(LDFLAGS) -Wl,--gc-sections,--eh-frame-hdr $$objects
# Wraps calls that start processes, so that the sandbox can report them.
WRAPPED    = system popen posix_spawn posix_spawnp
LAST       = $(if $(filter libseccomp,$(LIBRARIES)),$(SANDBOX) \
                 $(WRAPPED:%=-Wl,--wrap=%)) $(LIBRARY) $(LDLIBS)

.PHONY: all depend prepare run clean
.DELETE_ON_ERROR:

all: $(PROGRAM)

$(PROGRAM): $(OBJECTS) $(LIBRARY)
	objects=$$($(MIRAGE) objects --names=$(NAMES) $(OBJECTS)) && \
	$(LINK) -o .mirage/obj/$@.$$PPID $(LAST)
	@mv -f .mirage/obj/$@.$$PPID $@

run: all
	$(SUDO) ./$(PROGRAM) $(ARGS)

