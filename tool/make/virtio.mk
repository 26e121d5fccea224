# SPDX-License-Identifier: ISC
GUEST     := $(NAME).qemu.sh $(NAME)_libvirt.xml.in
run: all $(GUEST)
	$(SUDO) sh ./$(NAME).qemu.sh $(ARGS)

# The type of libvirt's domain. ACCEL has the same meaning as for
# $(NAME).qemu.sh.
DOMAIN     = $(if $(ACCEL),$(if $(filter kvm%,$(ACCEL)),kvm,qemu),$(shell \
    test -w /dev/kvm && echo kvm || echo qemu))
CONNECT   := qemu:///system
