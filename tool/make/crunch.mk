# SPDX-License-Identifier: ISC
# static1.c and static1.h are made of the folder that the variable static1
# names, and so on. A list of its files, with their sizes and times, is looked
# through first: it tells when one of them was changed, added or removed.
BUILT     += $(foreach name,$(CRUNCHED),$(name).c $(name).h \
                 .mirage/$(name).data)
$(foreach name,$(CRUNCHED),$(shell $(MIRAGE) crunch --look $(name) $($(name))))

%.c %.h: .mirage/%.list
	$(MIRAGE) crunch $* $($*)

.mirage/obj/main.o: $(CRUNCHED:%=%.h)
$(CRUNCHED:%=.mirage/obj/%.o): .mirage/obj/%.o: %.c

