#include "daemon/server_lookup.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/log.h"
#include "daemon/config.h"
#include "daemon/server_url.h"

static void set_unix(const struct server_url *u, struct remote *r)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    memcpy(a.sun_path, u->host, u->host_len); /* server_url_parse: it fits, with a zero */
    memcpy(&r->address[0].at, &a, sizeof(a));
    r->address[0].len = sizeof(a);
    r->count = 1;
}

static void take(const struct addrinfo *list, struct remote *r)
{
    for (; list && r->count < REMOTE_ADDRESSES_MAX; list = list->ai_next) {
        struct remote_address *a = &r->address[r->count++];
        memcpy(&a->at, list->ai_addr, list->ai_addrlen);
        a->len = list->ai_addrlen;
    }
}

static void look_up(const struct server_url *u, bool aloud, struct remote *r)
{
    static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    char host[CONFIG_TEXT_MAX + 1], port[8];
    struct addrinfo *list;
    snprintf(host, sizeof(host), "%.*s", (int)u->host_len, u->host);
    snprintf(port, sizeof(port), "%.*s", (int)u->port_len, u->port);
    int failed = getaddrinfo(host, port, &hints, &list);
    if (failed && aloud)
        log_error("%s has no address now: %s", host, gai_strerror(failed));
    if (failed)
        return;
    take(list, r);
    freeaddrinfo(list);
}

enum err server_lookup(const char *url, bool aloud, struct remote **ret)
{
    struct server_url u;
    char path[CONFIG_TEXT_MAX + 2];
    if (!server_url_parse(url, &u))
        return ERR_INVALID;
    snprintf(path, sizeof(path), "%s%s", *u.path == '/' ? "" : "/", u.path);
    struct remote *r = remote_create(u.authority, u.authority_len, path);
    if (!r)
        return ERR_NOMEM;
    if (u.is_unix)
        set_unix(&u, r);
    else
        look_up(&u, aloud, r);
    *ret = r;
    return ERR_OK;
}
