/* SPDX-License-Identifier: ISC */
/*
 * status: the result of an operation.
 *
 * OK is zero, and no error is, so that `if (s)` tests for an error. Errors that
 * the environment can cause are returned as a status; conditions that only a
 * bug can cause are checked by require() (mirage/panic.h).
 */
#ifndef MIRAGE_STATUS_H
#define MIRAGE_STATUS_H

/* clang-format off */
#define STATUSES(X)                                              \
    X(OK,                "done")                                 \
    X(ERR_EOF,           "end of the stream")                    \
    X(ERR_NOT_FOUND,     "no such name")                         \
    X(ERR_EXISTS,        "the name exists already")              \
    X(ERR_NOT_DIRECTORY, "not a directory")                      \
    X(ERR_IS_DIRECTORY,  "it is a directory")                    \
    X(ERR_NOT_EMPTY,     "the directory is not empty")           \
    X(ERR_NAME,          "not a name that can be used here")     \
    X(ERR_RANGE,         "outside the device")                   \
    X(ERR_READ_ONLY,     "it is read-only")                      \
    X(ERR_NO_SPACE,      "no space left")                        \
    X(ERR_NO_MEMORY,     "out of memory")                        \
    X(ERR_FORMAT,        "not a format that is known here")      \
    X(ERR_CORRUPT,       "the stored data makes no sense")       \
    X(ERR_IN_USE,        "already in use")                       \
    X(ERR_PERMISSION,    "not permitted")                        \
    X(ERR_UNSUPPORTED,   "not supported here")                   \
    X(ERR_UNREACHABLE,   "no route to that address")             \
    X(ERR_REFUSED,       "connection refused")                   \
    X(ERR_RESET,         "connection reset by the peer")         \
    X(ERR_TIMEOUT,       "no answer in time")                    \
    X(ERR_CANCELLED,     "the fiber was cancelled")              \
    X(ERR_GONE,          "the device was disconnected")          \
    X(ERR_IO,            "the device failed")
/* clang-format on */

enum status {
#define MIRAGE_STATUS_NAME(name, text) name,
    STATUSES(MIRAGE_STATUS_NAME)
#undef MIRAGE_STATUS_NAME
};

/* Returns a phrase for messages, such as "out of memory"; for a number that is
 * not in the list, "an unknown status". */
const char *status_text(enum status s);

/* A function whose result must be used: handled, returned, or logged. */
#define MUST_CHECK __attribute__((warn_unused_result))

#endif
