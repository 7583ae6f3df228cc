/*
 * The one set of error codes.
 *
 * Functions that can fail return `enum err`: ERR_OK (0) or one of these. What a peer,
 * the disk or the operator can cause is always returned, never asserted.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#define MUST_CHECK __attribute__((warn_unused_result))

/* name, text: the text completes "cannot do X: ..." and ends without a full stop. */
#define ERR_TABLE(X)                                                                               \
    X(ERR_OK, "success")                                                                           \
    X(ERR_NOMEM, "out of memory")                                                                  \
    X(ERR_IO, "input/output error")                                                                \
    X(ERR_NOSPACE, "no space left for the log")                                                    \
    X(ERR_CORRUPT, "the data is damaged")                                                          \
    X(ERR_FORMAT, "the format is not one that this program knows")                                 \
    X(ERR_LOCKED, "already in use by another process")                                             \
    X(ERR_ACCESS, "permission denied")                                                             \
    X(ERR_INVALID, "invalid argument")                                                             \
    X(ERR_NOT_FOUND, "not found")                                                                  \
    X(ERR_LIMIT, "a limit is reached")                                                             \
    X(ERR_TOO_LARGE, "too large")                                                                  \
    X(ERR_AGAIN, "not now, try again")                                                             \
    X(ERR_CONFLICT, "changed meanwhile")                                                           \
    X(ERR_CLOSED, "closed")                                                                        \
    X(ERR_UNFINISHED, "only the beginning of a copy is there")                                     \
    X(ERR_GONE, "its files are no longer in their place")                                          \
    X(ERR_FULL, "subscriptions take all that hub.subscription_bytes allows")                       \
    X(ERR_TIMEOUT, "no answer in time")

enum err {
#define ERR_ENUM(name, text) name,
    ERR_TABLE(ERR_ENUM)
#undef ERR_ENUM
};

/* The text of E; a constant string, never NULL. */
const char *err_text(enum err e);

#endif
