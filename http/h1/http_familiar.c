#include "http/h1/http_familiar.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char end_of_head[] = "\r\n\r\n";

enum {
    BLOCK = 32, /* bytes that are hashed at once */
    PLACE_SHIFT = 64 - 9,
    END = sizeof(end_of_head) - 1,
};

struct http_familiar {
    struct http_fields *fields; /* its own */
    uint32_t len;               /* bytes of `text` */
    uint16_t headers;
    bool keep_alive;
    char text[];
};

static _Thread_local struct {
    struct http_familiar *one;
    unsigned wanted; /* by others */
} places[HTTP_FAMILIAR_MAX];

_Static_assert(HTTP_FAMILIAR_MAX == 1 << (64 - PLACE_SHIFT), "a place for each hash");

/* --- which place --- */

static uint64_t load(const char *text)
{
    uint64_t word;
    memcpy(&word, text, sizeof(word));
    return word;
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
    return (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
}

/* Four hashes beside each other, since none waits for the multiplication of another; each bit has a
 * part in the uppermost ones. Whoever makes heads collide only makes them be read. N >= BLOCK. */
static unsigned place_of(const char *text, size_t n)
{
    uint64_t a = n, b = 0, c = 0, d = 0;
    for (size_t at = 0; at < n; at += BLOCK) {
        const char *block = text + (n - at < BLOCK ? n - BLOCK : at);
        a = mix(a, load(block));
        b = mix(b, load(block + 8));
        c = mix(c, load(block + 16));
        d = mix(d, load(block + 24));
    }
    return (unsigned)(mix(mix(mix(a, b), c), d) >> PLACE_SHIFT);
}

/* What does not end with the head, or not here, is passed over without looking at more of it. */
static bool may_be_kept(const char *text, size_t n)
{
    return n >= BLOCK && n <= HTTP_FAMILIAR_BYTES && memcmp(text + n - END, end_of_head, END) == 0;
}

const struct http_familiar *http_familiar_find(const char *text, size_t n)
{
    if (!may_be_kept(text, n))
        return NULL;
    const struct http_familiar *f = places[place_of(text, n)].one;
    return f && f->len == n && memcmp(f->text, text, n) == 0 ? f : NULL;
}

/* --- what it means --- */

bool http_familiar_take(const struct http_familiar *f, struct http_request *r)
{
    if (r->state != HTTP_HEADER_LINE || r->headers || r->line || r->minor == 0)
        return false;
    return http_request_take_fields(r, f->fields, f->len, f->headers, f->keep_alive);
}

/* --- keeping them --- */

static void destroy(struct http_familiar *f)
{
    if (f)
        http_fields_give_back(f->fields);
    free(f);
}

static struct http_familiar *create(const struct http_request *r, const char *text, size_t n)
{
    struct http_familiar *f = malloc(sizeof(*f) + n);
    struct http_fields *fields = f ? http_fields_copy(r->fields) : NULL;
    if (!fields) {
        free(f);
        return NULL;
    }
    *f = (struct http_familiar){
        .fields = fields,
        .len = (uint32_t)n,
        .headers = r->headers,
        .keep_alive = r->keep_alive,
    };
    memcpy(f->text, text, n);
    return f;
}

/* Its fields mean the same behind each request line of HTTP/1.1 then. */
static bool is_worth_it(const struct http_request *r)
{
    return r->state == HTTP_DONE && r->minor > 0;
}

void http_familiar_keep(const struct http_request *r, const char *text, size_t n)
{
    if (!is_worth_it(r) || !may_be_kept(text, n))
        return;
    unsigned place = place_of(text, n);
    if (places[place].one && ++places[place].wanted < HTTP_FAMILIAR_PATIENCE)
        return;
    struct http_familiar *f = create(r, text, n);
    if (!f)
        return;
    destroy(places[place].one);
    places[place].one = f;
    places[place].wanted = 0;
}

void http_familiar_finish_thread(void)
{
    for (unsigned i = 0; i < HTTP_FAMILIAR_MAX; i++) {
        destroy(places[i].one);
        places[i].one = NULL;
        places[i].wanted = 0;
    }
}
