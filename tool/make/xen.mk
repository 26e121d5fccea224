# SPDX-License-Identifier: ISC
GUEST     := $(NAME).xl $(NAME)_libvirt.xml.in
run: all $(NAME).xl
	@SUDO='$(SUDO)' $(MIRAGE) run -- $(ARGS)

CONNECT   := xen:///
