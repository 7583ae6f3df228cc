/* The connection to the hub. Its .c file alone sees hiredis. */
#ifndef TOOLS_CTL_CTL_HUB_H
#define TOOLS_CTL_CTL_HUB_H

#include <stddef.h>

#include "base/err.h"

struct redisContext;

struct ctl_hub {
    const char *path;           /* borrowed */
    const char *path_from;      /* who gave the path, for messages */
    unsigned timeout_s;         /* 0 = none */
    struct redisContext *redis; /* NULL = not connected */
    int error;                  /* errno of the last failure to connect or to talk */
};

enum ctl_reply_kind { CTL_REPLY_TEXT, CTL_REPLY_NUMBER, CTL_REPLY_ERROR, CTL_REPLY_OTHER };

/* One answer; `text` is valid until ctl_reply_finish. */
struct ctl_reply {
    enum ctl_reply_kind kind;
    const char *text; /* TEXT, ERROR; NUL-terminated, may hold NULs too */
    size_t len;
    long long number; /* NUMBER */
    void *owner;
};

/* Connects without a word; ERR_CLOSED with h->error set. */
MUST_CHECK enum err ctl_hub_connect(struct ctl_hub *h);
/* May be called at any time, twice too. */
void ctl_hub_close(struct ctl_hub *h);
/* Puts a command into the output buffer. LENS NULL: the words are strings. ERR_NOMEM. */
MUST_CHECK enum err ctl_hub_queue(struct ctl_hub *h, int argc, const char **argv,
                                  const size_t *lens);
/* Writes out what is queued; blocks. ERR_CLOSED when the connection is gone. */
MUST_CHECK enum err ctl_hub_flush(struct ctl_hub *h);
/* The next answer; blocks for up to the hub's time limit. ERR_CLOSED when the connection is gone or
 * the time is over (h->error is EAGAIN then). On success finish *RET. */
MUST_CHECK enum err ctl_hub_next(struct ctl_hub *h, struct ctl_reply *ret);
/* An answer that has been received already, without reading; ERR_AGAIN when there is none. */
MUST_CHECK enum err ctl_hub_pending(struct ctl_hub *h, struct ctl_reply *ret);
/* For poll(). */
int ctl_hub_fd(const struct ctl_hub *h);
void ctl_hub_set_timeout(struct ctl_hub *h, unsigned seconds);
/* How h->error reads. */
const char *ctl_hub_why(const struct ctl_hub *h);
void ctl_reply_finish(struct ctl_reply *r);

#endif
