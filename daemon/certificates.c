#include "daemon/certificates.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "daemon/setting.h"

enum { DAY_S = 24 * 3600 };

static const char *given(const char *text)
{
    return text && *text ? text : NULL;
}

/* --- what is loaded --- */

/* Nobody needs one. */
static bool is_empty(const struct config *config)
{
    for (size_t i = 0; i < config->http.listen.count; i++)
        if (config->http.listen.item[i].tls)
            return false;
    return true;
}

/* Number I of all files; NULL: there are no more. Those that are not given are "". */
static const char *file_of(const struct config *c, size_t i)
{
    const char *const own[] = {c->tls.certificate, c->tls.key, c->tls.client_ca,
                               c->tls.ticket_key_file};
    enum { OWN = sizeof(own) / sizeof(own[0]) };
    if (i < OWN)
        return own[i];
    size_t host = (i - OWN) / 2;
    if (host >= c->host_count)
        return NULL;
    return (i - OWN) % 2 ? c->hosts[host].key : c->hosts[host].certificate;
}

static struct tls_host *hosts_of(const struct config *config)
{
    struct tls_host *hosts = calloc(config->host_count + 1, sizeof(*hosts));
    if (!hosts)
        return NULL;
    hosts[0] = (struct tls_host){NULL, config->tls.certificate, config->tls.key};
    for (size_t i = 0; i < config->host_count; i++) {
        const struct config_host *from = &config->hosts[i];
        hosts[i + 1] = (struct tls_host){from->name, from->certificate, from->key};
    }
    return hosts;
}

/* --- what is wrong --- */

static void put_place(struct buf *out, const struct config *c, struct config_origin at)
{
    if (at.level == CONFIG_FILE)
        buf_printf(out, "%s:%u: ", c->file, at.line);
    else if (at.level == CONFIG_SET)
        buf_puts(out, "--set: ");
}

static const char *key_of(enum tls_option option)
{
    static const char *const keys[] = {
        [TLS_CERTIFICATE] = "certificate",
        [TLS_KEY] = "key",
        [TLS_VERSIONS] = "versions",
        [TLS_CLIENT_CA] = "client_ca",
        [TLS_TICKET_KEY_FILE] = "ticket_key_file",
    };
    return keys[option];
}

static void put_host_fault(struct buf *out, const struct config *c, const struct tls_fault *f)
{
    const struct config_host *h = &c->hosts[f->host - 1];
    const struct setting *s = setting_find_host(key_of(f->option));
    put_place(out, c, h->origin[s - settings_host]);
    buf_printf(out, "tls \"%s\".%s = ", h->name, s->key);
    setting_format(s, h, 0, out);
}

static void put_own_fault(struct buf *out, const struct config *c, const struct tls_fault *f)
{
    const struct setting *s = setting_find("tls", key_of(f->option));
    put_place(out, c, c->origin[s - settings]);
    buf_printf(out, "tls.%s = ", s->key);
    setting_format(s, c, 0, out);
}

static void put_fault(struct buf *out, const struct config *c, const struct tls_fault *f)
{
    if (!f->text.len || f->text.failed) {
        buf_puts(out, err_text(ERR_NOMEM));
        return;
    }
    if (f->host)
        put_host_fault(out, c, f);
    else
        put_own_fault(out, c, f);
    buf_puts(out, ": ");
    buf_append(out, f->text.data, f->text.len);
}

/* --- files --- */

/* Looks at all files, and says whether one is another than at the last look. */
static bool look_at_files(struct certificates *c)
{
    bool changed = false;
    for (size_t i = 0; i < c->stamp_count; i++) {
        struct file_stamp now = file_stamp_of(file_of(c->config, i));
        changed |= !file_stamp_equal(&now, &c->stamps[i]);
        c->stamps[i] = now;
    }
    return changed;
}

/* Before they are read: what changes meanwhile is seen at the next look. */
static struct file_stamp *stamp_all(const struct config *config, size_t *ret_n)
{
    size_t n = 0;
    while (file_of(config, n))
        n++;
    struct file_stamp *stamps = calloc(n, sizeof(*stamps));
    for (size_t i = 0; i < n && stamps; i++)
        stamps[i] = file_stamp_of(file_of(config, i));
    *ret_n = n;
    return stamps;
}

