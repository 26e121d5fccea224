/* SPDX-License-Identifier: ISC */
/* Its random numbers are xorshift64*. */
#include "liar.h"
#include "fake.h"
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>

#define BURST 64 /* lies of the thread for each time that it has the lock */

struct tally *tally_new(void)
{
    void *at = mmap(NULL, sizeof(struct tally), PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (at == MAP_FAILED)
        fake_fail("no memory for a tally");
    return at;
}

uint32_t liar_pick(struct liar *l, uint32_t bound)
{
    l->seed ^= l->seed << 13;
    l->seed ^= l->seed >> 7;
    l->seed ^= l->seed << 17;
    return (uint32_t)(l->seed * 0x2545f4914f6cdd1du >> 32) % bound;
}

uint32_t liar_number(struct liar *l)
{
    static const uint32_t numbers[] = {0, 1, 2, 31, 32, 33, 255, 256, 257,
                                       1024, 4095, 4096, 4097, 65535,
                                       0x7fffffff, 0x80000000, 0xffffffff};

    return numbers[liar_pick(l, sizeof numbers / sizeof numbers[0])];
}

void liar_begin(struct liar *l, struct tally *t, unsigned kinds, uint64_t seed)
{
    unsigned way = (unsigned)(seed % 3);

    memset(l, 0, sizeof *l);
    l->tally = t;
    l->kinds = t->kinds = kinds;
    l->seed = seed * 0x9e3779b97f4a7c15u | 1;
    l->before = LIAR_HONEST;
    l->some = way;
    l->kind[0] = (unsigned)(seed / 3 % kinds);
    l->kind[1] = liar_pick(l, kinds);
    l->left = liar_pick(l, 2) ? liar_pick(l, 60) : 0;
}

unsigned liar_choose(struct liar *l)
{
    if (l->left > 0) {
        l->left--;
        return LIAR_HONEST;
    }
    if (l->some == 1)
        return l->kind[0];
    if (liar_pick(l, 8) >= 5)
        return LIAR_HONEST;
    return l->some == 2 ? l->kind[liar_pick(l, 2)] : liar_pick(l, l->kinds);
}

void liar_count(struct liar *l, unsigned kind, bool is_heard)
{
    struct tally *t = l->tally;

    t->acts++;
    t->heard_acts += is_heard;
    t->heard_lies += is_heard && kind != LIAR_HONEST;
    l->row = kind == l->before ? l->row + 1 : 1;
    l->before = kind;
    if (kind == LIAR_HONEST)
        return;
    t->lies++;
    t->lies_of[kind]++;
    if (l->row > t->longest[kind])
        t->longest[kind] = l->row;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_t thread;
static bool ends;
static unsigned lied;
static void (*lie_once)(uint32_t random);
static struct tally *counted;

static void *lie(void *ctx)
{
    uint64_t x = 12345;

    (void)ctx;
    while (!__atomic_load_n(&ends, __ATOMIC_RELAXED)) {
        pthread_mutex_lock(&lock);
        for (int i = 0; i < BURST; i++) {
            x = x * 6364136223846793005u + 1442695040888963407u;
            lie_once((uint32_t)(x >> 32));
        }
        pthread_mutex_unlock(&lock);
        __atomic_fetch_add(&lied, BURST, __ATOMIC_RELAXED);
        sched_yield();
    }
    return NULL;
}

void liar_thread(struct tally *t, void (*once)(uint32_t random))
{
    counted = t;
    lie_once = once;
    lied = 0;
    ends = false;
    if (pthread_create(&thread, NULL, lie, NULL) != 0)
        fake_fail("no thread");
}

void liar_thread_end(void)
{
    __atomic_store_n(&ends, true, __ATOMIC_RELAXED);
    if (pthread_join(thread, NULL) != 0)
        fake_fail("no thread");
    counted->writes += lied;
}

void liar_wait(unsigned lies)
{
    while (__atomic_load_n(&lied, __ATOMIC_RELAXED) < lies)
        sched_yield();
}

void liar_lock(void)
{
    pthread_mutex_lock(&lock);
}

void liar_unlock(void)
{
    pthread_mutex_unlock(&lock);
}
