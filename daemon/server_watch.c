#include "daemon/server_watch.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/server_lookup.h"
#include "daemon/server_url.h"

static struct {
    pthread_mutex_t lock;
    bool runs;            /* the main thread's alone: there is a thread */
    char *url;            /* NULL: nobody is looked for */
    struct remote *known; /* as it was found */
    unsigned serial;      /* of the two */
    bool moved;
} watch = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool is_same(const struct remote *a, const struct remote *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->address[i].len != b->address[i].len ||
            memcmp(&a->address[i].at, &b->address[i].at, a->address[i].len) != 0)
            return false;
    return true;
}

/* What is looked for, a copy, and its serial; NULL: nobody is. */
static char *take_url(unsigned *ret_serial)
{
    pthread_mutex_lock(&watch.lock);
    char *url = watch.url ? strdup(watch.url) : NULL;
    *ret_serial = watch.serial;
    pthread_mutex_unlock(&watch.lock);
    return url;
}

/* One without an address says nothing new: it may be back at the former one in a moment. */
static void compare(const struct remote *found, unsigned serial)
{
    pthread_mutex_lock(&watch.lock);
    if (serial == watch.serial && found->count && !is_same(found, watch.known))
        watch.moved = true;
    pthread_mutex_unlock(&watch.lock);
}

static void look_once(void)
{
    unsigned serial;
    struct remote *found = NULL;
    char *url = take_url(&serial);
    if (url && server_lookup(url, false, &found) == ERR_OK)
        compare(found, serial);
    remote_unref(found);
    free(url);
}

static void *run(void *arg)
{
    (void)arg;
    for (;;) {
        sleep(SERVER_WATCH_S);
        look_once();
    }
    return NULL;
}

static void start(void)
{
    pthread_t thread;
    sigset_t all, old; /* signals are the main thread's */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    watch.runs = pthread_create(&thread, NULL, run, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (watch.runs)
        pthread_detach(thread);
    else
        log_error("names of servers are looked up at a reload only: there is no thread for it");
}

void server_watch_set(const char *url, struct remote *known)
{
    pthread_mutex_lock(&watch.lock);
    free(watch.url);
    remote_unref(watch.known);
    watch.url = url && server_url_has_name(url) ? strdup(url) : NULL;
    watch.known = watch.url ? remote_ref(known) : NULL;
    watch.serial++;
    watch.moved = false;
    pthread_mutex_unlock(&watch.lock);
    if (watch.url && !watch.runs)
        start();
}

bool server_watch_moved(void)
{
    pthread_mutex_lock(&watch.lock);
    bool moved = watch.moved;
    watch.moved = false;
    pthread_mutex_unlock(&watch.lock);
    return moved;
}
