/*
 * Where things lie in a group (doc/storage-format.md, "Groups"); for group.c and group_writer.c.
 *
 *     header | items, one behind the other | table of topics | their names
 */
#ifndef STORAGE_JOURNAL_GROUP_LAYOUT_H
#define STORAGE_JOURNAL_GROUP_LAYOUT_H

#include <stdint.h>

#define GROUP_MAGIC UINT32_C(0x5247574C) /* "LWGR" where the lowest byte comes first */

/* Places of the header's fields. */
enum {
    AT_CHECK = 0, /* XXH3-64 of everything behind it */
    AT_MAGIC = 8,
    AT_VERSION = 12,
    AT_SIZE = 16, /* of the whole group */
    AT_ITEMS = 20,
    AT_ITEMS_LEN = 24, /* bytes */
    AT_TOPICS = 28,
    AT_NAMES_LEN = 32, /* bytes */
    AT_ZERO = 36,
    AT_SPAN = 40,
};

/* Places of an entry's fields, in the table of topics. */
enum { AT_ID = 0, AT_NAME = 4, AT_NAME_LEN = 8, AT_ENTRY_ZERO = 9, TOPIC_ENTRY_SIZE = 12 };

/* Places of an item's fields: those of every item, */
enum { AT_OP = 0, AT_TOPIC = 4 };
/* of a record, behind which come event, key and payload, */
enum {
    AT_KIND = 1,
    AT_EVENT_LEN = 2,
    AT_KEY_LEN = 3,
    AT_NUMBER = 8,
    AT_TIME = 16,
    AT_PAYLOAD_LEN = 24,
};
/* of a topic, */
enum { AT_FLAGS = 1, AT_FLOOR = 8, AT_LAST = 16 };
/* of what has an offset, */
enum { AT_UPTO = 8 };
/* and of a note, behind which come its name, a NUL, and its value. */
enum { AT_GONE = 1, AT_NOTE_NAME_LEN = 2, AT_VALUE_LEN = 4 };

enum {
    RECORD_ITEM_SIZE = 28,
    TOPIC_ITEM_SIZE = 24,
    UPTO_ITEM_SIZE = 16,
    NOTE_ITEM_SIZE = 8,
    ITEM_SIZE_MAX = RECORD_ITEM_SIZE, /* without what has no fixed length */
};

#endif