/* --- loading --- */

void certificates_init(struct certificates *c)
{
    *c = (struct certificates){0};
    tls_current_init(&c->current);
}

void certificates_finish(struct certificates *c)
{
    tls_current_finish(&c->current);
    tls_context_unref(c->context);
    free(c->stamps);
    *c = (struct certificates){0};
}

static enum err create(const struct config *config, const struct tls_context *former,
                       struct tls_context **ret, struct buf *error)
{
    struct tls_host *hosts = hosts_of(config);
    struct tls_fault fault = {0};
    struct tls_options o = {
        .hosts = hosts,
        .host_count = config->host_count + 1,
        .versions = config->tls.versions,
        .client_ca = given(config->tls.client_ca),
        .tickets = config->tls.tickets,
        .ticket_key_file = given(config->tls.ticket_key_file),
        .compact = config->tls.compact,
        .h2 = config->http.h2,
    };
    enum err e = hosts ? tls_context_create(&o, former, ret, &fault) : ERR_NOMEM;
    if (e != ERR_OK)
        put_fault(error, config, &fault);
    buf_finish(&fault.text);
    free(hosts);
    return e;
}

/* Takes CONTEXT and STAMPS. */
static void take_over(struct certificates *c, const struct config *config,
                      struct tls_context *context, struct file_stamp *stamps, size_t n)
{
    struct tls_context *former = c->context;
    free(c->stamps);
    c->context = context;
    c->config = config;
    c->stamps = stamps;
    c->stamp_count = n;
    c->changed = false;
    c->warned_s = 0;
    tls_current_set(&c->current, context ? tls_context_ref(context) : NULL);
    tls_context_unref(former);
}

enum err certificates_load(struct certificates *c, const struct config *config, struct buf *error)
{
    struct tls_context *context = NULL;
    size_t n = 0;
    if (is_empty(config)) { /* listeners that need one keep it until the restart */
        take_over(c, config, c->context ? tls_context_ref(c->context) : NULL, NULL, 0);
        return ERR_OK;
    }
    struct file_stamp *stamps = stamp_all(config, &n);
    enum err e = stamps ? create(config, c->context, &context, error) : ERR_NOMEM;
    if (e == ERR_OK)
        take_over(c, config, context, stamps, n);
    else
        free(stamps);
    return e;
}

static void reload(struct certificates *c)
{
    struct buf error = {0};
    enum err e = certificates_load(c, c->config, &error);
    buf_putc(&error, '\0');
    if (e == ERR_OK)
        log_info("the certificates have changed, and are loaded anew");
    else
        log_error("the certificates have changed, and stay as they were: %s",
                  error.len > 1 && !error.failed ? error.data : err_text(e));
    buf_finish(&error);
}

/* --- those that are about to end --- */

static void warn(const struct tls_certificate *t, int64_t unix_s)
{
    const char *name = t->name ? t->name : "all that have no own";
    int64_t left_s = t->to_s - unix_s;
    if (unix_s < t->from_s)
        log_warn("the certificate in %s (for %s) is not good yet", t->file, name);
    else if (left_s <= 0)
        log_warn("the certificate in %s (for %s) has ended", t->file, name);
    else if (left_s <= (int64_t)CERTIFICATES_WARN_DAYS * DAY_S)
        log_warn("the certificate in %s (for %s) ends in %" PRId64 " days", t->file, name,
                 left_s / DAY_S);
}

static void warn_of_ends(struct certificates *c, int64_t unix_s)
{
    if (!c->context || (unix_s >= c->warned_s && unix_s - c->warned_s < DAY_S))
        return;
    for (size_t i = 0; i < tls_context_certificates(c->context); i++)
        warn(tls_context_certificate(c->context, i), unix_s);
    c->warned_s = unix_s;
}

void certificates_look(struct certificates *c, int64_t unix_s)
{
    bool changes = look_at_files(c);
    if (c->changed && !changes)
        reload(c);
    c->changed = changes;
    warn_of_ends(c, unix_s);
}
