/* What `doctor` has found: a line for each check as soon as it is known, or one document. */
#include "tools/doctor/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl/ctl_out.h"
#include "tools/ctl/ctl_text.h"

static const struct {
    const char *word, *json;
    enum ctl_style style;
} results[] = {
    [DOCTOR_OK] = {"ok", "ok", CTL_STYLE_PLAIN},
    [DOCTOR_FAILED] = {"FAILED", "failed", CTL_STYLE_WARN},
    [DOCTOR_SKIPPED] = {"skipped", "skipped", CTL_STYLE_DIM},
    [DOCTOR_NOTE] = {"note", "note", CTL_STYLE_EVENT},
};

static void put_out(struct doctor *d, struct buf *out)
{
    if (ctl_out_write(out))
        d->out_failed = true;
    buf_finish(out);
}

void doctor_report_begin(struct doctor *d)
{
    struct buf out = {0};
    d->checks = json_array();
    if (d->json)
        return;
    ctl_out_style(&out, d->colour, CTL_STYLE_HEAD);
    buf_printf(&out, "%-16s %-8s %9s  %s", "CHECK", "RESULT", "TIME", "DETAILS");
    ctl_out_style(&out, d->colour, CTL_STYLE_PLAIN);
    buf_putc(&out, '\n');
    put_out(d, &out);
}

/* DETAILS is escaped already. */
static void print_line(struct doctor *d, const char *check, enum doctor_result result, double ms,
                       const struct buf *details)
{
    struct buf out = {0};
    char time[32] = "";
    if (ms >= 0)
        snprintf(time, sizeof(time), "%.1f ms", ms);
    buf_printf(&out, "%-16s ", check);
    ctl_out_style(&out, d->colour, results[result].style);
    buf_printf(&out, "%-8s", results[result].word);
    ctl_out_style(&out, d->colour, CTL_STYLE_PLAIN);
    buf_printf(&out, " %9s  ", time);
    buf_append(&out, details->data, details->len);
    buf_putc(&out, '\n');
    put_out(d, &out);
}

/* Keeps the check for the document; DETAILS is escaped already, and so UTF-8. */
static void keep(struct doctor *d, const char *check, enum doctor_result result, double ms,
                 const struct buf *details)
{
    json_t *object = json_pack("{s:s, s:s, s:s%}", "check", check, "result", results[result].json,
                               "details", details->len ? details->data : "", details->len);
    if (object && ms >= 0)
        json_object_set_new(object, "ms", json_real(ms));
    if (!object || json_array_append_new(d->checks, object))
        d->out_failed = true;
}

void doctor_report(struct doctor *d, const char *check, enum doctor_result result, double ms,
                   const char *fmt, ...)
{
    char text[512];
    struct buf details = {0};
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    ctl_text_put(&details, text, strlen(text));
    d->failed |= result == DOCTOR_FAILED;
    if (d->json)
        keep(d, check, result, ms, &details);
    else
        print_line(d, check, result, ms, &details);
    buf_finish(&details);
}

void doctor_report_end(struct doctor *d, const char *url)
{
    struct buf out = {0};
    json_t *document = d->json ? json_pack("{s:s, s:s, s:b, s:O}", "url", url, "topic",
                                           DOCTOR_TOPIC, "ok", !d->failed, "checks", d->checks)
                               : NULL;
    char *text = document ? json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    if (text) {
        ctl_text_put_json(&out, text, strlen(text));
        buf_putc(&out, '\n');
        put_out(d, &out);
    } else if (d->json) {
        d->out_failed = true;
    }
    free(text);
    json_decref(document);
    json_decref(d->checks);
    buf_finish(&d->altered);
}

void doctor_altered(struct doctor *d, const char *what)
{
    buf_printf(&d->altered, "%s%s", d->altered.len ? "; " : "", what);
}
