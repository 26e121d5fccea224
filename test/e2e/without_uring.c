/* SPDX-License-Identifier: ISC */
/*
 * without_uring [CALL] COMMAND...   runs it with a seccomp filter, as on a host
 *                                   without io_uring: io_uring_setup fails
 *
 * CALL: --enter: io_uring_enter fails, as in a sandbox;
 * --random: getrandom fails.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int count, char **words)
{
    int is_enter = count > 1 && strcmp(words[1], "--enter") == 0;
    int is_random = count > 1 &&
                    strcmp(words[1], "--random") == 0;
    long call = is_enter    ? SYS_io_uring_enter
                : is_random ? SYS_getrandom
                            : SYS_io_uring_setup;
    int error = is_enter ? EPERM : ENOSYS;
    int first = is_enter || is_random ? 2 : 1;
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};

    if (count <= first)
        return 64;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0)
        execvp(words[first], words + first);
    perror(words[0]);
    return 125;
}
