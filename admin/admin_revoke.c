#include "admin/admin_revoke.h"

#include <string.h>

#include "admin/admin_document.h"
#include "base/now.h"
#include "base/rfc3339.h"
#include "delivery/envelope.h"
#include "http/bearer.h"
#include "http/tokens.h"

static int64_t now_s(void)
{
    return (int64_t)(now_unix_ms() / 1000);
}

static bool is_revoked(void *ctx, const struct principal *p)
{
    return revoked_has(ctx, p->jti, p->sub, p->issued_s, now_s());
}

/* `at` is the worker. */
static void end_step(struct errand *e, void *where)
{
    struct admin *a = admin_of_errand(e);
    struct worker *w = where;
    a->number += bearer_revoke(w, is_revoked, hub_revoked(w->hub));
    if (++a->at < hub_workers(w->hub))
        errand_to_worker(e, (unsigned)a->at, end_step);
    else
        errand_home(e, ERR_OK);
}

/* From here on no token of these is taken; who has one is told by its worker. */
static void add_step(struct errand *e, void *where)
{
    struct admin *a = admin_of_errand(e);
    enum err result = revoked_add(broker_revoked(where), &a->revocation, now_s());
    if (result == ERR_OK)
        errand_to_worker(e, 0, end_step);
    else
        errand_home(e, result);
}

static void remove_step(struct errand *e, void *where)
{
    const struct revocation *v = &admin_of_errand(e)->revocation;
    errand_home(e, revoked_remove(broker_revoked(where), v->kind, v->name));
}

static void begin(struct admin *a, const struct revocation *v, errand_step *step)
{
    if (admin_keep_word(a, v->name, strlen(v->name)) != ERR_OK) {
        errand_home(&a->errand, ERR_NOMEM);
        return;
    }
    a->revocation = *v;
    a->revocation.name = a->word;
    errand_to_broker(&a->errand, step);
}

void admin_revoke(struct admin *a, const struct revocation *v)
{
    struct revocation copy = *v;
    if (!copy.until_s)
        copy.until_s = tokens_last_s(a->errand.home, now_s());
    begin(a, &copy, add_step);
}

void admin_unrevoke(struct admin *a, const struct revocation *v)
{
    begin(a, v, remove_step);
}

/* --- the list --- */

static void put_time(struct buf *out, const char *name, int64_t unix_s)
{
    char text[RFC3339_TEXT_SIZE];
    rfc3339_format(text, unix_s > 0 ? (uint64_t)unix_s * 1000 : 0);
    buf_printf(out, ",\"%s\":\"%s\"", name, text);
}

static void put_one(void *ctx, const struct revocation *v)
{
    struct buf *out = ctx;
    admin_put_comma(out);
    buf_printf(out, "{\"%s\":", revocation_kind_name(v->kind));
    envelope_json_string(out, v->name, strlen(v->name));
    if (v->kind == REVOKE_SUB)
        put_time(out, "issued_until", v->upto_s);
    if (v->until_s)
        put_time(out, "kept_until", v->until_s);
    else
        buf_puts(out, ",\"kept_until\":null");
    buf_putc(out, '}');
}

enum err admin_revoked(struct worker *w, struct buf *out)
{
    buf_putc(out, '[');
    revoked_each(hub_revoked(w->hub), now_s(), put_one, out);
    buf_putc(out, ']');
    return out->failed ? ERR_NOMEM : ERR_OK;
}
