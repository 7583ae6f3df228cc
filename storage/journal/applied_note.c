#include "storage/journal/applied_note.h"

#include <string.h>

#include "storage/store.h"
#include "storage/store_ops.h"

/* As it lies in meta, before the directory. */
struct row {
    uint64_t log, run, number, last;
    uint32_t epoch, zero;
};
_Static_assert(sizeof(struct row) == 40, "the row has no padding");

size_t applied_note_encode(const struct applied_note *n, void *out)
{
    struct row row = {
        .log = n->log,
        .run = n->place.run,
        .number = n->place.number,
        .last = n->place.last,
        .epoch = n->place.epoch,
    };
    size_t dir_len = strlen(n->dir);
    memcpy(out, &row, sizeof(row));
    memcpy((char *)out + sizeof(row), n->dir, dir_len);
    return sizeof(row) + dir_len;
}

struct load {
    struct applied_note *note;
    enum err result;
};

static void load(void *ctx, const char *name, const void *value, size_t n)
{
    struct load *l = ctx;
    struct row row;
    if (strcmp(name, STORE_NOTE_JOURNAL) != 0)
        return;
    if (n < sizeof(row) || n - sizeof(row) >= sizeof(l->note->dir)) {
        l->result = ERR_CORRUPT;
        return;
    }
    memcpy(&row, value, sizeof(row));
    l->note->log = row.log;
    l->note->place = (struct journal_place){
        .run = row.run, .number = row.number, .last = row.last, .epoch = row.epoch};
    memcpy(l->note->dir, (const char *)value + sizeof(row), n - sizeof(row));
    if (row.log == 0)
        l->result = ERR_CORRUPT;
}

enum err applied_note_load(struct store *s, struct applied_note *ret)
{
    struct load l = {.note = ret};
    memset(ret, 0, sizeof(*ret));
    enum err e = store_notes(s, STORE_NOTE_JOURNAL, load, &l);
    return e ? e : l.result;
}

enum err applied_note_save(struct store *s, const struct applied_note *n)
{
    char value[APPLIED_NOTE_MAX];
    size_t len = applied_note_encode(n, value);
    return store_put_note(s, STORE_NOTE_JOURNAL, value, len);
}
