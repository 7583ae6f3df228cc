/*
 * Many sends in one system call, by io_uring(7): what was added goes to the kernel together, and
 * its results are there when that returns.
 *
 * The kernel sends in the order in which was added, at once and without waiting, by the thread that
 * submits: nothing is under way between two calls, so a descriptor may be closed and bytes may go
 * as after send(2). The kernel tells only of sends that were not whole; so a whole one costs no
 * more than its entry. What that takes is tried when a ring is made (Linux 5.19; and io_uring may
 * be forbidden, as containers do).
 *
 * Without liburing (configure --without-liburing), there is none.
 */
#ifndef NET_SUBMISSION_H
#define NET_SUBMISSION_H

#include <stdbool.h>
#include <stddef.h>

/* Entries of a ring: 24 KiB. What is more goes in several calls. */
enum { SUBMISSION_ENTRIES = 256 };

/* Of the bytes for WHO the kernel took RESULT, fewer than there were; negative: none, -errno. */
typedef void submission_told(void *ctx, void *who, int result);

struct submission;

/* With a ring of ENTRIES, a power of two. NULL: there can be none; *RET_WHY says why, valid until
 * the next call of this thread. */
struct submission *submission_create(unsigned entries, const char **ret_why);
/* NULL is accepted. */
void submission_destroy(struct submission *s);
/* For all that is added up to submission_end; TOLD is called by these. */
void submission_begin(struct submission *s, submission_told *told, void *ctx);
/* Adds N bytes to FD, which stay until submission_end. False: the ring was lost, which is logged,
 * and takes nothing any more; what was added before has been sent. */
bool submission_add(struct submission *s, int fd, const void *data, size_t n, void *who);
/* All that was added has been sent when this returns. */
void submission_end(struct submission *s);

#endif
