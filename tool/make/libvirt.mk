# SPDX-License-Identifier: ISC
BUILT     += $(NAME)_libvirt.xml

# Inserts the path of this folder, escaped for XML and then for sed. XML cannot
# express control characters; the one that pwd prints is the end of its line.
.PHONY: libvirt
libvirt: $(NAME)_libvirt.xml.in
	@pwd | iconv -f UTF-8 -t UTF-8 >/dev/null 2>&1 && \
	    test $$(pwd | LC_ALL=C tr -dc '[:cntrl:]' | wc -c) = 1 || \
	    { echo 'libvirt cannot have the path of this folder: it has a control' \
	    'character in it, or is not UTF-8. Rename it.' >&2; exit 1; }
	@rm -f .mirage/libvirt.xml && here=$$(pwd | sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g; s/"/\&quot;/g' | \
	    sed 's/[\\&|]/\\&/g') && \
	sed "s|@HERE@|$$here|; s|@DOMAIN@|$(DOMAIN)|" $(NAME)_libvirt.xml.in \
	    >.mirage/libvirt.xml && \
	mv -f .mirage/libvirt.xml $(NAME)_libvirt.xml
	@echo "$(NAME)_libvirt.xml: virsh -c $(CONNECT) create $(NAME)_libvirt.xml"

