#include "net/crypto_threads.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "net/loop.h"

/* Who is connected comes before who wants to be: the workers' deliveries before this. */
enum { NICE = 5 };

struct crypto_threads {
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct crypto_queue {
        struct crypto_job *first, *last;
    } queues[2];               /* that wait: those that go on, and those behind them that begin */
    size_t waiting, queue_max; /* in both */
    bool stopping;
    unsigned count; /* threads that run */
    pthread_t thread[];
};

static void append(struct crypto_job **first, struct crypto_job **last, struct crypto_job *job)
{
    job->next = NULL;
    if (*first)
        (*last)->next = job;
    else
        *first = job;
    *last = job;
}

static struct crypto_job *shift(struct crypto_threads *t)
{
    struct crypto_queue *q = t->queues[0].first ? &t->queues[0] : &t->queues[1];
    struct crypto_job *job = q->first;
    if (job) {
        q->first = job->next;
        t->waiting--;
    }
    return job;
}

/* --- a thread --- */

/* NULL: the threads end. */
static struct crypto_job *take(struct crypto_threads *t)
{
    pthread_mutex_lock(&t->lock);
    while (!t->waiting && !t->stopping)
        pthread_cond_wait(&t->more, &t->lock);
    struct crypto_job *job = t->stopping ? NULL : shift(t);
    pthread_mutex_unlock(&t->lock);
    return job;
}

static void send_home(struct crypto_threads *t, struct crypto_job *job)
{
    static const uint64_t one = 1;
    struct crypto_port *p = job->home;
    pthread_mutex_lock(&t->lock);
    bool wake = !p->first;
    append(&p->first, &p->last, job);
    /* Under the lock: behind it, the port may be closed. */
    if (wake && write(p->fd, &one, sizeof(one)) < 0)
        abort(); /* an eventfd takes 2^64 - 2 of them */
    pthread_mutex_unlock(&t->lock);
}

static void *run(void *arg)
{
    struct crypto_threads *t = arg;
    struct crypto_job *job;
    setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
    while ((job = take(t))) {
        job->run(job);
        job->ran = true;
        send_home(t, job);
    }
    return NULL;
}

/* --- life --- */

static enum err start(struct crypto_threads *t, unsigned count)
{
    sigset_t all, old; /* signals are the main thread's */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    while (t->count < count && pthread_create(&t->thread[t->count], NULL, run, t) == 0)
        t->count++;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return t->count == count ? ERR_OK : ERR_IO;
}

enum err crypto_threads_create(unsigned count, size_t queue_max, struct crypto_threads **ret)
{
    struct crypto_threads *t = calloc(1, sizeof(*t) + count * sizeof(t->thread[0]));
    if (!t)
        return ERR_NOMEM;
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->more, NULL);
    t->queue_max = queue_max;
    enum err e = start(t, count);
    if (e != ERR_OK) {
        crypto_threads_stop(t);
        crypto_threads_destroy(t);
        return e;
    }
    *ret = t;
    return ERR_OK;
}

void crypto_threads_stop(struct crypto_threads *t)
{
    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    t->stopping = true;
    pthread_cond_broadcast(&t->more);
    pthread_mutex_unlock(&t->lock);
    while (t->count > 0)
        pthread_join(t->thread[--t->count], NULL);
    for (struct crypto_job *job; (job = shift(t));)
        send_home(t, job);
}

void crypto_threads_destroy(struct crypto_threads *t)
{
    if (!t)
        return;
    pthread_cond_destroy(&t->more);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

/* --- ports --- */

static void on_home(evutil_socket_t fd, short what, void *arg)
{
    struct crypto_port *p = arg;
    (void)fd;
    (void)what;
    p->told = true; /* the turn that begins now serves it */
}

enum err crypto_port_open(struct crypto_port *p, struct crypto_threads *t, struct loop *l)
{
    p->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (p->fd < 0)
        return ERR_IO;
    /* For edges: serving does not read it. */
    enum err e = loop_watch(l, &p->event, p->fd, EV_PERSIST | EV_ET, on_home, p);
    if (e != ERR_OK) {
        close(p->fd);
        return e;
    }
    p->threads = t;
    p->open = true;
    return ERR_OK;
}

static struct crypto_job *take_home(struct crypto_port *p)
{
    pthread_mutex_lock(&p->threads->lock);
    struct crypto_job *list = p->first;
    p->first = NULL;
    pthread_mutex_unlock(&p->threads->lock);
    return list;
}

static void finish_one(struct crypto_port *p)
{
    struct crypto_job *job = p->taken;
    p->taken = job->next;
    job->done(job);
}

static void take_what_came(struct crypto_port *p)
{
    p->told = false;
    p->taken = take_home(p);
}

void crypto_port_serve(struct crypto_port *p)
{
    if (!p->taken && p->told)
        take_what_came(p);
    for (unsigned n = 0; p->taken && n < CRYPTO_DONE_PER_TURN; n++)
        finish_one(p);
}

bool crypto_port_has_more(const struct crypto_port *p)
{
    return p->taken || p->told;
}

void crypto_port_close(struct crypto_port *p)
{
    if (!p->open)
        return;
    while (p->taken)
        finish_one(p);
    take_what_came(p);
    while (p->taken)
        finish_one(p);
    event_del(&p->event);
    close(p->fd);
    p->open = p->told = false;
}

enum err crypto_port_submit(struct crypto_port *p, struct crypto_job *job)
{
    struct crypto_threads *t = p->threads;
    if (!p->open)
        return ERR_CLOSED;
    pthread_mutex_lock(&t->lock);
    enum err e = t->stopping ? ERR_CLOSED : t->waiting >= t->queue_max ? ERR_LIMIT : ERR_OK;
    if (e == ERR_OK) {
        job->home = p;
        job->ran = false;
        struct crypto_queue *q = &t->queues[job->goes_on ? 0 : 1];
        append(&q->first, &q->last, job);
        t->waiting++;
        pthread_cond_signal(&t->more);
    }
    pthread_mutex_unlock(&t->lock);
    return e;
}
