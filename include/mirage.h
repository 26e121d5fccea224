/* SPDX-License-Identifier: ISC */
/*
 * mirage: the whole interface for applications, in one include.
 *
 * Each device type or service has a header under mirage/, which is its
 * contract; `mirage help NAME` prints it. The headers that this file includes
 * are the topics of help. C++ may use the interface through this header (the
 * others do not have extern "C").
 *
 * Ownership: a pointer that is passed is lent for the length of the call,
 * unless the comment says "takes" (it belongs to the callee from now on, even
 * if the call fails) or "keeps" (it must outlive the object). "Yours": the
 * caller owns the result, and frees it with the function that is named. A call
 * that may suspend the calling fiber "blocks"; during any other call no other
 * fiber runs.
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
