/* A loop on epoll. */
#ifndef TOOLS_BENCH_BENCH_LOOP_H
#define TOOLS_BENCH_BENCH_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct bench_source {
    void (*ready)(struct bench_source *s, uint32_t events); /* EPOLL bits */
};

struct bench_loop {
    int epoll;
    bool spin;   /* do not wait in the kernel: nobody has to wake this process */
    bool failed; /* a source met something that ends the run, and has said what */
};

/* ERR_IO. */
MUST_CHECK enum err loop_init(struct bench_loop *l, bool spin);
void loop_finish(struct bench_loop *l);
/* Watches FD for EVENTS; S is borrowed until FD is closed. ERR_IO. */
MUST_CHECK enum err loop_add(struct bench_loop *l, int fd, uint32_t events, struct bench_source *s);
void loop_change(struct bench_loop *l, int fd, uint32_t events, struct bench_source *s);
/* Waits until something is ready, at most WAIT (0 = not at all), and serves it. */
void loop_turn(struct bench_loop *l, uint64_t wait);
/* From now on, an interrupt from the keyboard is noted instead of ending the program. */
void loop_catch_interrupt(void);
bool loop_interrupted(void);

#endif
