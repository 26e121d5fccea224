# SPDX-License-Identifier: ISC
# fat1.img is made of the folder that the variable fat1 names, and so on, with
# FAT_MORE bytes of room. A list of the folder's files, with their sizes and
# times, is looked through first: it tells when one of them was changed, added
# or removed.
BUILT     += $(IMAGES:%=%.img)
$(foreach name,$(IMAGES),$(shell $(MIRAGE) crunch --look $(name) $($(name))))

all: $(IMAGES:%=%.img)

%.img: make-%-image.sh .mirage/%.list
	FAT=$(ROOT)/bin/fat sh $< $(FAT_MORE)

