# SPDX-License-Identifier: ISC

MIRAGE    ?= mirage
ROOT      := $(shell $(MIRAGE) root --made-by=$(MADE_BY))
ifeq ($(ROOT),)
$(error $(MIRAGE) $(MADE_BY), which made this Makefile, was not found. Put its \
folder on PATH, or say make MIRAGE=/its/path; with another version, run \
`mirage configure` again)
endif
LIBRARY   := $(ROOT)/lib/mirage/unix/libmirage.a

CFLAGS    ?= -O2 -g -Wall -Wextra
# Frames that a crash report can follow, stacks that no frame can jump over,
# and a program that is the same wherever it is built.
FLAGS     := -std=gnu11 -I$(ROOT)/include $(INCLUDES:%=-I%) \
             -fno-omit-frame-pointer -fno-optimize-sibling-calls \
             -fstack-clash-protection -ffunction-sections -fdata-sections \
             -ffile-prefix-map='$(subst ','\'',$(CURDIR))'=. \
             -ffile-prefix-map='$(ROOT)/include'=include
# clang does not split functions unless told to.
ifeq ($(findstring clang,$(shell $(CC) --version)),)
FLAGS     += -fno-reorder-blocks-and-partition
endif
ifneq ($(strip $(LIBRARIES)),)
FLAGS     += $(shell pkg-config --cflags $(LIBRARIES))
LDLIBS    += $(shell pkg-config --libs $(LIBRARIES))
endif
OBJECTS   := $(SOURCES:%.c=.mirage/obj/%.o)

.PHONY: all depend prepare run clean
.DELETE_ON_ERROR:

all: mir-$(NAME)

mir-$(NAME): $(OBJECTS) $(LIBRARY)
	$(CC) $(CFLAGS) $(LDFLAGS) -Wl,--gc-sections -o $@ $(OBJECTS) $(LIBRARY) $(LDLIBS)

# entry.h has the prototypes that $(CONFIG) promises, so that a unikernel.c
# which has changed since does not compile.
.mirage/obj/%.o: %.c Makefile .mirage/entry.h
	@mkdir -p $(@D)
	$(CC) $(FLAGS) $(CPPFLAGS) $(CFLAGS) -include .mirage/entry.h -MD -MP -c -o $@ $<

-include $(OBJECTS:.o=.d)

# When $(CONFIG) changes, or mirage, this Makefile is made again, for the
# target and the environment that were recorded.
Makefile: .mirage/configured ;
.mirage/configured: $(CONFIG) $(ROOT)/bin/mirage $(ROOT)/lib/mirage/libconfig.a
	$(MIRAGE) configure --as-recorded
-include .mirage/config.d

depend prepare:
	$(MIRAGE) depend $(PACKAGES:%=--package=%) $(LIBRARIES:%=--library=%)

run: all
	$(SUDO) ./mir-$(NAME) $(ARGS)

clean:
	rm -rf .mirage/obj mir-$(NAME)

-include Makefile.user
