#include "daemon/value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"

struct unit {
    const char *suffix;
    const char *name; /* plural; NULL where it is never spelt out */
    uint64_t scale;
    unsigned from; /* written for no less than this many: 60s rather than 1m */
};

/* Largest first. */
static const struct unit byte_units[] = {
    {"T", NULL, (uint64_t)1 << 40, 1},
    {"G", NULL, (uint64_t)1 << 30, 1},
    {"M", NULL, (uint64_t)1 << 20, 1},
    {"K", NULL, (uint64_t)1 << 10, 1},
    {"", NULL, 1, 0},
    {NULL, NULL, 0, 0},
};

static const struct unit time_units[] = {
    {"d", "days", 86400000, 2}, {"h", "hours", 3600000, 2}, {"m", "minutes", 60000, 2},
    {"s", "seconds", 1000, 1},  {"", "seconds", 1000, 1},   {"ms", "milliseconds", 1, 0},
    {NULL, NULL, 0, 0},
};

/* Reads digits of BASE at *P and moves it behind them. */
static enum err read_digits(const char **p, unsigned base, uint64_t *ret)
{
    const char *start = *p;
    uint64_t n = 0;
    enum err e = ERR_OK;
    for (; **p >= '0' && (unsigned)(**p - '0') < base; (*p)++) {
        unsigned digit = (unsigned)(**p - '0');
        if (n > (UINT64_MAX - digit) / base)
            e = ERR_LIMIT;
        n = n * base + digit;
    }
    if (*p == start)
        return ERR_INVALID;
    *ret = n;
    return e;
}

static enum err parse_plain(const char *text, unsigned base, uint64_t *ret)
{
    uint64_t n;
    enum err e = read_digits(&text, base, &n);
    if (*text)
        return ERR_INVALID;
    if (!e)
        *ret = n;
    return e;
}

enum err value_parse_count(const char *text, uint64_t *ret)
{
    return parse_plain(text, 10, ret);
}

enum err value_parse_octal(const char *text, uint64_t *ret)
{
    return parse_plain(text, 8, ret);
}

static enum err parse_scaled(const char *text, const struct unit *units, uint64_t *ret)
{
    uint64_t n;
    enum err e = read_digits(&text, 10, &n);
    if (e == ERR_INVALID)
        return e;
    while (units->suffix && strcasecmp(units->suffix, text) != 0)
        units++;
    if (!units->suffix)
        return ERR_INVALID;
    if (e || n > UINT64_MAX / units->scale)
        return ERR_LIMIT;
    *ret = n * units->scale;
    return ERR_OK;
}

enum err value_parse_bytes(const char *text, uint64_t *ret)
{
    return parse_scaled(text, byte_units, ret);
}

enum err value_parse_duration(const char *text, uint64_t *ret_ms)
{
    return parse_scaled(text, time_units, ret_ms);
}

/* The largest unit that suits A <= B, both of them whole multiples; the last one always does. */
static const struct unit *common_unit(const struct unit *units, uint64_t a, uint64_t b)
{
    while (a % units->scale || b % units->scale || b / units->scale < units->from)
        units++;
    return units;
}

static void put_scaled(struct buf *out, const struct unit *units, uint64_t n)
{
    const struct unit *u = common_unit(units, n, n);
    buf_printf(out, "%" PRIu64 "%s", n / u->scale, n ? u->suffix : "");
}

void value_put_bytes(struct buf *out, uint64_t n)
{
    put_scaled(out, byte_units, n);
}

void value_put_duration(struct buf *out, uint64_t ms)
{
    put_scaled(out, time_units, ms);
}

void value_put_bytes_range(struct buf *out, uint64_t min, uint64_t max)
{
    value_put_bytes(out, min);
    buf_puts(out, " to ");
    value_put_bytes(out, max);
    buf_puts(out, max < 1024 ? " bytes" : "");
}

static void put_time_in_words(struct buf *out, uint64_t ms)
{
    const struct unit *u = common_unit(time_units, ms, ms);
    uint64_t n = ms / u->scale;
    buf_printf(out, "%" PRIu64 " %.*s", n, (int)strlen(u->name) - (n == 1), u->name);
}

void value_put_duration_range(struct buf *out, uint64_t min_ms, uint64_t max_ms)
{
    const struct unit *u = common_unit(time_units, min_ms, max_ms);
    if (min_ms == 0 || max_ms / u->scale < 1000) {
        buf_printf(out, "%" PRIu64 " to %" PRIu64 " %s", min_ms / u->scale, max_ms / u->scale,
                   u->name);
        return;
    }
    put_time_in_words(out, min_ms);
    buf_puts(out, " to ");
    put_time_in_words(out, max_ms);
}

enum { HOST_MAX = 80, PORT_MAX = 5 }; /* an IPv6 address with its zone; digits */

