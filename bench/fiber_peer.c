/* SPDX-License-Identifier: ISC */
/*
 * The alternatives to fibers: ucontext, pthreads, and the switch of arch/
 * without a scheduler. Each is used in the best way: contexts have no
 * scheduler, and their stacks are reused.
 */
#define _GNU_SOURCE
#include "measure.h"
#include <mirage/arch.h>
#include <mirage/fiber.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <ucontext.h>

#define BARE_SWITCHES    8000000
#define CONTEXT_SWITCHES 800000
#define THREAD_SWITCHES  200000
#define CONTEXTS         300000
#define THREADS          10000
#define BURST            1000
#define BURSTS           4

static void *new_stack(void)
{
    void *stack = mmap(NULL, FIBER_STACK, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (stack == MAP_FAILED)
        give_up("no memory for a stack");
    return stack;
}

/* arch_switch */

static void *left_at[2];

/* Both sides switch at the same address, as with a scheduler. */
static __attribute__((noinline)) void switch_often(int me, int times)
{
    for (int i = 0; i < times; i++)
        arch_switch(&left_at[me], left_at[!me]);
}

static void other_side(void)
{
    switch_often(1, BARE_SWITCHES);
}

static void bare_switch(void)
{
    struct moment start;

    left_at[1] = arch_stack((char *)new_stack() + FIBER_STACK, other_side);
    start = moment_now();
    switch_often(0, BARE_SWITCHES / 2);
    report_each("switch", start, BARE_SWITCHES);
}

/* ucontext */

static ucontext_t main_context, other_context;

static void swap_back(void)
{
    for (;;)
        swapcontext(&other_context, &main_context);
}

static void end_at_once(void)
{
}

static void make_context(void *stack, void (*fn)(void))
{
    getcontext(&other_context);
    other_context.uc_stack.ss_sp = stack;
    other_context.uc_stack.ss_size = FIBER_STACK;
    other_context.uc_link = &main_context;
    makecontext(&other_context, fn, 0);
}

static void context_switch(void)
{
    struct moment start;

    make_context(new_stack(), swap_back);
    start = moment_now();
    for (int i = 0; i < CONTEXT_SWITCHES / 2; i++)
        swapcontext(&main_context, &other_context);
    report_each("switch", start, CONTEXT_SWITCHES);
}

static void context_spawn(void)
{
    void *stack = new_stack();
    struct moment start = moment_now();

    for (int i = 0; i < CONTEXTS; i++) {
        make_context(stack, end_at_once);
        swapcontext(&main_context, &other_context);
    }
    report_each("spawn", start, CONTEXTS);
}

/* pthreads */

static pthread_t new_thread(void *(*fn)(void *), void *ctx)
{
    pthread_attr_t attributes;
    pthread_t thread;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, FIBER_STACK);
    if (pthread_create(&thread, &attributes, fn, ctx) != 0)
        give_up("pthread_create failed");
    pthread_attr_destroy(&attributes);
    return thread;
}

static void two_threads(const char *figure, void *(*fn)(void *))
{
    struct moment start = moment_now();
    pthread_t a = new_thread(fn, (void *)0);
    pthread_t b = new_thread(fn, (void *)1);

    pthread_join(a, NULL);
    pthread_join(b, NULL);
    report_each(figure, start, THREAD_SWITCHES);
}

/* Counts only yields after which the other thread has run. */
static atomic_long turn;

static void *yield_in_turn(void *ctx)
{
    for (long i = 0; i < THREAD_SWITCHES / 2; i++) {
        while (atomic_load(&turn) != (long)ctx)
            sched_yield();
        atomic_store(&turn, !(long)ctx);
    }
    return NULL;
}

/* On one processor, where a yield is cheapest. */
static void thread_switch(void)
{
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
    two_threads("switch", yield_in_turn);
}

/* A message is a flag under a lock, the least possible. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed[2] = {PTHREAD_COND_INITIALIZER,
                                    PTHREAD_COND_INITIALIZER};
static long whose;

static void *answer_in_turn(void *ctx)
{
    long me = (long)ctx;

    pthread_mutex_lock(&lock);
    for (long i = 0; i < THREAD_SWITCHES / 2; i++) {
        while (whose != me)
            pthread_cond_wait(&changed[me], &lock);
        whose = !me;
        pthread_cond_signal(&changed[!me]);
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

static void thread_message(void)
{
    two_threads("message", answer_in_turn);
}

static void *nothing(void *ctx)
{
    return ctx;
}

static void thread_spawn(void)
{
    struct moment start = moment_now();

    for (int i = 0; i < THREADS; i++)
        pthread_join(new_thread(nothing, NULL), NULL);
    report_each("spawn", start, THREADS);
}

static void thread_burst(void)
{
    static pthread_t threads[BURST];
    struct moment start = moment_now();

    for (int n = 0; n < BURSTS; n++) {
        for (int i = 0; i < BURST; i++)
            threads[i] = new_thread(nothing, NULL);
        for (int i = 0; i < BURST; i++)
            pthread_join(threads[i], NULL);
    }
    report_each("burst", start, BURST * BURSTS);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*measure)(void);
    } all[] = {
        /* clang-format off */
        {"bare-switch", bare_switch},
        {"context-switch", context_switch},
        {"context-spawn", context_spawn},
        {"thread-switch", thread_switch},
        {"thread-message", thread_message},
        {"thread-spawn", thread_spawn},
        {"thread-burst", thread_burst},
        /* clang-format on */
    };

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (argc == 2 && strcmp(argv[1], all[i].name) == 0) {
            all[i].measure();
            return 0;
        }
    }
    give_up("fiber_peer: what is to be measured?");
}
