# SPDX-License-Identifier: ISC
run: all
	$(SUDO) sh ./$(NAME).qemu.sh $(ARGS)

