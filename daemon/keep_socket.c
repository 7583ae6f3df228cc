#include "daemon/keep_socket.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/frontends.h"
#include "net/listener.h"

struct listener_call {
    struct hub_call call;
    int fd;
};

static void replace_listener(struct hub_call *call, void *where)
{
    struct listener_call *l = (struct listener_call *)call;
    struct worker *w = where;
    if (listener_replace_local(&w->loop, l->fd, &frontends_local) != ERR_OK)
        log_error("a worker does not listen at the local socket: %s", err_text(ERR_NOMEM));
    free(l);
}

/* Each worker gets a descriptor of its own. False: at least one has none. */
static bool hand_out(const struct keep_socket *k, int fd)
{
    bool all = true;
    for (unsigned i = 0; i < k->workers; i++) {
        struct listener_call *call = malloc(sizeof(*call));
        int own = call ? dup(fd) : -1;
        if (own < 0) {
            all = false;
            free(call);
            continue;
        }
        *call = (struct listener_call){{.run = replace_listener}, own};
        hub_call_worker(k->hub, i, &call->call);
    }
    close(fd);
    return all;
}

static bool make_anew(const struct keep_socket *k)
{
    struct buf error = {0};
    int fd;
    bool made = local_socket_listen(k->socket, &fd, &error) == ERR_OK;
    buf_putc(&error, '\0');
    if (made)
        log_warn("the local socket %s was removed; made anew%s", k->socket->path,
                 hand_out(k, fd) ? "" : ", but not for all workers");
    else if (k->found != LOCAL_SOCKET_GONE)
        log_error("the local socket was removed: %s",
                  error.failed ? err_text(ERR_NOMEM) : error.data);
    buf_finish(&error);
    return made;
}

void keep_socket_look(struct keep_socket *k)
{
    enum local_socket_state now = local_socket_look(k->socket);
    if (now == LOCAL_SOCKET_GONE && make_anew(k))
        now = LOCAL_SOCKET_OURS;
    else if (now == LOCAL_SOCKET_FOREIGN && k->found != now)
        log_error("nobody reaches this hub at %s: something else is there now", k->socket->path);
    else if (now == LOCAL_SOCKET_OURS && k->found != now)
        log_info("the local socket %s is back", k->socket->path);
    k->found = now;
    k->process->local_lost = now != LOCAL_SOCKET_OURS;
}
