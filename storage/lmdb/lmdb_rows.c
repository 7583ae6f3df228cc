/* The small rows of the durable log: format, state and topics; and LMDB's error codes as ours. */
#include "storage/lmdb/lmdb_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum err lmdb_err(int rc)
{
    switch (rc) {
    case MDB_SUCCESS:
        return ERR_OK;
    case ENOMEM:
        return ERR_NOMEM;
    case MDB_MAP_FULL:
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return ERR_NOSPACE;
    case MDB_TXN_FULL:
        return ERR_TOO_LARGE;
    case MDB_READERS_FULL:
        return ERR_LIMIT;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_KEYEXIST: /* an offset that should have been new */
    case MDB_NOTFOUND: /* a row that must be there */
        return ERR_CORRUPT;
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
        return ERR_FORMAT;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERR_ACCESS;
    case ENOENT:
        return ERR_NOT_FOUND;
    default:
        return ERR_IO;
    }
}

/* Rows begin with their checksum, over everything behind it. */
static uint32_t row_checksum(const void *row, size_t n)
{
    return (uint32_t)XXH3_64bits((const uint8_t *)row + sizeof(uint32_t), n - sizeof(uint32_t));
}

static MDB_val text_key(const char *name)
{
    union {
        const char *text;
        void *data;
    } key = {.text = name}; /* LMDB does not write to keys */
    return (MDB_val){.mv_size = strlen(name), .mv_data = key.data};
}

/* The one row whose layout no later version may change. */
struct format_row {
    char magic[8];
    uint32_t version;
    uint32_t zero;
};

static const struct format_row format_now = {
    .magic = {'l', 'o', 'n', 'g', 'w', 'i', 'r', 'e'},
    .version = LMDB_FORMAT_VERSION,
};

enum err lmdb_get_format(MDB_txn *txn, MDB_dbi meta, uint32_t *ret_version)
{
    MDB_val key = text_key("format"), value;
    struct format_row row;
    int rc = mdb_get(txn, meta, &key, &value);
    if (rc == MDB_NOTFOUND)
        return ERR_NOT_FOUND;
    if (rc)
        return lmdb_err(rc);
    if (value.mv_size < sizeof(row))
        return ERR_FORMAT;
    memcpy(&row, value.mv_data, sizeof(row));
    if (memcmp(row.magic, format_now.magic, sizeof(row.magic)) != 0 ||
        row.version < LMDB_FORMAT_OLDEST || row.version > LMDB_FORMAT_JOURNALED)
        return ERR_FORMAT;
    *ret_version = row.version;
    return ERR_OK;
}

enum err lmdb_put_format(MDB_txn *txn, MDB_dbi meta, uint32_t version)
{
    struct format_row row = format_now;
    row.version = version;
    MDB_val key = text_key("format"), value = {.mv_size = sizeof(row), .mv_data = &row};
    return lmdb_err(mdb_put(txn, meta, &key, &value, 0));
}

enum err lmdb_get_state(MDB_txn *txn, MDB_dbi meta, struct lmdb_state *ret)
{
    MDB_val key = text_key("state"), value;
    struct lmdb_state state;
    int rc = mdb_get(txn, meta, &key, &value);
    if (rc)
        return lmdb_err(rc);
    if (value.mv_size != sizeof(state))
        return ERR_CORRUPT;
    memcpy(&state, value.mv_data, sizeof(state));
    if (state.check != row_checksum(&state, sizeof(state)) || state.epoch == 0 ||
        state.former_count > STORE_FORMER_MAX || state.boot_id[BOOT_ID_SIZE - 1] != '\0')
        return ERR_CORRUPT;
    *ret = state;
    return ERR_OK;
}

enum err lmdb_put_state(MDB_txn *txn, MDB_dbi meta, const struct lmdb_state *state)
{
    struct lmdb_state row = *state;
    row.check = row_checksum(&row, sizeof(row));
    MDB_val key = text_key("state"), value = {.mv_size = sizeof(row), .mv_data = &row};
    return lmdb_err(mdb_put(txn, meta, &key, &value, 0));
}

/* The `forgotten` row of `meta`. */
struct forgotten_row {
    uint32_t check;
    uint32_t last_id;
    uint64_t mark;
};
_Static_assert(sizeof(struct forgotten_row) == 16, "the row has no padding");

enum err lmdb_get_forgotten(MDB_txn *txn, MDB_dbi meta, struct lmdb_forgotten *ret)
{
    MDB_val key = text_key("forgotten"), value;
    struct forgotten_row row;
    int rc = mdb_get(txn, meta, &key, &value);
    *ret = (struct lmdb_forgotten){0};
    if (rc)
        return rc == MDB_NOTFOUND ? ERR_OK : lmdb_err(rc);
    if (value.mv_size != sizeof(row))
        return ERR_CORRUPT;
    memcpy(&row, value.mv_data, sizeof(row));
    if (row.check != row_checksum(&row, sizeof(row)))
        return ERR_CORRUPT;
    ret->last_id = row.last_id;
    ret->mark = row.mark;
    return ERR_OK;
}

