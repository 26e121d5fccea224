/* SPDX-License-Identifier: ISC */
/* pv: the memory of a PV guest; see pages.h and mirage/bare.h. */
#ifndef XEN_PV_H
#define XEN_PV_H

#include <stdbool.h>
#include <stddef.h>

bool   pv_more(size_t count);
size_t pv_unmapped(void);
void  *pv_table_page(void);

#endif
