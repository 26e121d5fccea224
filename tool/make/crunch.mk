# SPDX-License-Identifier: ISC
# static1.c and static1.h are made from the folder that the variable static1
# names, and so on. `mirage crunch --look` compares a list of its files, their
# sizes and times with the folder first, so that a file that was changed, added
# or removed makes them again.
BUILT     += $(foreach name,$(CRUNCHED),$(name).c $(name).h \
                 .mirage/$(name).data)
$(foreach name,$(CRUNCHED),$(shell $(MIRAGE) crunch --look $(name) $($(name))))

%.c %.h: .mirage/%.list
	$(MIRAGE) crunch $* $($*)

.mirage/obj/main.o: $(CRUNCHED:%=%.h)
$(CRUNCHED:%=.mirage/obj/%.o): .mirage/obj/%.o: %.c

