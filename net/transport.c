#include "net/transport.h"

const struct transport *transports[TRANSPORTS_MAX];
static unsigned count;

enum err transport_register(struct transport *t)
{
    if (t->registered)
        return ERR_OK;
    if (count == TRANSPORTS_MAX)
        return ERR_LIMIT;
    t->number = (unsigned char)count;
    t->registered = true;
    transports[count++] = t;
    return ERR_OK;
}

unsigned transport_count(void)
{
    return count;
}

bool transport_receives(unsigned number)
{
    return number < count && transports[number]->subscribes;
}

const char *transport_name(unsigned number)
{
    return number < count ? transports[number]->name : "none";
}
