/* SPDX-License-Identifier: ISC */
/*
 * functions: mirage/config.h without the macros that note the place of a call,
 * for the files that define the functions behind them.
 */
#ifndef CONFIG_FUNCTIONS_H
#define CONFIG_FUNCTIONS_H

#include <mirage/config.h>

#undef custom_console
#undef block_of_file
#undef fat
#undef fat_of_files
#undef kv_ro_of_fs
#undef crunch
#undef direct_kv_ro
#undef netif
#undef direct_stackv4_with_default_ipv4
#undef direct_stackv4_with_static_ipv4
#undef direct_stackv4_with_dhcp
#undef socket_stackv4
#undef resolver
#undef env_flag
#undef package
#undef library
#undef job_stop
#undef job_source
#undef job_include
#undef together
#undef unikernel

#endif
