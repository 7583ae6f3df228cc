#include "broker/publish.h"

#include <stdlib.h>
#include <string.h>

/* Publishes of one message, which nearly all are, come and go on a worker's thread: it keeps so
 * many for the next ones. */
enum { SPARE_PUBLISHES = 1024 };

static _Thread_local struct {
    struct publish *first;
    unsigned count;
} spare;

static struct publish *take_spare(uint32_t count)
{
    struct publish *p = count == 1 ? spare.first : NULL;
    if (!p)
        return NULL;
    spare.first = p->next;
    spare.count--;
    return p;
}

/* False: it is none of those that are kept, or there are enough. */
static bool keep_spare(struct publish *p)
{
    if (p->count != 1 || spare.count == SPARE_PUBLISHES)
        return false;
    p->next = spare.first;
    spare.first = p;
    spare.count++;
    return true;
}

void publish_finish_thread(void)
{
    struct publish *p;
    while ((p = take_spare(1)))
        free(p);
}

struct publish *publish_create(uint32_t count)
{
    size_t size = sizeof(struct publish) + count * sizeof(struct publish_item);
    struct publish *p = take_spare(count);
    if (!p)
        p = malloc(size);
    if (p) {
        memset(p, 0, size);
        p->count = count;
        p->bytes = sizeof(*p);
    }
    return p;
}

void publish_free(struct publish *p)
{
    if (!p)
        return;
    for (uint32_t i = 0; i < p->count; i++)
        message_unref(p->items[i].message);
    free(p->expectations);
    if (!keep_spare(p))
        free(p);
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
