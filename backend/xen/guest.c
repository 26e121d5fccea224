/* SPDX-License-Identifier: ISC */
/* The facts about the guest that this back end's files share. */
#include "guest.h"

struct xen xen;

_Alignas(4096) uint8_t shared_page[4096];
