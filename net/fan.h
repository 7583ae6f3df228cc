/*
 * A fan-out: the same bytes, or others, for many descriptors at once, of which the kernel is told
 * one by one or, with a ring (submission.h), all together.
 *
 * What was taken whole is not told. What was cut is, now or at the end: whoever gets it must do
 * with either, so until fan_end nothing else is written to a descriptor that was given to fan_send,
 * and what WHO is must stay.
 */
#ifndef NET_FAN_H
#define NET_FAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct submission;

/* Of the bytes for WHO only TAKEN, which may be 0, have been. WHY: ERR_AGAIN, there is no more
 * room; ERR_TIMEOUT, the kernel has given the peer up; ERR_CLOSED, it is lost in another way. */
typedef void fan_cut(void *ctx, void *who, size_t taken, enum err why);

/* What one is sent. */
struct fan_one {
    const void *data;
    size_t n;
    void *who;
    int fd;
};

struct fan {
    fan_cut *cut;
    void *ctx;
    struct submission *submission; /* NULL: one by one */
    struct fan_one first;          /* waits for a second, and goes by itself where none comes */
    uint32_t sent, cuts; /* as of fan_end: how many there were, and how many of them were cut */
};

/* By way of S, if that is not NULL; borrowed until fan_end. */
void fan_begin(struct fan *f, struct submission *s, fan_cut *cut, void *ctx);
/* N bytes, at least one, to FD; they stay as they are until fan_end. Once for each descriptor. */
void fan_send(struct fan *f, int fd, const void *data, size_t n, void *who);
void fan_end(struct fan *f);
/* How many of them went to the kernel together. */
static inline uint32_t fan_together(const struct fan *f)
{
    return f->submission && f->sent > 1 ? f->sent : 0;
}

#endif
