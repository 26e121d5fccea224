/* SPDX-License-Identifier: ISC */
/* fat_calls: the operations of fs_ops (mirage/fs.h) that fat.c does not have.
 */
#ifndef STORE_FAT_CALLS_H
#define STORE_FAT_CALLS_H

#include <mirage/fs.h>

/* fat_list.c */
enum status fat_stat(struct fs *fs, const char *path, struct fs_stat *st);
enum status fat_list(struct fs *fs, const char *path, fs_entry *fn, void *ctx);

/* fat_file.c */
enum status fat_read(struct fs *fs, const char *path, uint64_t offset,
                     void *data, size_t len, size_t *got);
enum status fat_write(struct fs *fs, const char *path, uint64_t offset,
                      const void *data, size_t len);
enum status fat_truncate(struct fs *fs, const char *path, uint64_t size);

/* fat_names.c */
enum status fat_create(struct fs *fs, const char *path);
enum status fat_mkdir(struct fs *fs, const char *path);
enum status fat_remove(struct fs *fs, const char *path);
enum status fat_rename(struct fs *fs, const char *from, const char *to);

#endif
