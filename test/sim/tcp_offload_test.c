/* SPDX-License-Identifier: ISC */
/* The same between devices that check and cut for their stacks. */
#define FEATURES (NETWORK_CHECKSUM | NETWORK_TCP_SEGMENTS)
#define MTU      9000
#include "tcp_test.c"
