#include "admin/admin_tls.h"

#include <string.h>

#include "admin/admin.h"
#include "admin/admin_document.h"
#include "base/now.h"
#include "base/rfc3339.h"
#include "delivery/envelope.h"
#include "net/tls/tls_context.h"
#include "net/tls/tls_tickets.h"

enum { DAY_S = 24 * 60 * 60 };

static int64_t now_s(void)
{
    return (int64_t)(now_unix_ms() / 1000);
}

/* --- members --- */

static void put_text(struct buf *out, const char *name, const char *text)
{
    buf_printf(out, ",\"%s\":", name);
    if (text)
        envelope_json_string(out, text, strlen(text));
    else
        buf_puts(out, "null");
}

static void put_flag(struct buf *out, const char *name, bool is)
{
    buf_printf(out, ",\"%s\":%s", name, is ? "true" : "false");
}

static void put_time(struct buf *out, const char *name, int64_t unix_s)
{
    char text[RFC3339_TEXT_SIZE];
    rfc3339_format(text, unix_s > 0 ? (uint64_t)unix_s * 1000 : 0);
    put_text(out, name, text);
}

/* Whole days; negative when it has ended. */
static long days_left(int64_t to_s)
{
    int64_t left = to_s - now_s();
    return (long)((left - (left < 0 ? DAY_S - 1 : 0)) / DAY_S);
}

/* --- the document --- */

static void put_certificate(struct buf *out, const struct tls_certificate *c)
{
    buf_puts(out, "{\"host\":");
    if (c->name)
        envelope_json_string(out, c->name, strlen(c->name));
    else
        buf_puts(out, "null");
    put_text(out, "file", c->file);
    put_text(out, "subject", c->subject);
    put_text(out, "names", c->names);
    put_text(out, "issuer", c->issuer);
    put_text(out, "key", c->kind);
    put_time(out, "from", c->from_s);
    put_time(out, "until", c->to_s);
    buf_printf(out, ",\"days_left\":%ld}", days_left(c->to_s));
}

static void put_versions(struct buf *out, unsigned versions)
{
    buf_puts(out, ",\"versions\":[");
    if (versions & TLS_SPEAKS_1_2)
        buf_puts(out, "\"1.2\"");
    if (versions & TLS_SPEAKS_1_3)
        buf_printf(out, "%s\"1.3\"", versions & TLS_SPEAKS_1_2 ? "," : "");
    buf_putc(out, ']');
}

/* `shared`: with other hubs, and with this one before a restart. */
static void put_tickets(struct buf *out, const struct tls_manner *m)
{
    if (!m->tickets) {
        buf_puts(out, ",\"tickets\":null");
        return;
    }
    int64_t left = TLS_TICKET_PERIOD_S - now_s() % TLS_TICKET_PERIOD_S;
    buf_puts(out, ",\"tickets\":{\"key\":");
    buf_puts(out, m->shared_tickets ? "\"file\"" : "\"random\"");
    buf_printf(out, ",\"next_key_seconds\":%lld}", (long long)left);
}

static void put_context(struct buf *out, const struct tls_context *c)
{
    const struct tls_manner *m = tls_context_manner(c);
    for (size_t i = 0; i < tls_context_certificates(c); i++) {
        admin_put_comma(out);
        put_certificate(out, tls_context_certificate(c, i));
    }
    buf_putc(out, ']');
    put_versions(out, m->versions);
    put_flag(out, "h2", m->h2);
    put_flag(out, "compact", m->compact);
    put_flag(out, "client_certificates", m->client_ca);
    put_tickets(out, m);
}

/* Names of counters behind "tls_": those that handshakes are counted by. */
static void put_handshakes(struct worker *w, struct buf *out)
{
    struct admin_totals totals;
    static const char prefix[] = "tls_";
    admin_total(w, &totals);
    buf_puts(out, ",\"handshakes\":{");
    bool first = true;
    for (unsigned i = 0; i < COUNTER_COUNT; i++) {
        if (strncmp(counter_names[i], prefix, sizeof(prefix) - 1) != 0)
            continue;
        buf_printf(out, "%s\"%s\":%llu", first ? "" : ",", counter_names[i] + sizeof(prefix) - 1,
                   (unsigned long long)totals.counters[i]);
        first = false;
    }
    buf_putc(out, '}');
}

/* Where there is no TLS listener, there are no certificates. */
static struct tls_context *context_of(struct worker *w)
{
    struct tls_current *current = w->loop.process->tls;
    return current ? tls_current_get(current) : NULL;
}

enum err admin_tls(struct worker *w, struct buf *out)
{
    struct tls_context *c = context_of(w);
    buf_puts(out, "{\"certificates\":[");
    if (c)
        put_context(out, c);
    else
        buf_puts(out, "],\"versions\":[]");
    tls_context_unref(c);
    put_handshakes(w, out);
    buf_putc(out, '}');
    return out->failed ? ERR_NOMEM : ERR_OK;
}

/* --- metrics --- */

void admin_tls_gauge(struct worker *w, struct buf *out)
{
    static const char name[] = "longwire_tls_certificate_end_seconds";
    struct tls_context *c = context_of(w);
    if (!c)
        return;
    buf_printf(out,
               "# HELP %s when a certificate ends, Unix time; host: \"\" is for all without their "
               "own\n# TYPE %s gauge\n",
               name, name);
    for (size_t i = 0; i < tls_context_certificates(c); i++) {
        const struct tls_certificate *t = tls_context_certificate(c, i);
        buf_printf(out, "%s{host=\"%s\"} %lld\n", name, t->name ? t->name : "", (long long)t->to_s);
    }
    tls_context_unref(c);
}
