/* SPDX-License-Identifier: ISC */
/* The results of requests, for both engines (block_engine.h). */
#include "block_engine.h"
#include <errno.h>

bool request_is_over(struct request *r, ssize_t result)
{
    bool was_direct = r->fd != r->plain;

    if (result == -EINTR || result == -EAGAIN)
        return false;
    r->fd = r->plain; /* the rest need not be aligned */
    if (result == -EINVAL && was_direct)
        return false;
    if (result == 0 && r->operation == DISCARD)
        r->done = r->len;
    else if (result > 0)
        r->done += (size_t)result;
    else if (result < 0)
        r->error = (int)-result;
    else if (r->operation == WRITE)
        r->error = EIO; /* nothing was written, and there is no error */
    return result <= 0 || r->done >= r->len;
}

static enum status status_of(const struct request *r)
{
    switch (r->error) {
    case 0: /* a file that has become shorter is an error, too */
        return r->done == r->len ? OK : ERR_IO;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return ERR_NO_SPACE;
    default:
        return r->operation == DISCARD && r->error == EOPNOTSUPP
                   ? ERR_UNSUPPORTED
                   : ERR_IO;
    }
}

void request_finish(struct request *r)
{
    completion_finish(&r->completion, status_of(r));
}
