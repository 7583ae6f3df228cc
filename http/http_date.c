#include "http/http_date.h"

#include <stdio.h>

#include "base/now.h"
#include "base/rfc3339.h"

/* Fills in the calendar from RFC 3339's text, "1994-11-06T08:49:37.000Z". */
static void write_date(char *out, uint64_t second)
{
    static const char days[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday */
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char t[RFC3339_TEXT_SIZE];
    rfc3339_format(t, second * 1000);
    int month = (t[5] - '0') * 10 + t[6] - '1';
    snprintf(out, HTTP_DATE_SIZE, "%.3s, %.2s %.3s %.4s %.8s GMT", days + second / 86400 % 7 * 3,
             t + 8, months + month * 3, t, t + 11);
}

const char *http_date(struct http_date *d, uint64_t time_ms)
{
    uint64_t second = time_ms / 1000;
    if (d->text[0] == '\0' || d->second != second) {
        write_date(d->text, second);
        d->second = second;
    }
    return d->text;
}

const char *http_now(void)
{
    static _Thread_local struct http_date date;
    return http_date(&date, now_unix_ms());
}
