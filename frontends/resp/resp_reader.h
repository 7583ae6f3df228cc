/*
 * Reader of RESP2 requests: arrays of bulk strings, and inline commands as one types them.
 *
 * Bytes in, commands out: no I/O. A command that lies in one piece of input is not copied; what is
 * incomplete at the end of a piece is kept. Empty arrays and empty lines are skipped, as Redis
 * does.
 *
 *     resp_reader_feed(r, data, n);
 *     while ((result = resp_reader_next(r)) == RESP_COMMAND)
 *         run(r->argc, r->argv);
 */
#ifndef FRONTENDS_RESP_RESP_READER_H
#define FRONTENDS_RESP_RESP_READER_H

#include <stddef.h>

#include "base/buf.h"

/* All are inclusive. */
struct resp_limits {
    size_t args;    /* words of a command */
    size_t bulk;    /* bytes of a word */
    size_t command; /* bytes of a command as it is sent */
    size_t line;    /* bytes of an inline command (Redis: 64 KiB) */
};

struct resp_arg {
    union {
        const char *data; /* not NUL-terminated */
        size_t at;        /* while the command is incomplete: from its beginning */
    };
    size_t len;
};

enum resp_result {
    RESP_MORE,    /* all input is used up */
    RESP_COMMAND, /* argv[0 .. argc - 1], argc >= 1 */
    RESP_ERROR,   /* `error` says why; the connection cannot go on */
};

enum resp_reader_state {
    RESP_READER_START, /* at the beginning of a command */
    RESP_READER_BULK_HEAD,
    RESP_READER_BULK_DATA,
    RESP_READER_FAILED,
};

struct resp_reader {
    const struct resp_limits *limits; /* borrowed */
    struct resp_arg *argv; /* after RESP_COMMAND: valid until the next call for the reader */
    size_t argc;
    char error[64]; /* after RESP_ERROR: "Protocol error: ..." or "out of memory" */

    /* The rest is the reader's own. */
    size_t argv_cap;
    struct buf kept; /* input that outlives its piece */
    char *in;        /* what is being read: the fed piece, or kept.data */
    size_t in_len;
    size_t begin;    /* of the current command in `in` */
    size_t at;       /* next byte in `in` */
    size_t scanned;  /* bytes from `begin` known to hold no line end */
    size_t args_due; /* words of the current array still to come */
    size_t bulk_len; /* of the current word */
    enum resp_reader_state state;
};

/* In place; allocates nothing. LIMITS is kept. */
void resp_reader_init(struct resp_reader *r, const struct resp_limits *limits);
void resp_reader_finish(struct resp_reader *r);
/* Bytes that it has allocated. */
size_t resp_reader_held(const struct resp_reader *r);
/* Gives N more bytes. DATA is borrowed, and changed in place (quotes of inline commands), until
 * resp_reader_next returns RESP_MORE or RESP_ERROR, or resp_reader_keep is called. One of these
 * comes before the next feed. */
void resp_reader_feed(struct resp_reader *r, char *data, size_t n);
/* Nothing more is read: RESP_ERROR from now on, with TEXT as `error`. */
void resp_reader_fail(struct resp_reader *r, const char *text);
/* The next command. Holds no memory after RESP_MORE when no command is half read. After RESP_ERROR
 * it goes on returning that. */
enum resp_result resp_reader_next(struct resp_reader *r);
/* For a caller who stops before RESP_MORE: copies the input not yet read, so that DATA may go.
 * resp_reader_next goes on from there, with or without another feed. Ends the life of argv. */
void resp_reader_keep(struct resp_reader *r);
/* For a caller who stops after a command and keeps the input himself: forgets the bytes that are
 * not read yet and returns how many they are, all of them from the end of the last piece fed. They
 * are to be fed again. Ends the life of argv. */
size_t resp_reader_give_back(struct resp_reader *r);

#endif
