# SPDX-License-Identifier: ISC
# fat1.img is made from the folder that the variable fat1 names, and so on, with
# FAT_MORE bytes of free space. It is made again when a file of the folder was
# changed, added or removed, or when FAT_MORE changes, unless the image was
# written to or is in use. `mirage image --look` prints the names of the images
# to make. If it fails, the rule runs, and its command fails with the message.
ifneq ($(word 2,$(FAT_MORE)),)
$(error FAT_MORE=$(FAT_MORE): expected one size, such as 10M)
endif
.PHONY: look clean-images
look:
$(IMAGES:%=%.img): %.img:
	$(MIRAGE) image $* $($*) $(FAT_MORE)
$(addsuffix .img,$(foreach name,$(IMAGES),$(shell $(MIRAGE) image --look \
    $(name) $($(name)) '$(subst ','\'',$(strip $(FAT_MORE)))' || \
    echo $(name)))): look

GUEST     += $(IMAGES:%=make-%-image.sh)
$(IMAGES:%=%.img): %.img: | make-%-image.sh

all: $(IMAGES:%=%.img)

clean: clean-images
clean-images:
	$(MIRAGE) image --remove $(IMAGES)

