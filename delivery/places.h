/*
 * Topics and patterns that somebody names, each with the place from which it is wanted.
 */
#ifndef DELIVERY_PLACES_H
#define DELIVERY_PLACES_H

#include <stddef.h>

#include "broker/cursor.h"

struct place {
    const char *filter; /* a valid topic or pattern; borrowed */
    size_t len;
    struct after after; /* of no meaning where topics are only named to be left */
};

struct places {
    struct place *entries; /* in the order in which they were named */
    size_t count;
};

#endif
