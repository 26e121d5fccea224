# SPDX-License-Identifier: ISC
BUILT     += $(NAME)_libvirt.xml

run: all
	@SUDO='$(SUDO)' $(MIRAGE) run -- $(ARGS)

# The path of this folder, as XML has it, and then as sed has it.
.PHONY: libvirt
libvirt:
	@here=$$(pwd | sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g' | \
	    sed 's/[\\&|]/\\&/g') && \
	sed "s|@HERE@|$$here|" $(NAME)_libvirt.xml.in \
	    >.mirage/libvirt.xml && \
	mv -f .mirage/libvirt.xml $(NAME)_libvirt.xml
	@echo "$(NAME)_libvirt.xml: virsh -c xen:/// create $(NAME)_libvirt.xml"

