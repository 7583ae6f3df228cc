/*
 * What the connections of a listening socket speak: given to the socket (listener.h), which knows
 * no protocol.
 */
#ifndef NET_SERVICE_H
#define NET_SERVICE_H

struct conn;
struct ip_port;
struct protocol;

/* Constant, and borrowed by everybody. */
struct service {
    const struct protocol *protocol; /* at first */
    /* C, which came from FROM and is S's, speaks it from now on: sets up what that needs, or closes
     * it. NULL: its first input does. */
    void (*accepted)(struct conn *c, const struct service *s, const struct ip_port *from);
    /* C spoke another protocol so far, and changes to this one. NULL: never. */
    void (*adopt)(struct conn *c);
    const struct service *proxied; /* instead of it, while http.proxy_protocol is on; NULL: never */
    const struct service *behind;  /* what is spoken behind a PROXY header; NULL: none comes */
    /* Of a TLS listener: what is spoken inside of TLS, and what if h2 was chosen (ALPN); NULL: the
     * first, which is what is spoken by everybody else, too. */
    const struct service *within, *within_h2;
};

#endif
