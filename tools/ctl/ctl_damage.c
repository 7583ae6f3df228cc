/* What a check of a log has found, as people read it. */
#include "tools/ctl/ctl_damage.h"

#include <inttypes.h>
#include <string.h>

#include "storage/store.h"
#include "tools/ctl/ctl_table.h"
#include "tools/ctl/ctl_text.h"

/* What a kind of damage means; NULL when NAME is none that is known. */
static const char *meaning_of(const char *name)
{
    for (size_t i = 0; i < STORE_DAMAGE_KINDS; i++)
        if (strcmp(store_damage_name((enum store_damage)i), name) == 0)
            return store_damage_text((enum store_damage)i);
    return NULL;
}

static void put_count(struct buf *out, const json_t *report, const char *name, const char *note)
{
    buf_printf(out, "%-12s %" PRIu64 "%s\n", name, ctl_json_u64(report, name), note);
}

static void put_text(struct buf *out, const char *text)
{
    ctl_text_put(out, text, strlen(text));
}

/* As in "offset 17 (prices/AAPL)", or "topic prices/AAPL"; nothing when there is nothing to say. */
static void put_place(struct buf *out, const json_t *place)
{
    static const char *const units[] = {"offset", "block", "group"};
    const char *topic = ctl_json_text(place, "topic");
    uint64_t topic_id = ctl_json_u64(place, "topic_id");
    bool numbered = false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (!json_object_get(place, units[i]))
            continue;
        buf_printf(out, "%s %" PRIu64, units[i], ctl_json_u64(place, units[i]));
        numbered = true;
    }
    if (!topic && !topic_id)
        return;
    buf_puts(out, numbered ? " (" : topic ? "topic " : "");
    if (topic)
        put_text(out, topic);
    else
        buf_printf(out, "topic number %" PRIu64, topic_id);
    if (numbered)
        buf_putc(out, ')');
}

static void put_places(struct buf *out, const json_t *report, const char *name)
{
    size_t i;
    const json_t *place, *places = json_object_get(report, "places");
    json_array_foreach(places, i, place)
    {
        const char *damage = ctl_json_text(place, "damage");
        struct buf text = {0};
        if (damage && strcmp(damage, name) == 0)
            put_place(&text, place);
        if (text.len)
            buf_printf(out, "%13s%.*s\n", "", (int)text.len, text.data);
        out->failed |= text.failed;
        buf_finish(&text);
    }
}

void ctl_damage_put(struct buf *out, const json_t *report)
{
    const char *name;
    json_t *count, *damage = json_object_get(report, "damage");
    put_count(out, report, "records", "");
    put_count(out, report, "topics", "");
    put_count(out, report, "blocks", "");
    put_count(out, report, "groups", "");
    if (ctl_json_u64(report, "unsettled"))
        put_count(out, report, "unsettled", " topics: not compared, they lost messages meanwhile");
    if (ctl_json_u64(report, "damaged") == 0) {
        buf_printf(out, "%-12s none\n", "damaged");
        return;
    }
    put_count(out, report, "damaged", "");
    json_object_foreach(damage, name, count)
    {
        const char *meaning = meaning_of(name);
        if (json_integer_value(count) == 0)
            continue;
        buf_printf(out, "%12" JSON_INTEGER_FORMAT " ", json_integer_value(count));
        put_text(out, meaning ? meaning : name);
        buf_putc(out, '\n');
        put_places(out, report, name);
    }
}
