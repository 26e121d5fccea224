/* SPDX-License-Identifier: ISC */
/*
 * mirage: all that an application may use, in one include.
 *
 * Each contract stands in a header of its own under mirage/, and
 * `mirage help NAME` prints it. The headers that this file includes are help's
 * topics. The calls and types are C; C++ may use them by this header (the
 * others do not say extern "C" by themselves).
 *
 * Four words say who owns what. A pointer is lent for the length of the call
 * unless the comment says: takes (it is the callee's now, even if the call
 * fails), keeps (it must outlive the object) or yours (the caller frees it,
 * with the function named). A call that may suspend the calling fiber says
 * that it blocks; all others run to their end with nothing in between.
 */
#ifndef MIRAGE_H
#define MIRAGE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Devices, and the layers of which stacks are made. */
#include <mirage/console.h>
#include <mirage/block.h>
#include <mirage/fs.h>
#include <mirage/fat.h>
#include <mirage/kv_ro.h>
#include <mirage/network.h>
#include <mirage/ethernet.h>
#include <mirage/arp.h>
#include <mirage/ipv4.h>
#include <mirage/icmpv4.h>
#include <mirage/udpv4.h>
#include <mirage/tcpv4.h>
#include <mirage/stackv4.h>
#include <mirage/dns.h>

/* Services. */
#include <mirage/flow.h>
#include <mirage/address.h>
#include <mirage/status.h>
#include <mirage/time.h>
#include <mirage/random.h>
#include <mirage/text.h>
#include <mirage/log.h>
#include <mirage/panic.h>
#include <mirage/boot.h>
#include <mirage/fiber.h>
#include <mirage/buf.h>

#ifdef __cplusplus
}
#endif

#endif
