/*
 * What is wrong with a request, in the words that the client gets: a WebSocket `error` object's
 * code and message. Functions that read requests return a constant fault, or NULL when all is well.
 */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

struct fault {
    const char *code;    /* stable, for programs: lower case and '_' (doc/protocol.md) */
    const char *message; /* for people, without a full stop */
};

#endif
