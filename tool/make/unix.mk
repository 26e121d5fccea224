# SPDX-License-Identifier: ISC
PROGRAM   := mir-$(NAME)
BUILT     := $(PROGRAM)
LIBRARY   := $(ROOT)/lib/mirage/$(if $(filter sim,$(TARGET)),sim,unix)/libmirage.a
NAMES     := $(ROOT)/lib/mirage/unix/names

LINK       = $(CC) $(CFLAGS) $(LDFLAGS) -Wl,--gc-sections,--eh-frame-hdr \
             $$objects
LAST       = $(LIBRARY) $(LDLIBS)

.PHONY: all depend prepare run clean
.DELETE_ON_ERROR:

all: $(PROGRAM)

$(PROGRAM): $(OBJECTS) $(LIBRARY)
	objects=$$($(MIRAGE) objects --names=$(NAMES) $(OBJECTS)) && \
	$(LINK) -o .mirage/obj/$@ $(LAST)
	@mv -f .mirage/obj/$@ $@

run: all
	$(SUDO) ./$(PROGRAM) $(ARGS)

