#ifndef NET_TRANSPORT_H
#define NET_TRANSPORT_H

/* Transports: indexes of the interest table, and what admin commands call a connection. */
enum transport {
    TRANSPORT_SSE,
    TRANSPORT_WS,
    TRANSPORT_POLL,
    TRANSPORT_RESP,
    TRANSPORT_HTTP,
    TRANSPORT_COUNT
};
extern const char *const transport_names[TRANSPORT_COUNT];

#endif
