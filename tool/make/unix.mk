# SPDX-License-Identifier: ISC
PROGRAM   := mir-$(NAME)
BUILT     := $(PROGRAM)
LIBRARY   := $(ROOT)/lib/mirage/$(if $(filter sim,$(TARGET)),sim,unix)/libmirage.a

LINK       = $(CC) $(CFLAGS) $(LDFLAGS) -Wl,--gc-sections,--eh-frame-hdr \
             $(OBJECTS)
LAST       = $(LIBRARY) $(LDLIBS)

.PHONY: all depend prepare run clean
.DELETE_ON_ERROR:

all: $(PROGRAM)

$(PROGRAM): $(OBJECTS) $(LIBRARY)
	$(LINK) -o .mirage/obj/$@ $(LAST)
	@mv -f .mirage/obj/$@ $@

run: all
	$(SUDO) ./$(PROGRAM) $(ARGS)

