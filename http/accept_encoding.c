#include "http/accept_encoding.h"

#include "http/field.h"
#include "http/http_fields.h"

/* Which weight a member is about; NULL: one of a coding that is not known here. */
static uint16_t *weight_of(struct accept_encoding *a, struct field_text coding)
{
    if (field_is(coding, "gzip") || field_is(coding, "x-gzip")) /* section 8.4.1.3 */
        return &a->gzip;
    if (field_is(coding, "br"))
        return &a->br;
    if (field_is(coding, "identity"))
        return &a->identity;
    return field_is(coding, "*") ? &a->any : NULL;
}

/* "q=" and a weight: the only thing that may stand behind a coding. */
static bool read_weight(struct field_text text, unsigned *ret)
{
    if (text.n < 2 || !field_is((struct field_text){text.p, 2}, "q="))
        return false;
    return field_weight((struct field_text){text.p + 2, text.n - 2}, ret);
}

static void add_member(struct accept_encoding *a, struct field_text member)
{
    struct field_text coding, weight;
    unsigned q = 1000;
    if (!field_part(&member, ';', &coding))
        return;
    if (field_part(&member, ';', &weight) && (member.p || !read_weight(weight, &q)))
        return;
    uint16_t *of = weight_of(a, coding);
    if (of && (*of == 0 || q + 1 < *of))
        *of = (uint16_t)(q + 1);
}

void accept_encoding_add(struct accept_encoding *a, const char *value, size_t n)
{
    struct field_text rest = {value, n}, member;
    while (field_next(&rest, ',', &member))
        add_member(a, member);
}

/* 0: it is not acceptable. */
static unsigned weight(const struct accept_encoding *a, uint16_t named)
{
    unsigned said = named ? named : a->any;
    return said ? said - 1 : 0;
}

enum coding accept_encoding_choose(const struct accept_encoding *a, unsigned offered)
{
    const struct {
        enum coding coding;
        unsigned weight;
    } all[] = {
        {CODING_BR, weight(a, a->br)},
        {CODING_GZIP, weight(a, a->gzip)},
        {CODING_IDENTITY, weight(a, a->identity)},
    };
    enum coding best = CODING_IDENTITY;
    unsigned most = 0;
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        if (!(all[i].coding & (offered | CODING_IDENTITY)) || all[i].weight <= most)
            continue;
        best = all[i].coding;
        most = all[i].weight;
    }
    return best;
}

enum coding accept_encoding_of(const struct http_fields *f, unsigned offered)
{
    struct accept_encoding a = {0};
    size_t n;
    const char *value = http_fields_get(f, HTTP_FIELD_ACCEPT_ENCODING, &n);
    if (!value)
        return CODING_IDENTITY;
    for (; value; value = http_fields_next(f, HTTP_FIELD_ACCEPT_ENCODING, value, &n))
        accept_encoding_add(&a, value, n);
    return accept_encoding_choose(&a, offered);
}
