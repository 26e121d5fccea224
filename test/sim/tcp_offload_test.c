/* SPDX-License-Identifier: ISC */
/* tcp_test with devices that have checksum and segmentation offload. */
#define FEATURES (NETWORK_CHECKSUM | NETWORK_TCP_SEGMENTS)
#define MTU      9000
#include "tcp_test.c"
