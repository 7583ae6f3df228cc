/* The journal's one object, and its file: what journal_append.c, journal_make.c and journal_read.c
 * share.
 */
#ifndef STORAGE_JOURNAL_JOURNAL_FILE_H
#define STORAGE_JOURNAL_JOURNAL_FILE_H

#include <stdatomic.h>
#include <sys/uio.h>

#include "storage/journal/journal.h"
#include "storage/journal/journal_frame.h"

enum { JOURNAL_BODY = JOURNAL_PAGE }; /* where the places begin, behind the header's page */

/* The file's header, as it lies on disk. */
struct journal_header {
    uint64_t check; /* XXH3-64 of what is behind it */
    char magic[8];
    uint32_t version;
    uint32_t page; /* JOURNAL_PAGE */
    uint64_t log;
    uint64_t bytes; /* of the file */
};

/* Where the next place goes, and what it follows. */
struct journal_end {
    uint64_t at;
    uint64_t number;
    uint64_t last; /* offset */
};

struct journal {
    int fd;
    bool closed; /* open to be read alone */
    char *path;  /* of the file; owned */
    uint64_t log;
    uint64_t bytes;
    enum store_sync sync;
    uint32_t epoch;
    uint64_t run;
    uint64_t number;           /* the highest that was used in it */
    struct journal_end end;    /* behind all that was written */
    struct journal_end synced; /* behind all that is durable; AT: where the next one was written */
    struct journal_end bad;    /* failed: where what failed begins, and what it follows */
    uint64_t failed_number;    /* what takes its place has it; 0: nothing has failed */
    _Atomic uint64_t kept;     /* where the oldest place begins that is not free */
};

/* --- system calls; errors as enum err --- */

enum err journal_err(int code);
/* Writes all of the COUNT parts at AT; changes them. */
MUST_CHECK enum err journal_write_at(int fd, struct iovec *parts, int count, uint64_t at);
/* Reads N bytes at AT. ERR_CORRUPT: there are fewer. */
MUST_CHECK enum err journal_read_at(int fd, void *to, size_t n, uint64_t at);
MUST_CHECK enum err journal_sync_file(int fd);

/* --- the object --- */

/* An object for the file NAME in O's directory, nothing opened. ERR_TOO_LARGE, ERR_NOMEM. */
MUST_CHECK enum err journal_new(const struct journal_options *o, const char *name,
                                struct journal **ret);
/* Takes the file's lock, SHARED or for J alone. ERR_LOCKED. */
MUST_CHECK enum err journal_lock(const struct journal *j, bool shared);
/* Reads the header of J's file. ERR_CONFLICT, ERR_FORMAT, ERR_CORRUPT, ERR_IO. */
MUST_CHECK enum err journal_read_header(struct journal *j);
/* What the header of J's file is. */
struct journal_header journal_header_of(const struct journal *j);

#endif
