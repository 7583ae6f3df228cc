#include "tests/unit/wire.h"

struct link wire_begin(struct roaming *r)
{
    return roaming_link(r);
}

void wire_end(struct roaming *r)
{
    (void)r;
}

struct conn *wire_carrier(struct conn *c)
{
    return c;
}

void wire_leave(void)
{
}

bool wire_has_ended(struct roaming *r)
{
    return r->shut;
}

const bool wire_is_watched = true;

void wire_say(struct roaming *r, const void *data, size_t n)
{
    roaming_say(r, data, n);
}

void wire_say_end(struct roaming *r)
{
    r->input_over = true;
}

const struct buf *wire_heard(struct roaming *r)
{
    return &r->out;
}
