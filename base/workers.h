/*
 * How many workers a hub may have: threads that serve connections, each with an inbox of its own
 * at the broker, and a place in whatever they share.
 */
#ifndef BASE_WORKERS_H
#define BASE_WORKERS_H

enum { WORKERS_MAX = 64 };

#endif
