#include "net/submission.h"

#ifdef WITH_LIBURING

#include <errno.h>
#include <liburing.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

enum {
    /* Without MSG_WAITALL a short send would be a success, of which nothing tells; it does not wait
     * with MSG_DONTWAIT. */
    SEND_FLAGS = MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL,
    /* The kernel does what is left to do when we call it, and does not interrupt us for it; one
     * entry that is wrong does not stop those behind it. Both are younger than what we need. */
    RING_FLAGS = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SUBMIT_ALL,
};

struct submission {
    struct io_uring ring;
    submission_told *told;
    void *ctx;
    bool lost;
};

/* --- submitting --- */

/* By itself, without the ring. */
static void send_alone(struct submission *s, const struct io_uring_sqe *e)
{
    const void *data = (const void *)(uintptr_t)e->addr;
    ssize_t n;
    do
        n = send(e->fd, data, e->len, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)e->len)
        s->told(s->ctx, (void *)(uintptr_t)e->user_data, n < 0 ? -errno : (int)n);
}

/* What the kernel has not taken is sent all the same, and nothing more goes by the ring. */
static void lose(struct submission *s, int error)
{
    const struct io_uring_sq *sq = &s->ring.sq;
    s->lost = true;
    log_warn("io_uring failed: %s; each delivery is a system call of its own from now on",
             strerror(error));
    for (unsigned left = io_uring_sq_ready(&s->ring); left > 0; left--)
        send_alone(s, &sq->sqes[(sq->sqe_tail - left) & (s->ring.sq.ring_entries - 1)]);
}

static void tell(struct submission *s)
{
    struct io_uring_cqe *c;
    unsigned head, count = 0;
    io_uring_for_each_cqe(&s->ring, head, c)
    {
        s->told(s->ctx, io_uring_cqe_get_data(c), c->res);
        count++;
    }
    io_uring_cq_advance(&s->ring, count);
}

/* A ring takes less than there is when memory for its requests is short. */
static void submit(struct submission *s)
{
    while (io_uring_sq_ready(&s->ring) > 0) {
        int n = io_uring_submit(&s->ring);
        tell(s);
        if (n <= 0 && n != -EINTR) {
            lose(s, n ? -n : ENOMEM);
            return;
        }
    }
}

void submission_begin(struct submission *s, submission_told *told, void *ctx)
{
    s->told = told;
    s->ctx = ctx;
}

bool submission_add(struct submission *s, int fd, const void *data, size_t n, void *who)
{
    struct io_uring_sqe *e = NULL;
    if (!s->lost && !(e = io_uring_get_sqe(&s->ring)))
        submit(s);
    if (!e && !s->lost)
        e = io_uring_get_sqe(&s->ring);
    if (!e)
        return false;
    io_uring_prep_send(e, fd, data, n, SEND_FLAGS);
    io_uring_sqe_set_flags(e, IOSQE_CQE_SKIP_SUCCESS);
    io_uring_sqe_set_data(e, who);
    return true;
}

void submission_end(struct submission *s)
{
    if (!s->lost)
        submit(s);
}

/* --- trying --- */

/* More than a socket takes. */
enum { TRIED_BYTES = 1 << 20 };

/* One end of a pair gets more than it takes, and then more; the other one a byte. */
struct trial {
    int fds[2];
    int told, cut, full;
};

static void note(void *ctx, void *who, int result)
{
    struct trial *t = ctx;
    t->told++;
    if (who == &t->cut)
        t->cut = result;
    else if (who == &t->full)
        t->full = result;
}

static bool is_as_told(const struct trial *t, char *room)
{
    ssize_t got = 0, n;
    while ((n = recv(t->fds[1], room, TRIED_BYTES, MSG_DONTWAIT)) > 0)
        got += n;
    return t->told == 2 && t->cut > 0 && t->cut == got && t->full == -EAGAIN &&
           recv(t->fds[0], room, TRIED_BYTES, MSG_DONTWAIT) == 1;
}

static bool try_sends(struct submission *s, struct trial *t)
{
    char *room = calloc(1, TRIED_BYTES);
    bool works = room != NULL;
    if (works) {
        submission_begin(s, note, t);
        works = submission_add(s, t->fds[0], room, TRIED_BYTES, &t->cut) &&
                submission_add(s, t->fds[0], room, TRIED_BYTES, &t->full) &&
                submission_add(s, t->fds[1], room, 1, NULL);
        submission_end(s);
        works = works && !s->lost && is_as_told(t, room);
    }
    free(room);
    return works;
}

static const char *wrong_with(struct submission *s)
{
    struct trial t = {0};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, t.fds) != 0)
        return strerror(errno);
    bool works = try_sends(s, &t);
    close(t.fds[0]);
    close(t.fds[1]);
    return works ? NULL : "the kernel does not tell what a send lacks (Linux 5.19 does)";
}

/* --- life --- */

static const char *text_of(int error)
{
    return error == EINVAL ? "the kernel is older than Linux 5.19" : strerror(error);
}

struct submission *submission_create(unsigned entries, const char **ret_why)
{
    struct submission *s = calloc(1, sizeof(*s));
    int error = s ? -io_uring_queue_init(entries, &s->ring, RING_FLAGS) : ENOMEM;
    if (error) {
        free(s);
        *ret_why = text_of(error);
        return NULL;
    }
    *ret_why = wrong_with(s);
    if (!*ret_why)
        return s;
    submission_destroy(s);
    return NULL;
}

void submission_destroy(struct submission *s)
{
    if (!s)
        return;
    io_uring_queue_exit(&s->ring);
    free(s);
}

#else

struct submission *submission_create(unsigned entries, const char **ret_why)
{
    (void)entries;
    *ret_why = "it was left out of this program";
    return NULL;
}

void submission_destroy(struct submission *s)
{
    (void)s;
}

void submission_begin(struct submission *s, submission_told *told, void *ctx)
{
    (void)s;
    (void)told;
    (void)ctx;
}

bool submission_add(struct submission *s, int fd, const void *data, size_t n, void *who)
{
    (void)s;
    (void)fd;
    (void)data;
    (void)n;
    (void)who;
    return false;
}

void submission_end(struct submission *s)
{
    (void)s;
}

#endif
