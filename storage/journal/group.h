/*
 * A group: what one commit of the broker changes, packed once into bytes that name no place. Its
 * records are numbered from 0 and its topics named in a table of its own, so the same bytes can be
 * appended to a journal, sent elsewhere and applied to another log, where they get the offsets and
 * topic ids of that log. doc/storage-format.md, "Groups", says what lies where.
 *
 * Pure: bytes in, items out, and back. Integers are in the machine's byte order, as LMDB's own.
 */
#ifndef STORAGE_JOURNAL_GROUP_H
#define STORAGE_JOURNAL_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "storage/store_types.h"

enum {
    GROUP_VERSION = 1,
    GROUP_HEADER_SIZE = 48,
};
#define GROUP_BYTES_MAX ((size_t)UINT32_MAX) /* of a group */

/* The items of a group, applied in their order. */
enum group_op {
    GROUP_RECORD = 1, /* a message */
    GROUP_TOPIC,      /* a topic that is new, or gets more flags or a later newest message */
    GROUP_RESERVE,    /* offsets up to UPTO may be in use */
    GROUP_PURGE,      /* messages of a topic up to UPTO go */
    GROUP_TRIM,       /* messages of all topics up to UPTO go */
    GROUP_FORGET,     /* a topic goes; UPTO: the mark of the forgotten from then on */
    GROUP_NOTE,       /* a note is put, or goes */
};

/* A topic of the table. NAME is borrowed and not NUL-terminated. */
struct group_topic {
    uint32_t id; /* in the packer's own log, which alone may use it; not 0 */
    uint8_t name_len;
    const char *name;
};

/* Pointers are borrowed: of an item that is read, from the group's bytes. */
struct group_item {
    enum group_op op;
    uint32_t topic; /* RECORD, TOPIC, PURGE, FORGET: its index in the table; others: 0 */
    union {
        /* `offset` is the number in the group, from 0, ascending; `topic_id` is 0. */
        struct store_record record;
        struct {
            uint8_t flags;
            uint64_t floor, last;
        } row;         /* TOPIC; as store_topic has them */
        uint64_t upto; /* RESERVE, PURGE, TRIM, FORGET: an offset */
        struct {
            const char *name;  /* NUL-terminated */
            const void *value; /* NULL: it goes */
            size_t n;
        } note;
    };
};

/* --- packing --- */

/* Packs one group after the other; keeps its memory from one to the next. */
struct group_writer {
    struct buf bytes;  /* header and items, at the end the whole group */
    struct buf topics; /* entries of the table, */
    struct buf names;  /* and their names */
    uint32_t topic_count;
    uint32_t item_count;
    uint64_t next;       /* the lowest number that the next record may have */
    bool invalid;        /* something was put that no group can hold */
    uint32_t *slots;     /* owned: which index a topic id has, as a hash table of indexes + 1 */
    uint32_t slots_used; /* of this group: a power of two, or 0 */
    uint32_t slot_cap;   /* allocated */
};

/* In place; allocates nothing. */
void group_writer_init(struct group_writer *w);
void group_writer_finish(struct group_writer *w);
/* Begins a new, empty group. */
void group_begin(struct group_writer *w);
/* The index of topic T in the table, where it is put if its id is not there. Out of memory, 0, and
 * group_end says so. */
uint32_t group_topic(struct group_writer *w, const struct group_topic *t);
/* Puts an item behind the others. What is wrong with it, group_end says. */
void group_put(struct group_writer *w, const struct group_item *item);
/* Ends the group, which takes SPAN offsets: the numbers of its records are below. *RET, *RET_N
 * bytes, is W's until the next call for W but this one. Errors: ERR_NOMEM; ERR_TOO_LARGE
 * (GROUP_BYTES_MAX); ERR_INVALID (numbers not ascending or not below SPAN, a topic without a table
 * entry, an empty or too long name, a note or payload that is too long, an unknown operation). */
MUST_CHECK enum err group_end(struct group_writer *w, uint64_t span, const void **ret,
                              size_t *ret_n);

/* --- reading --- */

/* A group that has been checked as a whole; its bytes are borrowed. */
struct group {
    const uint8_t *bytes;
    uint64_t check;       /* its own sum, which says which group it is */
    uint64_t span;        /* offsets that it takes */
    uint32_t topic_count; /* of the table */
    uint32_t item_count;
    size_t items_len, names_len; /* bytes */
};

/* The size that a group's first GROUP_HEADER_SIZE bytes claim; 0: they are no group's. */
size_t group_size(const void *header);
/* The sum and the span that they claim. */
uint64_t group_claims(const void *header, uint64_t *ret_span);
/* Reads N bytes without trusting them: all that group_next and group_topic_at will tell has been
 * looked at. ERR_CORRUPT; ERR_FORMAT: a later version's, whole and sound. */
MUST_CHECK enum err group_open(const void *data, size_t n, struct group *ret);
/* Entry INDEX < topic_count of the table. */
struct group_topic group_topic_at(const struct group *g, uint32_t index);

/* Where a walk through the items is. */
struct group_walk {
    const struct group *group;
    uint32_t left; /* items */
    size_t at;     /* bytes */
};

/* G stays where it is meanwhile. */
struct group_walk group_walk(const struct group *g);
/* The next item; false: there are no more. */
bool group_next(struct group_walk *w, struct group_item *ret);

#endif
