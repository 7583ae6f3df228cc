#include "daemon/server_url.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/ip.h"
#include "daemon/config.h"

enum { SOCKET_PATH_MAX = sizeof(((struct sockaddr_un *)0)->sun_path) - 1 };

const char server_url_allowed[] = "empty, http://HOST[:PORT][/PATH], or unix:SOCKET[:/PATH]";

/* What may stand in a request's target, and nothing that a space would end. */
static bool is_path(const char *text)
{
    if (*text && *text != '/' && *text != '?')
        return false;
    for (; *text; text++)
        if (!isgraph((unsigned char)*text) || *text == '#')
            return false;
    return true;
}

static bool is_name(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("-_.", text[i]))
            return false;
    return n > 0;
}

/* HOST is in brackets: takes them off, and returns how many bytes it had with them; 0: it is no
 * address. */
static size_t take_brackets(struct server_url *u)
{
    struct ip ip;
    size_t n = strcspn(u->host, "]");
    if (u->host[n] != ']' || ip_parse(u->host + 1, n - 1, &ip) != ERR_OK || ip_is_v4(&ip))
        return 0;
    u->host++;
    u->host_len = n - 1;
    return n + 1;
}

/* Returns how many bytes the host has; 0: it is none. */
static size_t take_host(const char *text, struct server_url *u)
{
    u->host = text;
    u->host_len = strcspn(text, ":/?");
    if (*text == '[')
        return take_brackets(u);
    return is_name(u->host, u->host_len) ? u->host_len : 0;
}

static bool is_port(const char *text, size_t n)
{
    uint16_t port;
    return ip_port_parse(text, n, &port) == ERR_OK && port != 0;
}

static bool parse_http(const char *text, struct server_url *u)
{
    size_t n = take_host(text, u);
    u->authority = text;
    u->port = "80";
    u->port_len = 2;
    if (n == 0)
        return false;
    if (text[n] == ':') {
        u->port = text + n + 1;
        u->port_len = strcspn(u->port, "/?");
        n += 1 + u->port_len;
    }
    u->authority_len = n;
    u->path = text + n;
    return is_port(u->port, u->port_len) && is_path(u->path);
}

static bool parse_unix(const char *text, struct server_url *u)
{
    static const char name[] = "localhost";
    u->is_unix = true;
    u->host = text;
    u->host_len = strcspn(text, ":");
    u->authority = name;
    u->authority_len = sizeof(name) - 1;
    u->path = text + u->host_len + (text[u->host_len] == ':');
    return *text == '/' && u->host_len <= SOCKET_PATH_MAX && is_path(u->path);
}

bool server_url_parse(const char *text, struct server_url *ret)
{
    static const char http[] = "http://", local[] = "unix:";
    *ret = (struct server_url){0};
    if (strlen(text) > CONFIG_TEXT_MAX)
        return false;
    if (strncmp(text, http, sizeof(http) - 1) == 0)
        return parse_http(text + sizeof(http) - 1, ret);
    return strncmp(text, local, sizeof(local) - 1) == 0 &&
           parse_unix(text + sizeof(local) - 1, ret);
}

bool server_url_has_name(const char *text)
{
    struct server_url u;
    struct ip ip;
    return server_url_parse(text, &u) && !u.is_unix && ip_parse(u.host, u.host_len, &ip) != ERR_OK;
}
