
#include "tools/bench/bench_connect.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/bench/bench_mark.h"
#include "tools/bench/bench_progress.h"
#include "tools/client/tls_client.h"

bool http_split_url(struct http_place *ret, const char *url)
{
    const char *given = url;
    bool secure = strncmp(url, "https://", 8) == 0;
    if (secure || strncmp(url, "http://", 7) == 0)
        url = strchr(url, '/') + 2;
    size_t n = strcspn(url, "/");
    const char *colon = memrchr(url, ':', n);
    size_t host = colon ? (size_t)(colon - url) : 0, port = colon ? n - host - 1 : 0;
    if (host > 1 && url[0] == '[' && url[host - 1] == ']') {
        url++;
        host -= 2;
    }
    if (host == 0 || host >= sizeof(ret->host) || port == 0 || port >= sizeof(ret->port)) {
        bench_say("--url is HOST:PORT, not %s", given);
        return false;
    }
    *ret = (struct http_place){.secure = secure};
    memcpy(ret->host, url, host);
    memcpy(ret->port, colon + 1, port);
    return true;
}

bool http_choose_place(struct http_place *ret, const struct bench_config *config)
{
    static const char *http1[] = {"http/1.1", NULL}, *http2[] = {"h2", NULL};
    struct tls_client_settings settings = {.resume = config->tls_resume,
                                           .alpn = config->streams ? http2 : http1};
    if (!http_split_url(ret, config->url))
        return false;
    if (!ret->secure && !config->tls && !config->tls_resume)
        return true;
    ret->resume = config->tls_resume;
    enum err e = tls_client_create(&settings, &ret->tls);
    if (e)
        bench_say("%s", err_text(e));
    return e == ERR_OK;
}

void http_place_finish(struct http_place *place)
{
    tls_client_destroy(place->tls);
    place->tls = NULL;
}

int http_connect(const struct http_place *place)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    int one = 1, rc = getaddrinfo(place->host, place->port, &hints, &found);
    if (rc) {
        bench_say("%s port %s: %s", place->host, place->port, gai_strerror(rc));
        return -1;
    }
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen)) {
        bench_say("cannot connect to %s port %s: %s", place->host, place->port, strerror(errno));
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    if (fd >= 0)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

int bench_connect_local(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t n = strlen(path);
    if (n >= sizeof(to.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(to.sun_path, path, n);
    if (to.sun_path[0] == '@')
        to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    if (fd >= 0 && connect(fd, (const void *)&to, len)) {
        int problem = errno;
        close(fd);
        errno = problem;
        fd = -1;
    }
    return fd;
}

pid_t bench_peer_of(int fd)
{
    struct ucred peer = {0};
    socklen_t n = sizeof(peer);
    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n);
    return peer.pid;
}

pid_t bench_server_of(const char *path)
{
    int fd = bench_connect_local(path);
    pid_t pid = fd >= 0 ? bench_peer_of(fd) : 0;
    if (fd >= 0)
        close(fd);
    else
        bench_say("cannot connect to %s: %s", path, strerror(errno));
    return pid;
}
