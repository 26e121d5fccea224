# SPDX-License-Identifier: ISC
# entry.h has the prototypes that $(CONFIG) promises, so that a unikernel.c
# which has changed since does not compile.
.mirage/obj/%.o: %.c Makefile $(wildcard Makefile.user) .mirage/entry.h
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

clean:
	rm -rf .mirage/obj $(BUILT)
