# SPDX-License-Identifier: ISC
# fat1.img is made of the folder that the variable fat1 names, and so on, with
# FAT_MORE bytes of room. It is made anew when one of the folder's files was
# changed, added or removed, or FAT_MORE; but not if it was written to, or is in
# use. mirage looks, and names those that have to be made.
.PHONY: look clean-images
look:
$(IMAGES:%=%.img): %.img:
	$(MIRAGE) image $* $($*) $(FAT_MORE)
$(addsuffix .img,$(foreach name,$(IMAGES),$(shell $(MIRAGE) image --look \
    $(name) $($(name)) $(FAT_MORE)))): look

GUEST     += $(IMAGES:%=make-%-image.sh)
$(IMAGES:%=%.img): %.img: | make-%-image.sh

all: $(IMAGES:%=%.img)

clean: clean-images
clean-images:
	$(MIRAGE) image --remove $(IMAGES)

