#include "delivery/frontend.h"

#include "base/log.h"
#include "broker/interest.h"
#include "broker/message.h"
#include "net/transport.h"

_Static_assert((unsigned)TRANSPORTS_MAX <= INTEREST_TRANSPORTS,
               "subscribers of each transport are counted");

static enum err register_transport(struct transport *t)
{
    enum err e = t ? transport_register(t) : ERR_OK;
    if (e != ERR_OK)
        log_error("%s is a transport too many: there may be %d", t->name, TRANSPORTS_MAX);
    return e;
}

static enum err register_encodings(struct encoding *const *list)
{
    enum err e = ERR_OK;
    for (; list && *list && e == ERR_OK; list++) {
        e = encoding_register(*list);
        if (e != ERR_OK)
            log_error("%s is an encoding too many: there may be %d", (*list)->name, ENCODINGS_MAX);
    }
    return e;
}

enum err frontend_register(const struct frontend *const *list)
{
    enum err e = ERR_OK;
    for (; *list && e == ERR_OK; list++) {
        e = register_transport((*list)->transport);
        if (e == ERR_OK)
            e = register_encodings((*list)->encodings);
    }
    return e;
}
