/*
 * The connection to the hub: RESP over its local socket. The only file that sees hiredis.
 *
 * The socket is opened here and not by hiredis, which cuts long paths off without a word and leaves
 * the errno of a failed connect to chance.
 */
#include "tools/ctl/ctl_hub.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

static int open_socket(const char *path, unsigned timeout_s)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    /* A hub that does not accept blocks connect() once its backlog is full. */
    struct timeval limit = {.tv_sec = timeout_s};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

enum err ctl_hub_connect(struct ctl_hub *h)
{
    ctl_hub_close(h);
    int fd = open_socket(h->path, h->timeout_s);
    if (fd < 0) {
        h->error = errno;
        return ERR_CLOSED;
    }
    h->redis = redisConnectFd(fd);
    if (!h->redis) {
        close(fd);
        h->error = ENOMEM;
        return ERR_CLOSED;
    }
    ctl_hub_set_timeout(h, h->timeout_s);
    return ERR_OK;
}

void ctl_hub_close(struct ctl_hub *h)
{
    if (h->redis)
        redisFree(h->redis);
    h->redis = NULL;
}

void ctl_hub_set_timeout(struct ctl_hub *h, unsigned seconds)
{
    if (h->redis)
        redisSetTimeout(h->redis, (struct timeval){.tv_sec = seconds});
}

int ctl_hub_fd(const struct ctl_hub *h)
{
    return h->redis ? h->redis->fd : -1;
}

const char *ctl_hub_why(const struct ctl_hub *h)
{
    if (h->error == EAGAIN)
        return "no answer within the time limit";
    return h->error ? strerror(h->error) : "closed by the hub";
}

/* Remembers why the connection failed. */
static enum err broken(struct ctl_hub *h)
{
    if (!h->redis)
        return ERR_CLOSED;
    switch (h->redis->err) {
    case REDIS_ERR_IO:
        h->error = errno;
        break;
    case REDIS_ERR_EOF:
        h->error = 0;
        break;
    case REDIS_ERR_PROTOCOL:
        h->error = EPROTO;
        break;
    case REDIS_ERR_OOM:
        h->error = ENOMEM;
        break;
#ifdef REDIS_ERR_TIMEOUT /* hiredis 1.0 and later */
    case REDIS_ERR_TIMEOUT:
        h->error = EAGAIN;
        break;
#endif
    default:
        h->error = EIO;
    }
    return ERR_CLOSED;
}

enum err ctl_hub_queue(struct ctl_hub *h, int argc, const char **argv, const size_t *lens)
{
    if (!h->redis)
        return ERR_CLOSED;
    return redisAppendCommandArgv(h->redis, argc, argv, lens) == REDIS_OK ? ERR_OK : ERR_NOMEM;
}

enum err ctl_hub_flush(struct ctl_hub *h)
{
    int done = 0;
    while (h->redis && !done) {
        errno = 0;
        if (redisBufferWrite(h->redis, &done) != REDIS_OK)
            return broken(h);
    }
    return h->redis ? ERR_OK : ERR_CLOSED;
}

static void take_reply(redisReply *from, struct ctl_reply *ret)
{
    *ret = (struct ctl_reply){.kind = CTL_REPLY_OTHER, .owner = from};
    if (from->type == REDIS_REPLY_INTEGER) {
        ret->kind = CTL_REPLY_NUMBER;
        ret->number = from->integer;
    } else if (from->type == REDIS_REPLY_STRING || from->type == REDIS_REPLY_STATUS ||
               from->type == REDIS_REPLY_ERROR) {
        ret->kind = from->type == REDIS_REPLY_ERROR ? CTL_REPLY_ERROR : CTL_REPLY_TEXT;
        ret->text = from->str;
        ret->len = (size_t)from->len;
    }
}

enum err ctl_hub_next(struct ctl_hub *h, struct ctl_reply *ret)
{
    void *reply = NULL;
    errno = 0;
    if (!h->redis || redisGetReply(h->redis, &reply) != REDIS_OK || !reply)
        return broken(h);
    take_reply(reply, ret);
    return ERR_OK;
}

enum err ctl_hub_pending(struct ctl_hub *h, struct ctl_reply *ret)
{
    void *reply = NULL;
    if (!h->redis || redisGetReplyFromReader(h->redis, &reply) != REDIS_OK)
        return broken(h);
    if (!reply)
        return ERR_AGAIN;
    take_reply(reply, ret);
    return ERR_OK;
}

void ctl_reply_finish(struct ctl_reply *r)
{
    if (r->owner)
        freeReplyObject(r->owner);
    *r = (struct ctl_reply){.kind = CTL_REPLY_OTHER};
}
