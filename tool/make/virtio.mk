# SPDX-License-Identifier: ISC
GUEST     := $(NAME).qemu.sh $(NAME)_libvirt.xml.in
run: all $(GUEST)
	$(SUDO) sh ./$(NAME).qemu.sh $(ARGS)

# libvirt's type of the domain. ACCEL is that of $(NAME).qemu.sh.
DOMAIN     = $(if $(ACCEL),$(if $(filter kvm%,$(ACCEL)),kvm,qemu),$(shell \
    test -w /dev/kvm && echo kvm || echo qemu))
CONNECT   := qemu:///system
