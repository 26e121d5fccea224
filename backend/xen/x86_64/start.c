/* SPDX-License-Identifier: ISC */
/* The entry points in C: of PV (entry.S) and of PVH (arch/entry.h). */
#include "kinds.h"
#include <arch/entry.h>

void pv_start(struct start_info *info);

void pv_start(struct start_info *info)
{
    guest_run(pv_init(info));
}

void bare_start(const struct hvm_start_info *info)
{
    guest_run(pvh_init(info));
}
