#include "http/accept.h"

#include <string.h>

#include "http/field.h"

/* ---- Parameters: *( OWS ";" OWS name "=" ( token / quoted-string ) ) ---- */

static bool is_quoted_string(struct field_text t)
{
    if (t.n < 2 || t.p[0] != '"' || t.p[t.n - 1] != '"')
        return false;
    size_t i = 1;
    for (; i < t.n - 1 && t.p[i] != '"'; i++)
        if (t.p[i] == '\\')
            i++;
    return i == t.n - 1; /* not ended earlier, and the last quote is not escaped */
}

/* Splits NAME=VALUE; false when it is malformed. Whitespace around the '=' is an error. */
static bool split_param(struct field_text param, struct field_text *ret_name,
                        struct field_text *ret_value)
{
    const char *eq = memchr(param.p, '=', param.n);
    if (!eq)
        return false;
    size_t name_len = (size_t)(eq - param.p);
    *ret_name = (struct field_text){param.p, name_len};
    *ret_value = (struct field_text){eq + 1, param.n - name_len - 1};
    return field_is_token(param.p, name_len) &&
           (field_is_token(ret_value->p, ret_value->n) || is_quoted_string(*ret_value));
}

/* ---- Accept ---- */

/* Reads the parameters of a media range for its weight; false when one is malformed. */
static bool range_weight(struct field_text params, unsigned *ret)
{
    struct field_text param, name, value;
    *ret = 1000;
    while (field_next(&params, ';', &param)) {
        if (!split_param(param, &name, &value))
            return false;
        if (field_is(name, "q") && !field_weight(value, ret))
            return false;
    }
    return true;
}

static unsigned json_rank(struct field_text range)
{
    if (field_is(range, "application/json"))
        return 3;
    if (field_is(range, "application/*"))
        return 2;
    return field_is(range, "*/*") ? 1 : 0;
}

static void add_json(struct accept *a, unsigned rank, unsigned weight)
{
    if (rank > a->json_rank || (rank > 0 && rank == a->json_rank && weight > a->json)) {
        a->json_rank = rank;
        a->json = weight;
    }
}

static void add_range(struct accept *a, struct field_text member)
{
    struct field_text range;
    unsigned weight;
    if (!field_next(&member, ';', &range) || !range_weight(member, &weight))
        return;
    if (field_is(range, "text/event-stream") && weight > a->events)
        a->events = weight;
    if (field_is(range, "text/html") && weight > 0)
        a->page = true;
    add_json(a, json_rank(range), weight);
}

void accept_add(struct accept *a, const char *value, size_t n)
{
    struct field_text rest = {value, n}, member;
    if (n == 3 && memcmp(value, "*/*", 3) == 0) { /* what scripts mostly send */
        add_json(a, 1, 1000);
        return;
    }
    while (field_next(&rest, ',', &member))
        add_range(a, member);
}

bool accept_events(const struct accept *a)
{
    return a->events > 0 && a->events >= a->json;
}

/* ---- Content-Type ---- */

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static enum content_kind kind_of(const char *name)
{
    if (strcmp(name, "application/json") == 0 || strcmp(name, "text/json") == 0 ||
        ends_with(name, "+json"))
        return CONTENT_JSON;
    if (strncmp(name, "text/", 5) == 0)
        return CONTENT_TEXT;
    if (strcmp(name, "application/x-www-form-urlencoded") == 0)
        return CONTENT_SNIFF;
    return CONTENT_BINARY;
}

/* token "/" token */
static bool is_media_type(struct field_text t)
{
    const char *slash = memchr(t.p, '/', t.n);
    return slash && field_is_token(t.p, (size_t)(slash - t.p)) &&
           field_is_token(slash + 1, t.n - (size_t)(slash - t.p) - 1);
}

static bool params_valid(struct field_text params)
{
    struct field_text param, name, value;
    while (field_next(&params, ';', &param))
        if (!split_param(param, &name, &value))
            return false;
    return true;
}

enum err content_type_parse(const char *value, size_t n, struct content_type *ret)
{
    const char *semicolon = memchr(value, ';', n);
    size_t before = semicolon ? (size_t)(semicolon - value) : n;
    struct field_text name = field_trim(value, before);
    if (!is_media_type(name) || name.n > CONTENT_TYPE_MAX ||
        !params_valid((struct field_text){value + before, n - before}))
        return ERR_INVALID;
    for (size_t i = 0; i < name.n; i++)
        ret->name[i] = name.p[i] >= 'A' && name.p[i] <= 'Z' ? (char)(name.p[i] | 0x20) : name.p[i];
    ret->name[name.n] = '\0';
    ret->kind = kind_of(ret->name);
    return ERR_OK;
}