/* Cuts `HOST:PORT` or `[HOST]:PORT` into its parts. */
static bool split_address(const char *text, char *host, char *port)
{
    bool bracket = *text == '[';
    const char *start = text + bracket;
    const char *colon = strrchr(text, ':');
    if (!colon || colon < start)
        return false;
    size_t host_len = (size_t)(colon - start);
    if (bracket && (host_len < 1 || colon[-1] != ']'))
        return false;
    host_len -= bracket;
    size_t port_len = strlen(colon + 1);
    if (host_len < 1 || host_len > HOST_MAX || port_len < 1 || port_len > PORT_MAX)
        return false;
    memcpy(host, start, host_len);
    host[host_len] = '\0';
    memcpy(port, colon + 1, port_len + 1);
    return bracket == (strchr(host, ':') != NULL); /* IPv6 stands in brackets, IPv4 does not */
}

static bool is_loopback(const struct sockaddr_storage *addr)
{
    if (addr->ss_family == AF_INET) {
        uint32_t ip = ntohl(((const struct sockaddr_in *)addr)->sin_addr.s_addr);
        return ip >> 24 == 127;
    }
    const struct in6_addr *ip6 = &((const struct sockaddr_in6 *)addr)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(ip6) || (IN6_IS_ADDR_V4MAPPED(ip6) && ip6->s6_addr[12] == 127);
}

enum err value_parse_address(const char *text, struct config_listen *ret)
{
    char host[HOST_MAX + 1], port[PORT_MAX + 1];
    uint64_t number;
    if (!split_address(text, host, port))
        return ERR_INVALID;
    if (value_parse_count(port, &number) || number > UINT16_MAX)
        return ERR_INVALID;
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    const char *address = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    struct in_addr ip4;
    if (*text != '[' && inet_pton(AF_INET, address, &ip4) != 1)
        return ERR_INVALID; /* getaddrinfo() would take "1" or "0x7f.1" too */
    int failed = getaddrinfo(address, port, &hints, &found);
    if (failed)
        return failed == EAI_MEMORY ? ERR_NOMEM : ERR_INVALID;
    memset(ret, 0, sizeof(*ret));
    memcpy(&ret->addr, found->ai_addr, found->ai_addrlen);
    ret->addr_len = found->ai_addrlen;
    ret->loopback = is_loopback(&ret->addr);
    freeaddrinfo(found);
    return ERR_OK;
}

void value_put_address(struct buf *out, const struct config_listen *l)
{
    char host[HOST_MAX + 1], port[PORT_MAX + 1];
    if (getnameinfo((const struct sockaddr *)&l->addr, l->addr_len, host, sizeof(host), port,
                    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV)) {
        out->failed = true; /* only for want of memory: the address was parsed once */
        return;
    }
    buf_puts(out, l->tls ? "tls:" : "");
    buf_printf(out, l->addr.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

bool value_text_valid(const char *text)
{
    size_t n = strlen(text);
    if (!utf8_valid(text, n))
        return false;
    if (n && (isspace((unsigned char)text[0]) || isspace((unsigned char)text[n - 1])))
        return false;
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7F)
            return false;
        if (text[i] == ';' && (i == 0 || text[i - 1] == ' '))
            return false;
    }
    return true;
}

/* Characters of a host and port in ASCII form; browsers send IDNA names encoded. */
static bool is_origin_char(char c)
{
    return islower((unsigned char)c) || isdigit((unsigned char)c) || (c && strchr(".-_:[]", c));
}

bool value_origin_valid(const char *text)
{
    if (strcmp(text, "*") == 0)
        return true;
    const char *p = text;
    if (!islower((unsigned char)*p))
        return false;
    while (islower((unsigned char)*p) || isdigit((unsigned char)*p) || (*p && strchr("+-.", *p)))
        p++;
    if (strncmp(p, "://", 3) != 0 || p[3] == '\0')
        return false;
    for (p += 3; *p; p++) {
        if (!is_origin_char(*p))
            return false;
    }
    return p - text <= CONFIG_TEXT_MAX;
}

static bool is_bracketed_address(const char *text, size_t n)
{
    struct ip ip;
    return n > 2 && text[0] == '[' && text[n - 1] == ']' && memchr(text, ':', n) &&
           ip_parse(text + 1, n - 2, &ip) == ERR_OK;
}

bool value_host_valid(const char *text)
{
    size_t n = strlen(text);
    if (n > CONFIG_TEXT_MAX)
        return false;
    char before = '.';
    for (const char *p = text; *p; before = *p++) {
        if (!isalnum((unsigned char)*p) && !strchr("-_.", *p))
            return is_bracketed_address(text, n);
        if (*p == '.' && before == '.')
            return false;
    }
    return before != '.';
}
