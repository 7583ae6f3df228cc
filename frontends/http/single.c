#include "frontends/http/single.h"

#include "frontends/http/field.h"

static const struct {
    const char *name;
    size_t len;
    const char *fault;
} singles[] = {
#define SINGLE(name)                                                                               \
    {                                                                                              \
        name, sizeof(name) - 1, "There is more than one " name " header field"                     \
    }
    SINGLE("Access-Control-Request-Method"),
    SINGLE("Authorization"),
    SINGLE("Content-Location"),
    SINGLE("Content-Range"),
    SINGLE("Content-Type"),
    SINGLE("Date"),
    SINGLE("From"),
    SINGLE("Idempotency-Key"),
    SINGLE("If-Modified-Since"),
    SINGLE("If-Range"),
    SINGLE("If-Unmodified-Since"),
    SINGLE("Last-Event-ID"),
    SINGLE("Longwire-Event"),
    SINGLE("Longwire-Expect-Last"),
    SINGLE("Max-Forwards"),
    SINGLE("Origin"),
    SINGLE("Proxy-Authorization"),
    SINGLE("Range"),
    SINGLE("Referer"),
    SINGLE("Sec-WebSocket-Key"),
    SINGLE("Sec-WebSocket-Version"),
    SINGLE("User-Agent"),
    SINGLE("X-Real-IP"),
#undef SINGLE
};

enum { COUNT = sizeof(singles) / sizeof(singles[0]) };

_Static_assert((int)COUNT <= (int)SINGLE_MAX, "callers note them in a word of SINGLE_MAX bits");

int single_find(const char *name, size_t n)
{
    for (int i = 0; i < COUNT; i++)
        if (singles[i].len == n && field_is((struct field_text){name, n}, singles[i].name))
            return i;
    return -1;
}

const char *single_fault(int which)
{
    return singles[which].fault;
}
