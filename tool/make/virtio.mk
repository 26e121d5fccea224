# SPDX-License-Identifier: ISC
GUEST     := $(NAME).qemu.sh
run: all $(GUEST)
	$(SUDO) sh ./$(NAME).qemu.sh $(ARGS)

