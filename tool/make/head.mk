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
# Frames that a crash report can follow, stacks that no frame can jump over,
# and a program that is the same wherever it is built.
FLAGS     := -std=gnu11 -Werror=implicit-function-declaration \
             -I$(ROOT)/include $(INCLUDES:%=-I%) \
             -fno-omit-frame-pointer -fno-optimize-sibling-calls \
             -fstack-clash-protection -ffunction-sections -fdata-sections
# What is compiled does not depend on these, so a folder can be moved.
MAPS      := -ffile-prefix-map='$(subst ','\'',$(CURDIR))'=. \
             -ffile-prefix-map='$(ROOT)/include'=include
# clang does not split functions unless told to.
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

