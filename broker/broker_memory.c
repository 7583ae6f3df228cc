#include "broker/broker_memory.h"

#include "broker/broker_state.h"
#include "broker/topic_table.h"

static bool is_known_as_memory(const struct broker *b, const struct topic *t)
{
    return t && t->memory && t->marked && t->id <= b->topics_stored;
}

/* Who publishes many at once mostly publishes them to one topic: *LAST is that of the one before.
 */
static bool is_memory(const struct broker *b, const struct message *m, const struct topic **last)
{
    if (*last && topic_is_named(*last, m->topic_name, m->topic_name_len))
        return true;
    *last = topic_table_find(b->topics, m->topic_name, m->topic_name_len);
    return is_known_as_memory(b, *last);
}

bool broker_needs_no_log(const struct broker *b, const struct publish *list)
{
    const struct topic *last = NULL;
    uint64_t head = b->head;
    for (const struct publish *p = list; p; p = p->next) {
        head += p->count;
        if (p->count == 0 || head > b->reserved)
            return false;
        for (uint32_t i = 0; i < p->count; i++)
            if (!is_memory(b, p->items[i].message, &last))
                return false;
    }
    return b->turned_count == 0;
}
