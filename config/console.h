/* SPDX-License-Identifier: ISC */
/* console: which driver console "0" has, once all devices are known. */
#ifndef CONFIG_CONSOLE_H
#define CONFIG_CONSOLE_H

/* Has the virtio driver serve default_console in an image that has the virtio
 * bus anyway. To be called after configure(). */
void console_choose_driver(void);

#endif
