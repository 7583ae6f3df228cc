#include "http/http_now.h"

#include "base/now.h"
#include "http/h1/http_response.h"

const char *http_now(void)
{
    static _Thread_local struct http_date date;
    return http_date(&date, now_unix_ms());
}
