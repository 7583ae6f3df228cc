/*
 * The calendar is done here by arithmetic: gmtime_r() takes a process-wide lock and may look at
 * the time zone files.
 */
#include "base/rfc3339.h"

#include <stdbool.h>

#define MS_PER_DAY   86400000u
#define MAX_TIME_MS  253402300799999u /* 9999-12-31T23:59:59.999Z */
#define DAYS_TO_1970 719162u          /* from 0001-01-01 */

/* Days of a common year before each month, and all of them. */
static const uint16_t month_start[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};

static bool is_leap(unsigned year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days from 1970-01-01 to the first day of YEAR (negative before it). */
static int64_t days_to_year(unsigned year)
{
    unsigned past = year - 1;
    return (int64_t)past * 365 + past / 4 - past / 100 + past / 400 - DAYS_TO_1970;
}

/* Days from the first day of YEAR to the first day of MONTH (1-12, or 13 for the next year). */
static unsigned days_to_month(unsigned year, unsigned month)
{
    return month_start[month - 1] + (month > 2 && is_leap(year) ? 1 : 0);
}

static char *put_two(char *out, unsigned value)
{
    out[0] = (char)('0' + value / 10);
    out[1] = (char)('0' + value % 10);
    return out + 2;
}

/*
 * The date of a day since 1970-01-01. Years are counted from 1 March here, so that a leap day is a
 * year's last: then the days before a month of the year are (153 * month + 2) / 5, which takes the
 * months' lengths 31, 30, 31, 30, 31 in turn.
 */
static char *put_date(char *out, uint64_t days)
{
    enum { TO_MARCH_OF_YEAR_0 = 719468, DAYS_400_YEARS = 146097, DAYS_100_YEARS = 36524 };
    enum { DAYS_4_YEARS = 1461 };
    unsigned day = (unsigned)(days + TO_MARCH_OF_YEAR_0);
    unsigned cycle = day / DAYS_400_YEARS, rest = day % DAYS_400_YEARS;
    unsigned year =
        (rest - rest / (DAYS_4_YEARS - 1) + rest / DAYS_100_YEARS - rest / (DAYS_400_YEARS - 1)) /
        365;
    unsigned of_year = rest - (year * 365 + year / 4 - year / 100);
    unsigned month = (5 * of_year + 2) / 153;
    unsigned of_month = of_year - (153 * month + 2) / 5;
    bool next_year = month >= 10; /* January and February */
    year += cycle * 400 + next_year;
    out = put_two(put_two(out, year / 100), year % 100);
    *out++ = '-';
    out = put_two(out, next_year ? month - 9 : month + 3);
    *out++ = '-';
    return put_two(out, of_month + 1);
}

void rfc3339_format(char *out, uint64_t time_ms)
{
    if (time_ms > MAX_TIME_MS)
        time_ms = MAX_TIME_MS;
    unsigned ms = (unsigned)(time_ms % MS_PER_DAY), seconds = ms / 1000;
    out = put_date(out, time_ms / MS_PER_DAY);
    *out++ = 'T';
    out = put_two(out, seconds / 3600);
    *out++ = ':';
    out = put_two(out, seconds / 60 % 60);
    *out++ = ':';
    out = put_two(out, seconds % 60);
    *out++ = '.';
    *out++ = (char)('0' + ms % 1000 / 100);
    out = put_two(out, ms % 100);
    *out++ = 'Z';
    *out = '\0';
}

/* What is left to read; `bad` sticks, so that a run of reads needs one check at its end. */
struct scan {
    const char *p, *end;
    bool bad;
};

static unsigned scan_digit(struct scan *s)
{
    if (s->p == s->end || *s->p < '0' || *s->p > '9') {
        s->bad = true;
        return 0;
    }
    return (unsigned)(*s->p++ - '0');
}

/* COUNT digits whose value lies in LOW..HIGH. */
static unsigned scan_number(struct scan *s, unsigned count, unsigned low, unsigned high)
{
    unsigned value = 0;
    while (count--)
        value = value * 10 + scan_digit(s);
    if (value < low || value > high)
        s->bad = true;
    return value;
}

/* One of the two characters; returns it. */
static char scan_char(struct scan *s, char a, char b)
{
    if (s->p == s->end || (*s->p != a && *s->p != b)) {
        s->bad = true;
        return '\0';
    }
    return *s->p++;
}

/* Days since 1970-01-01, negative before. */
static int64_t scan_date(struct scan *s)
{
    unsigned year = scan_number(s, 4, 1, 9999);
    scan_char(s, '-', '-');
    unsigned month = scan_number(s, 2, 1, 12);
    scan_char(s, '-', '-');
    if (s->bad)
        return 0;
    unsigned before = days_to_month(year, month);
    unsigned day = scan_number(s, 2, 1, days_to_month(year, month + 1) - before);
    return days_to_year(year) + before + day - 1;
}

/* Milliseconds of the optional fraction; digits beyond the third are read and dropped. */
static unsigned scan_fraction(struct scan *s)
{
    if (s->p == s->end || *s->p != '.')
        return 0;
    s->p++;
    unsigned ms = scan_digit(s) * 100;
    for (unsigned weight = 10; s->p != s->end && *s->p >= '0' && *s->p <= '9'; weight /= 10)
        ms += scan_digit(s) * weight;
    return ms;
}

/* Minutes that local time is ahead of UTC. */
static int scan_offset(struct scan *s)
{
    if (s->p != s->end && (*s->p == 'Z' || *s->p == 'z')) {
        s->p++;
        return 0;
    }
    int sign = scan_char(s, '+', '-') == '-' ? -1 : 1;
    int minutes = (int)scan_number(s, 2, 0, 23) * 60;
    scan_char(s, ':', ':');
    return sign * (minutes + (int)scan_number(s, 2, 0, 59));
}

enum err rfc3339_parse(const char *text, size_t n, uint64_t *ret_ms)
{
    struct scan s = {text, text + n, false};
    int64_t days = scan_date(&s);
    scan_char(&s, 'T', 't');
    int minutes = (int)scan_number(&s, 2, 0, 23) * 60;
    scan_char(&s, ':', ':');
    minutes += (int)scan_number(&s, 2, 0, 59);
    scan_char(&s, ':', ':');
    unsigned second = scan_number(&s, 2, 0, 60);
    unsigned ms = scan_fraction(&s);
    minutes -= scan_offset(&s);
    if (s.bad || s.p != s.end)
        return ERR_INVALID;
    int64_t utc = days * 1440 + minutes;
    if (utc < 0 || (second == 60 && utc % 1440 != 1439))
        return ERR_INVALID; /* leap seconds end a day of UTC, section 5.7 */
    *ret_ms = (uint64_t)utc * 60000 + (second == 60 ? 59 : second) * 1000 + ms;
    return ERR_OK;
}