enum err lmdb_put_forgotten(MDB_txn *txn, MDB_dbi meta, const struct lmdb_forgotten *forgotten)
{
    struct forgotten_row row = {.last_id = forgotten->last_id, .mark = forgotten->mark};
    row.check = row_checksum(&row, sizeof(row));
    MDB_val key = text_key("forgotten"), value = {.mv_size = sizeof(row), .mv_data = &row};
    return lmdb_err(mdb_put(txn, meta, &key, &value, 0));
}

enum err lmdb_delete_topic(MDB_txn *txn, MDB_dbi topics, uint32_t id)
{
    MDB_val key = {.mv_size = sizeof(id), .mv_data = &id};
    int rc = mdb_del(txn, topics, &key, NULL);
    return rc == MDB_NOTFOUND ? ERR_OK : lmdb_err(rc);
}

/* The `times` row of `meta`: this, then the steps. */
struct times_row {
    uint32_t check;
    uint32_t count;
};
_Static_assert(sizeof(struct times_step) == 24, "the row has no padding");

enum { TIMES_ROW_MAX = sizeof(struct times_row) + TIMES_MAX * sizeof(struct times_step) };

enum err lmdb_get_times(MDB_txn *txn, MDB_dbi meta, struct times **ret)
{
    MDB_val key = text_key("times"), value;
    struct times_row row;
    int rc = mdb_get(txn, meta, &key, &value);
    if (rc == MDB_NOTFOUND)
        return ERR_OK;
    if (rc)
        return lmdb_err(rc);
    if (value.mv_size < sizeof(row) || value.mv_size > TIMES_ROW_MAX)
        return ERR_CORRUPT;
    memcpy(&row, value.mv_data, sizeof(row));
    size_t n = value.mv_size - sizeof(row);
    if (row.check != row_checksum(value.mv_data, value.mv_size) ||
        n != row.count * sizeof(struct times_step))
        return ERR_CORRUPT;
    struct times *t = calloc(1, sizeof(*t));
    if (!t)
        return ERR_NOMEM;
    t->count = row.count;
    memcpy(t->steps, (const char *)value.mv_data + sizeof(row), n);
    *ret = t;
    return ERR_OK;
}

enum err lmdb_put_times(MDB_txn *txn, MDB_dbi meta, const struct times *t)
{
    uint8_t bytes[TIMES_ROW_MAX];
    struct times_row row = {.count = (uint32_t)t->count};
    size_t n = t->count * sizeof(t->steps[0]);
    memcpy(bytes, &row, sizeof(row));
    memcpy(bytes + sizeof(row), t->steps, n);
    n += sizeof(row);
    row.check = row_checksum(bytes, n);
    memcpy(bytes, &row.check, sizeof(row.check));
    MDB_val key = text_key("times"), value = {.mv_size = n, .mv_data = bytes};
    return lmdb_err(mdb_put(txn, meta, &key, &value, 0));
}

/* A value of `topics`: this, then the name. */
struct topic_row {
    uint32_t check;
    uint8_t flags;
    uint8_t zero[3];
    uint64_t floor;
    uint64_t last;
    uint64_t messages;
    uint64_t bytes;
    uint64_t swept;
    uint64_t counted; /* records above it are not yet in last, messages and bytes */
};
_Static_assert(sizeof(struct topic_row) == 56, "the row has no padding");

enum err lmdb_put_topic(MDB_txn *txn, MDB_dbi topics, const struct catalog_topic *t,
                        uint64_t counted)
{
    uint8_t bytes[sizeof(struct topic_row) + UINT8_MAX];
    struct topic_row row = {
        .flags = t->flags,
        .floor = atomic_load_explicit(&t->floor, memory_order_relaxed),
        .last = t->last,
        .messages = catalog_messages_left(t),
        .bytes = catalog_bytes_left(t),
        .swept = t->gone_upto > t->swept ? t->gone_upto : t->swept,
        .counted = counted,
    };
    size_t n = sizeof(row) + t->name_len;
    memcpy(bytes, &row, sizeof(row));
    memcpy(bytes + sizeof(row), t->name, t->name_len);
    row.check = row_checksum(bytes, n);
    memcpy(bytes, &row.check, sizeof(row.check));
    uint32_t id = t->id;
    MDB_val key = {.mv_size = sizeof(id), .mv_data = &id}, value = {.mv_size = n, .mv_data = bytes};
    return lmdb_err(mdb_put(txn, topics, &key, &value, 0));
}

