/* SPDX-License-Identifier: ISC */
/*
 * Mutex and mailbox, on waiters. fiber_unlock passes a mutex directly to the
 * fiber that has waited longest, so that no later one can overtake it.
 */
#include <mirage/fiber.h>
#include <mirage/panic.h>

enum status fiber_lock(struct fiber_mutex *m, nanoseconds deadline)
{
    require(m->owner != fiber_self());
    if (!m->owner) {
        m->owner = fiber_self();
        return OK;
    }
    while (m->owner != fiber_self()) {
        enum status s = wait_until(&m->waiters, deadline);

        if (s != OK)
            return s;
    }
    return OK;
}

void fiber_unlock(struct fiber_mutex *m)
{
    require(m->owner == fiber_self());
    m->owner = m->waiters.first;
    wake_one(&m->waiters);
}

void mailbox_init(struct mailbox *m, void **slots, size_t capacity)
{
    require(capacity > 0);
    *m = (struct mailbox){.slots = slots, .capacity = capacity};
}

enum status mailbox_send(struct mailbox *m, void *message,
                         nanoseconds deadline)
{
    while (!m->closed && m->count == m->capacity) {
        enum status s = wait_until(&m->senders, deadline);

        if (s != OK)
            return s;
    }
    if (m->closed)
        return ERR_GONE;
    m->slots[(m->first + m->count++) % m->capacity] = message;
    wake_one(&m->receivers);
    return OK;
}

enum status mailbox_receive(struct mailbox *m, void **message,
                            nanoseconds deadline)
{
    while (m->count == 0) {
        enum status s;

        if (m->closed)
            return ERR_EOF;
        if ((s = wait_until(&m->receivers, deadline)) != OK)
            return s;
    }
    *message = m->slots[m->first];
    m->first = (m->first + 1) % m->capacity;
    m->count--;
    wake_one(&m->senders);
    return OK;
}

void mailbox_close(struct mailbox *m)
{
    m->closed = true;
    wake_all(&m->senders);
    wake_all(&m->receivers);
}
