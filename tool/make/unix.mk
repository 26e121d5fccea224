# SPDX-License-Identifier: ISC
PROGRAM   := mir-$(NAME)
BUILT     := $(PROGRAM)
LIBRARY   := $(ROOT)/lib/mirage/$(if $(filter sim,$(TARGET)),sim,unix)/libmirage.a

.PHONY: all depend prepare run clean
.DELETE_ON_ERROR:

all: $(PROGRAM)

$(PROGRAM): $(OBJECTS) $(LIBRARY)
	$(CC) $(CFLAGS) $(LDFLAGS) -Wl,--gc-sections,--eh-frame-hdr -o $@ $(OBJECTS) $(LIBRARY) $(LDLIBS)

run: all
	$(SUDO) ./$(PROGRAM) $(ARGS)

