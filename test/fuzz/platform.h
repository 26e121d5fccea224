/* SPDX-License-Identifier: ISC */
#ifndef FUZZ_PLATFORM_H
#define FUZZ_PLATFORM_H

#include <setjmp.h>

/* Where platform_exit goes: setjmp it before what may end the image. */
extern jmp_buf fuzz_exit;

#endif