enum err lmdb_get_topic(const MDB_val *key, const MDB_val *value, struct lmdb_topic *ret)
{
    struct topic_row row;
    uint32_t id;
    if (key->mv_size != sizeof(id) || value->mv_size <= sizeof(row) ||
        value->mv_size > sizeof(row) + UINT8_MAX)
        return ERR_CORRUPT;
    memcpy(&id, key->mv_data, sizeof(id));
    memcpy(&row, value->mv_data, sizeof(row));
    if (row.check != row_checksum(value->mv_data, value->mv_size))
        return ERR_CORRUPT;
    *ret = (struct lmdb_topic){
        .topic = {.id = id,
                  .name_len = (uint8_t)(value->mv_size - sizeof(row)),
                  .flags = row.flags,
                  .name = (const char *)value->mv_data + sizeof(row),
                  .messages = row.messages,
                  .bytes = row.bytes,
                  .last = row.last,
                  .floor = row.floor},
        .swept = row.swept,
        .counted = row.counted,
    };
    return ERR_OK;
}

enum err lmdb_load_topic(struct catalog *c, const MDB_val *key, const MDB_val *value)
{
    struct lmdb_topic row;
    enum err e = lmdb_get_topic(key, value, &row);
    if (!e)
        e = catalog_add(c, &row.topic);
    if (e)
        return e == ERR_INVALID ? ERR_CORRUPT : e; /* no name */
    struct catalog_topic *to = catalog_find(c, row.topic.id);
    to->messages = row.topic.messages;
    to->bytes = row.topic.bytes;
    to->swept = row.swept;
    to->counted = row.counted;
    return ERR_OK;
}

/* --- notes: keys of `meta` that begin so; the value is a checksum, then what was noted --- */

static const char note_prefix[] = "note:";

enum {
    NOTE_PREFIX = sizeof(note_prefix) - 1,
    NOTE_KEY_MAX = NOTE_PREFIX + STORE_NOTE_NAME_MAX,
    NOTE_ROW_MAX = sizeof(uint32_t) + STORE_NOTE_MAX,
};

/* In KEY, which has NOTE_KEY_MAX bytes. */
static MDB_val note_key(const char *name, char *key)
{
    size_t n = strnlen(name, STORE_NOTE_NAME_MAX);
    memcpy(key, note_prefix, NOTE_PREFIX);
    memcpy(key + NOTE_PREFIX, name, n);
    return (MDB_val){.mv_size = NOTE_PREFIX + n, .mv_data = key};
}

/* Over the value; its seed is the key. */
static uint32_t note_checksum(const MDB_val *key, const void *value, size_t n)
{
    uint64_t seed = XXH3_64bits(key->mv_data, key->mv_size);
    return (uint32_t)XXH3_64bits_withSeed(value, n, seed);
}

enum err lmdb_put_note(MDB_txn *txn, MDB_dbi meta, const char *name, const void *value, size_t n)
{
    char name_key[NOTE_KEY_MAX];
    uint8_t bytes[NOTE_ROW_MAX];
    MDB_val key = note_key(name, name_key),
            row = {.mv_size = sizeof(uint32_t) + n, .mv_data = bytes};
    uint32_t check = note_checksum(&key, value, n);
    memcpy(bytes, &check, sizeof(check));
    memcpy(bytes + sizeof(check), value, n);
    return lmdb_err(mdb_put(txn, meta, &key, &row, 0));
}

enum err lmdb_delete_note(MDB_txn *txn, MDB_dbi meta, const char *name)
{
    char name_key[NOTE_KEY_MAX];
    MDB_val key = note_key(name, name_key);
    int rc = mdb_del(txn, meta, &key, NULL);
    return rc == MDB_NOTFOUND ? ERR_OK : lmdb_err(rc);
}

int lmdb_step_note(MDB_cursor *c, const char *prefix, bool first, MDB_val *ret_key,
                   MDB_val *ret_value)
{
    char name_key[NOTE_KEY_MAX];
    MDB_val from = note_key(prefix, name_key);
    *ret_key = from;
    int rc = mdb_cursor_get(c, ret_key, ret_value, first ? MDB_SET_RANGE : MDB_NEXT);
    if (rc)
        return rc;
    bool begins = ret_key->mv_size >= from.mv_size &&
                  memcmp(ret_key->mv_data, from.mv_data, from.mv_size) == 0;
    return begins ? 0 : MDB_NOTFOUND;
}

enum err lmdb_get_note(const MDB_val *key, const MDB_val *value, struct lmdb_note *ret)
{
    uint32_t check;
    if (key->mv_size <= NOTE_PREFIX || key->mv_size > NOTE_KEY_MAX ||
        value->mv_size < sizeof(check) || value->mv_size > NOTE_ROW_MAX)
        return ERR_CORRUPT;
    size_t n = key->mv_size - NOTE_PREFIX;
    memcpy(ret->name, (const char *)key->mv_data + NOTE_PREFIX, n);
    ret->name[n] = '\0';
    ret->value = (const char *)value->mv_data + sizeof(check);
    ret->n = value->mv_size - sizeof(check);
    memcpy(&check, value->mv_data, sizeof(check));
    return check == note_checksum(key, ret->value, ret->n) ? ERR_OK : ERR_CORRUPT;
}
