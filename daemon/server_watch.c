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
    bool runs; /* the main thread's alone: there is a thread */
    bool moved;
    struct {
        char *url;            /* NULL: it is not looked for */
        struct remote *known; /* as it was found */
        unsigned serial;      /* of the two */
    } server[SERVERS];
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

/* What is looked for, a copy, and its serial; NULL: it is not. */
static char *take_url(enum server_watched which, unsigned *ret_serial)
{
    pthread_mutex_lock(&watch.lock);
    char *url = watch.server[which].url ? strdup(watch.server[which].url) : NULL;
    *ret_serial = watch.server[which].serial;
    pthread_mutex_unlock(&watch.lock);
    return url;
}

/* One without an address says nothing new: it may be back at the former one in a moment. */
static void compare(enum server_watched which, const struct remote *found, unsigned serial)
{
    pthread_mutex_lock(&watch.lock);
    if (serial == watch.server[which].serial && found->count &&
        !is_same(found, watch.server[which].known))
        watch.moved = true;
    pthread_mutex_unlock(&watch.lock);
}

static void look_once(enum server_watched which)
{
    unsigned serial;
    struct remote *found = NULL;
    char *url = take_url(which, &serial);
    if (url && server_lookup(url, false, &found) == ERR_OK)
        compare(which, found, serial);
    remote_unref(found);
    free(url);
}

static void *run(void *arg)
{
    (void)arg;
    for (;;) {
        sleep(SERVER_WATCH_S);
        for (unsigned which = 0; which < SERVERS; which++)
            look_once(which);
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

void server_watch_set(enum server_watched which, const char *url, struct remote *known)
{
    bool named = url && server_url_has_name(url);
    pthread_mutex_lock(&watch.lock);
    free(watch.server[which].url);
    remote_unref(watch.server[which].known);
    watch.server[which].url = named ? strdup(url) : NULL;
    watch.server[which].known = watch.server[which].url ? remote_ref(known) : NULL;
    watch.server[which].serial++;
    watch.moved = false;
    pthread_mutex_unlock(&watch.lock);
    if (named && !watch.runs)
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
