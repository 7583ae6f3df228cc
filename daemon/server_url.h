/*
 * Addresses of servers that the hub itself asks (access.auth_request), as the configuration writes
 * them:
 *
 *     http://HOST[:PORT][/PATH][?QUERY]     HOST a name, or an address (IPv6 in brackets)
 *     unix:SOCKET[:/PATH][?QUERY]           SOCKET the path of a Unix socket, without a colon
 */
#ifndef DAEMON_SERVER_URL_H
#define DAEMON_SERVER_URL_H

#include <stdbool.h>
#include <stddef.h>

/* Borrowed from the text; not terminated. */
struct server_url {
    bool is_unix;
    const char *host; /* of a Unix socket its path; an IPv6 address without its brackets */
    size_t host_len;
    const char *port; /* digits; "80" when none is given */
    size_t port_len;
    const char *authority; /* as the field Host has it; "localhost" for a Unix socket */
    size_t authority_len;
    const char *path; /* and query, NUL-terminated: begins with '/', or '?' behind no path; "" */
};

/* False: it is not of these forms. */
bool server_url_parse(const char *text, struct server_url *ret);
/* Whether TEXT, which is one, has a name that others may move elsewhere. */
bool server_url_has_name(const char *text);
/* What may be written, to follow "must be ". */
extern const char server_url_allowed[];

#endif
