#include "broker/publish.h"

#include <stdlib.h>
#include <string.h>

#include "base/spare.h"

static size_t size_of(uint32_t count)
{
    return sizeof(struct publish) + count * sizeof(struct publish_item);
}

struct publish *publish_create(uint32_t count)
{
    struct publish *p = spare_take(size_of(count));
    if (!p)
        return NULL;
    memset(p, 0, size_of(count));
    p->count = count;
    p->bytes = sizeof(*p);
    return p;
}

void publish_free(struct publish *p)
{
    if (!p)
        return;
    for (uint32_t i = 0; i < p->count; i++)
        message_unref(p->items[i].message);
    free(p->expectations);
    spare_give(p, size_of(p->count));
}

size_t publish_weight(const struct message *m)
{
    return message_size(m) + sizeof(struct publish_item) + m->payload_len + m->event_len +
           m->key_len + m->topic_name_len;
}

void publish_set(struct publish *p, uint32_t i, struct message *m)
{
    p->items[i].message = m;
    p->bytes += publish_weight(m);
}

enum err publish_expect(struct publish *p, uint32_t i, const struct cursor *seen, uint32_t tag)
{
    if (!p->expectations) {
        p->expectations = calloc(p->count, sizeof(*p->expectations));
        if (!p->expectations)
            return ERR_NOMEM;
        p->bytes += p->count * sizeof(*p->expectations);
    }
    p->expectations[i] = (struct expectation){*seen, tag};
    p->items[i].conditional = true;
    return ERR_OK;
}
