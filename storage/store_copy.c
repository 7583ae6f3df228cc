/* Copies, as far as all stores are alike: what is to be copied where, and how that is called off.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/store.h"
#include "storage/store_ops.h"

struct store_copy *store_copy_create(struct store *s, const char *path)
{
    struct store_copy *c = calloc(1, sizeof(*c));
    char *own = c ? strdup(path) : NULL;
    if (!own || pthread_mutex_init(&c->lock, NULL)) {
        free(own);
        free(c);
        return NULL;
    }
    c->store = s;
    c->path = own;
    c->fd = -1;
    return c;
}

void store_copy_destroy(struct store_copy *c)
{
    if (!c)
        return;
    pthread_mutex_destroy(&c->lock);
    free(c->path);
    free(c);
}

enum err store_copy_run(struct store_copy *c, struct store_copied *ret)
{
    return c->store->ops->copy(c, ret);
}

enum err store_copy_attach(struct store_copy *c, int fd, int block_fd)
{
    pthread_mutex_lock(&c->lock);
    enum err why = c->ended;
    if (!why) {
        c->fd = fd;
        c->block_fd = block_fd;
    }
    pthread_mutex_unlock(&c->lock);
    return why;
}

enum err store_copy_detach(struct store_copy *c)
{
    pthread_mutex_lock(&c->lock);
    enum err why = c->ended;
    c->fd = -1;
    pthread_mutex_unlock(&c->lock);
    return why;
}

enum err store_copy_ended(struct store_copy *c)
{
    pthread_mutex_lock(&c->lock);
    enum err why = c->ended;
    pthread_mutex_unlock(&c->lock);
    return why;
}

/* Who writes is deep inside of a library that asks nobody whether to go on. dup3 exchanges what the
 * descriptor stands for in one step, whatever is being done with it: the next write fails. */
void store_copy_end(struct store_copy *c, enum err why)
{
    pthread_mutex_lock(&c->lock);
    if (!c->ended)
        c->ended = why;
    if (c->fd >= 0)
        (void)!dup3(c->block_fd, c->fd,
                    O_CLOEXEC); /* if it fails, the copy is dropped at its end */
    pthread_mutex_unlock(&c->lock);
}

void store_copy_cancel(struct store_copy *c)
{
    store_copy_end(c, ERR_CLOSED);
}
