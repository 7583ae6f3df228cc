#include "http/webfiles.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "delivery/worker.h"
#include "http/accept_encoding.h"
#include "http/etag.h"

/* The assembler finds the files below the source tree, and what was made of them below that of the
 * build (-I in http/local.mk). */
#define EMBED(name, file)                                                                          \
    __asm__(".pushsection .rodata\n" #name ":\n.incbin \"" file "\"\n" #name "_end:\n.byte 0\n"    \
            ".popsection\n");                                                                      \
    extern const char name[], name##_end[]

#define EMBED_FILE(name, file)                                                                     \
    EMBED(name, file);                                                                             \
    EMBED(name##_gz, file ".gz");                                                                  \
    EMBED(name##_br, file ".br");                                                                  \
    static struct webfile name##_file = {                                                          \
        {name, name##_end}, {name##_gz, name##_gz_end}, {name##_br, name##_br_end}, 0}

struct part {
    const char *data, *end;
};

/* A file, and what it is in each coding; one that is empty is not there. */
struct webfile {
    struct part plain, gzip, br;
    _Atomic uint64_t sum; /* of `plain`; 0: nobody has asked yet */
};

EMBED_FILE(webfile_client, "clients/js/built/longwire.js");
EMBED_FILE(webfile_page, "demo/index.html");
EMBED_FILE(webfile_script, "demo/demo.js");
EMBED_FILE(webfile_style, "demo/demo.css");
EMBED_FILE(webfile_icon, "demo/icon.svg");

static const char line_text[] =
    "Longwire: publish and subscribe at /t/{topic}, see longwired(8).\n";
static struct webfile webfile_line_file = {.plain = {line_text, line_text + sizeof(line_text) - 1}};

#define SCRIPT_TYPE "text/javascript; charset=utf-8"

/* What a file is told to browsers as: its type, what it may do as a page, and which sites' pages
 * may load it without CORS. */
struct manner {
    const char *type, *policy, *sharing;
};

#define OWN_POLICY                                                                                 \
    "default-src 'self'; connect-src 'self' ws: wss:; frame-ancestors 'none'; base-uri 'none'"

static size_t size_of(const struct part *p)
{
    return (size_t)(p->end - p->data);
}

/* Whether it is there, and worth unpacking. */
static bool is_smaller(const struct part *p, const struct webfile *f)
{
    return p->data != p->end && size_of(p) < size_of(&f->plain);
}

/* The codings of F; without any, nobody is asked which. */
static unsigned codings_of(const struct webfile *f)
{
    return (is_smaller(&f->gzip, f) ? CODING_GZIP : 0) | (is_smaller(&f->br, f) ? CODING_BR : 0);
}

static uint64_t sum_of(struct webfile *f)
{
    uint64_t sum = atomic_load_explicit(&f->sum, memory_order_relaxed);
    if (!sum) { /* others may find the same meanwhile */
        sum = XXH64(f->plain.data, size_of(&f->plain), 0) | 1;
        atomic_store_explicit(&f->sum, sum, memory_order_relaxed);
    }
    return sum;
}

static const struct {
    const char *name, *tag_end;
} coding_texts[] = {
    [CODING_IDENTITY] = {NULL, ""},
    [CODING_GZIP] = {"gzip", "-gz"},
    [CODING_BR] = {"br", "-br"},
};

static const struct part *part_of(const struct webfile *f, enum coding coding)
{
    return coding == CODING_BR ? &f->br : coding == CODING_GZIP ? &f->gzip : &f->plain;
}

/* F in CODING, unless its client has it. */
static void reply(struct exchange *x, const struct manner *m, struct webfile *f, enum coding coding)
{
    char tag[32];
    const struct part *part = part_of(f, coding);
    snprintf(tag, sizeof(tag), "\"%016" PRIx64 "%s\"", sum_of(f), coding_texts[coding].tag_end);
    exchange_add_field(x, "ETag", tag);
    if (etag_is_known(tag, x->fields)) {
        exchange_reply_unmodified(x);
        return;
    }
    if (coding_texts[coding].name)
        exchange_add_field(x, "Content-Encoding", coding_texts[coding].name);
    exchange_reply_file(x, m->type, part->data, size_of(part));
}

static void serve(struct exchange *x, const struct manner *m, struct webfile *f)
{
    unsigned codings = codings_of(f);
    exchange_add_field(x, "Content-Security-Policy", m->policy);
    exchange_add_field(x, "Cross-Origin-Resource-Policy", m->sharing);
    if (codings)
        exchange_add_field(x, "Vary", "Accept-Encoding");
    reply(x, m, f, accept_encoding_of(x->fields, codings));
}

void webfiles_client(struct exchange *x)
{
    /* Pages of any origin may load the client; what they may do with it is checked elsewhere. */
    if (!x->origin_allowed)
        exchange_add_field(x, "Access-Control-Allow-Origin", "*");
    static const struct manner m = {SCRIPT_TYPE, OWN_POLICY, "cross-origin"};
    serve(x, &m, &webfile_client_file);
}

void webfiles_demo(struct exchange *x)
{
    static const struct manner script = {SCRIPT_TYPE, OWN_POLICY, "same-origin"};
    static const struct manner style = {"text/css; charset=utf-8", OWN_POLICY, "same-origin"};
    static const struct manner icon = {"image/svg+xml", OWN_POLICY, "same-origin"};
    bool on = worker_settings(x->conn)->demo;
    if (on && strcmp(x->name, "demo.js") == 0)
        serve(x, &script, &webfile_script_file);
    else if (on && strcmp(x->name, "demo.css") == 0)
        serve(x, &style, &webfile_style_file);
    else if (on && strcmp(x->name, "icon.svg") == 0)
        serve(x, &icon, &webfile_icon_file);
    else
        exchange_fail(x, 404, "There is nothing at this path");
}

void webfiles_root(struct exchange *x)
{
    static const struct manner page = {"text/html; charset=utf-8", OWN_POLICY, "same-origin"};
    /* Nothing of strangers is in it: from a console on it, everything can be tried. */
    static const struct manner line = {"text/plain; charset=utf-8", "frame-ancestors 'none'",
                                       "same-origin"};
    if (worker_settings(x->conn)->demo)
        serve(x, &page, &webfile_page_file);
    else
        serve(x, &line, &webfile_line_file);
}
