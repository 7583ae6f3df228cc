#include "access/access.h"

bool access_may(struct access_client c, enum access_right right)
{
    return c.trusted || (c.anonymous & right);
}

bool access_is_none(struct access_client c)
{
    return !c.trusted && !c.anonymous;
}
