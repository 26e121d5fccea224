# SPDX-License-Identifier: ISC

.DEFAULT_GOAL := all
MIRAGE    ?= mirage
ROOT      := $(shell $(MIRAGE) root --made-by=$(MADE_BY))
ifeq ($(ROOT),)
$(error $(MIRAGE) $(MADE_BY), which made this Makefile, was not found. Put its \
folder on PATH, or say make MIRAGE=/its/path; with another version, run \
`mirage configure` again)
endif
CFLAGS    ?= -O2 -g -Wall -Wextra
# Frame pointers for crash reports, probes so that no frame can jump over the
# guard of a stack, and sections that the linker can leave out.
FLAGS     := -std=gnu11 -Werror=implicit-function-declaration \
             -I$(ROOT)/include $(INCLUDES:%=-I%) \
             -fno-omit-frame-pointer -fno-optimize-sibling-calls \
             -fstack-clash-protection -ffunction-sections -fdata-sections
# These make the program the same wherever it is built. They are apart from
# FLAGS, so that moving the folder does not compile everything again.
MAPS      := -ffile-prefix-map='$(subst ','\'',$(CURDIR))'=. \
             -ffile-prefix-map='$(ROOT)/include'=include
# Keeps each function in one piece, for crash reports. clang has no such flag,
# and does not split functions by default.
ifeq ($(findstring clang,$(shell $(CC) --version)),)
FLAGS     += -fno-reorder-blocks-and-partition
endif
ifneq ($(strip $(LIBRARIES)),)
FLAGS     += $(shell pkg-config --cflags $(LIBRARIES))
LDLIBS    += $(shell pkg-config $(if $(filter xen virtio,$(TARGET)),--static) \
                 --libs $(LIBRARIES))
endif
-include Makefile.user
OBJECTS   := $(SOURCES:%.c=.mirage/obj/%.o)

