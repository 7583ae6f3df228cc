#include "http/http_time.h"

#include "delivery/worker.h"
#include "http/http_date.h"

enum { BODY_BYTES_PER_MS = 4 }; /* a body that is slower for long is cut off */

uint64_t http_time_body(const struct conn *c)
{
    return loop_now(c->loop) + worker_settings(c)->body_timeout_ms;
}

uint64_t http_time_body_goes_on(const struct conn *c, uint64_t until, size_t n)
{
    uint64_t most = http_time_body(c);
    until += n / BODY_BYTES_PER_MS;
    return until < most ? until : most;
}

const char *http_time_date(const struct loop *l)
{
    static _Thread_local uint64_t now_ms;
    static _Thread_local const char *date;
    if (!date || now_ms != l->now_ms)
        date = http_now();
    now_ms = l->now_ms;
    return date;
}
