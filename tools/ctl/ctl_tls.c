/* `tls`: certificates and how long they last, tickets, what became of handshakes. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/ctl/ctl_commands.h"
#include "tools/ctl/ctl_out.h"
#include "tools/ctl/ctl_run.h"
#include "tools/ctl/ctl_table.h"
#include "tools/ctl/ctl_text.h"

enum { DAYS_ENOUGH = 14 };

static long days_left(const json_t *certificate)
{
    return (long)json_integer_value(json_object_get(certificate, "days_left"));
}

/* --- certificates --- */

static void add_certificate(struct ctl_table *t, const json_t *certificate)
{
    char days[24];
    const char *host = ctl_json_text(certificate, "host");
    snprintf(days, sizeof(days), "%ld", days_left(certificate));
    ctl_table_text(t, host ? host : "all others");
    ctl_table_text(t, ctl_json_text(certificate, "names"));
    ctl_table_text(t, ctl_json_text(certificate, "issuer"));
    ctl_table_text(t, ctl_json_text(certificate, "key"));
    ctl_table_text(t, days);
    ctl_table_text(t, ctl_json_text(certificate, "file"));
}

static void put_certificates(const struct ctl *c, const json_t *list, struct buf *out)
{
    static const struct ctl_column columns[] = {
        {"HOST", false, CTL_STYLE_NAME},      {"NAMES", false, CTL_STYLE_PLAIN},
        {"ISSUER", false, CTL_STYLE_PLAIN},   {"KEY", false, CTL_STYLE_PLAIN},
        {"DAYS LEFT", true, CTL_STYLE_PLAIN}, {"FILE", false, CTL_STYLE_PLAIN},
    };
    struct ctl_table t;
    ctl_table_init(&t, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < json_array_size(list); i++)
        add_certificate(&t, json_array_get(list, i));
    ctl_table_put(&t, out, c->colour, 0, 0, "\n");
    ctl_table_finish(&t);
    buf_putc(out, '\n');
}

/* Those that end soon, or have ended. */
static void put_warnings(const struct ctl *c, const json_t *list, struct buf *out)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *certificate = json_array_get(list, i);
        const char *file = ctl_json_text(certificate, "file");
        long left = days_left(certificate);
        if (left >= DAYS_ENOUGH || !file)
            continue;
        ctl_out_style(out, c->colour, CTL_STYLE_WARN);
        ctl_text_put(out, file, strlen(file));
        if (left < 0)
            buf_puts(out, " has expired");
        else
            buf_printf(out, " expires in %ld day%s", left, left == 1 ? "" : "s");
        ctl_out_style(out, c->colour, CTL_STYLE_PLAIN);
        buf_putc(out, '\n');
    }
}

/* --- the rest --- */

static void put_label(struct buf *out, const char *label)
{
    buf_printf(out, "%-14s ", label);
}

static bool is(const json_t *document, const char *name)
{
    return json_is_true(json_object_get(document, name));
}

static void put_versions(const json_t *document, struct buf *out)
{
    const json_t *versions = json_object_get(document, "versions");
    put_label(out, "versions");
    for (size_t i = 0; i < json_array_size(versions); i++) {
        const char *version = json_string_value(json_array_get(versions, i));
        buf_puts(out, i ? ", " : "");
        ctl_text_put(out, version ? version : "?", version ? strlen(version) : 1);
    }
    buf_puts(out, is(document, "h2") ? "; HTTP/2 and HTTP/1.1\n" : "; HTTP/1.1\n");
    put_label(out, "records");
    buf_puts(out, is(document, "compact") ? "compact\n" : "mbedTLS's\n");
    put_label(out, "clients");
    buf_puts(out, is(document, "client_certificates") ? "need a certificate\n"
                                                      : "need no certificate\n");
}

static void put_tickets(const json_t *document, struct buf *out)
{
    const json_t *tickets = json_object_get(document, "tickets");
    put_label(out, "tickets");
    if (!json_is_object(tickets)) {
        buf_puts(out, "none are given\n");
        return;
    }
    const char *key = ctl_json_text(tickets, "key");
    buf_printf(out, "%s; the next key in ",
               key && strcmp(key, "file") == 0 ? "keys from a file" : "random keys");
    ctl_text_put_age(out, ctl_json_u64(tickets, "next_key_seconds"));
    buf_putc(out, '\n');
}

static bool counts_success(const char *name)
{
    return strcmp(name, "handshakes") == 0 || strcmp(name, "resumed") == 0;
}

/* Whatever is counted besides those that were completed is why others were not. */
static void put_handshakes(json_t *counts, struct buf *out)
{
    const char *comma = "";
    put_label(out, "handshakes");
    buf_printf(out, "%" PRIu64 ", of which %" PRIu64 " resumed\n",
               ctl_json_u64(counts, "handshakes"), ctl_json_u64(counts, "resumed"));
    put_label(out, "failed");
    for (void *i = json_object_iter(counts); i; i = json_object_iter_next(counts, i)) {
        const char *name = json_object_iter_key(i);
        if (counts_success(name) || ctl_json_u64(counts, name) == 0)
            continue;
        buf_puts(out, comma);
        ctl_text_put(out, name, strlen(name));
        buf_printf(out, " %" PRIu64, ctl_json_u64(counts, name));
        comma = ", ";
    }
    buf_puts(out, *comma ? "\n" : "none\n");
}

static enum ctl_exit show(struct ctl *c, const json_t *document)
{
    struct buf out = {0};
    const json_t *certificates = json_object_get(document, "certificates");
    if (!json_is_array(certificates))
        return ctl_strange();
    if (json_array_size(certificates) == 0) {
        buf_puts(&out, "There is no TLS listener (http.listen = tls:ADDRESS:PORT).\n");
    } else {
        put_certificates(c, certificates, &out);
        put_versions(document, &out);
        put_tickets(document, &out);
        put_handshakes(json_object_get(document, "handshakes"), &out);
        put_warnings(c, certificates, &out);
    }
    enum ctl_exit status = ctl_out_write(&out);
    buf_finish(&out);
    return status;
}

enum ctl_exit ctl_tls(struct ctl *c)
{
    return ctl_ask(c, "TLS", show);
}
