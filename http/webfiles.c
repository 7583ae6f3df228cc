#include "http/webfiles.h"

#include <string.h>

#include "delivery/worker.h"

/* The assembler finds the files below the source tree (-I in frontends/local.mk). */
#define EMBED(name, file)                                                                          \
    __asm__(".pushsection .rodata\n" #name ":\n.incbin \"" file "\"\n" #name "_end:\n.byte 0\n"    \
            ".popsection\n");                                                                      \
    extern const char name[], name##_end[]

EMBED(webfile_client, "clients/js/longwire.js");
EMBED(webfile_page, "demo/index.html");
EMBED(webfile_script, "demo/demo.js");
EMBED(webfile_style, "demo/demo.css");
EMBED(webfile_icon, "demo/icon.svg");

#define SCRIPT_TYPE "text/javascript; charset=utf-8"

/* What a file is told to browsers as: its type, what it may do as a page, and which sites' pages
 * may load it without CORS. */
struct manner {
    const char *type, *policy, *sharing;
};

#define OWN_POLICY                                                                                 \
    "default-src 'self'; connect-src 'self' ws: wss:; frame-ancestors 'none'; base-uri 'none'"

static void serve(struct exchange *x, const struct manner *m, const char *data, const char *end)
{
    exchange_add_field(x, "Content-Security-Policy", m->policy);
    exchange_add_field(x, "Cross-Origin-Resource-Policy", m->sharing);
    exchange_reply_file(x, m->type, data, (size_t)(end - data));
}

void webfiles_client(struct exchange *x)
{
    /* Pages of any origin may load the client; what they may do with it is checked elsewhere. */
    if (!x->origin_allowed)
        exchange_add_field(x, "Access-Control-Allow-Origin", "*");
    static const struct manner m = {SCRIPT_TYPE, OWN_POLICY, "cross-origin"};
    serve(x, &m, webfile_client, webfile_client_end);
}

void webfiles_demo(struct exchange *x)
{
    static const struct manner script = {SCRIPT_TYPE, OWN_POLICY, "same-origin"};
    static const struct manner style = {"text/css; charset=utf-8", OWN_POLICY, "same-origin"};
    static const struct manner icon = {"image/svg+xml", OWN_POLICY, "same-origin"};
    bool on = worker_settings(x->conn)->demo;
    if (on && strcmp(x->name, "demo.js") == 0)
        serve(x, &script, webfile_script, webfile_script_end);
    else if (on && strcmp(x->name, "demo.css") == 0)
        serve(x, &style, webfile_style, webfile_style_end);
    else if (on && strcmp(x->name, "icon.svg") == 0)
        serve(x, &icon, webfile_icon, webfile_icon_end);
    else
        exchange_fail(x, 404, "There is nothing at this path");
}

void webfiles_root(struct exchange *x)
{
    static const char text[] = "Longwire: publish and subscribe at /t/{topic}, see longwired(8).\n";
    static const struct manner page = {"text/html; charset=utf-8", OWN_POLICY, "same-origin"};
    /* Nothing of strangers is in it: from a console on it, everything can be tried. */
    static const struct manner line = {"text/plain; charset=utf-8", "frame-ancestors 'none'",
                                       "same-origin"};
    if (worker_settings(x->conn)->demo)
        serve(x, &page, webfile_page, webfile_page_end);
    else
        serve(x, &line, text, text + sizeof(text) - 1);
}
