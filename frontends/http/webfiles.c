#include "frontends/http/webfiles.h"

#include <string.h>

#include "frontends/worker.h"

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

static const char policy[] =
    "default-src 'self'; connect-src 'self' ws: wss:; frame-ancestors 'none'; base-uri 'none'";

static void serve(struct conn *c, const char *type, const char *data, const char *end)
{
    struct http *h = http_of(c);
    http_add_field(h, "Cache-Control", "no-cache");
    http_add_field(h, "X-Content-Type-Options", "nosniff");
    http_add_field(h, "Content-Security-Policy", policy);
    http_reply(c, 200, type, data, (size_t)(end - data));
}

void webfiles_client(struct conn *c, struct http *h)
{
    /* Pages of any origin may load the client; what they may do with it is checked elsewhere. */
    if (!h->origin_allowed)
        http_add_field(h, "Access-Control-Allow-Origin", "*");
    http_add_field(h, "Cross-Origin-Resource-Policy", "cross-origin");
    serve(c, SCRIPT_TYPE, webfile_client, webfile_client_end);
}

void webfiles_demo(struct conn *c, struct http *h)
{
    bool on = c->worker->settings->demo;
    if (on && strcmp(h->name, "demo.js") == 0)
        serve(c, SCRIPT_TYPE, webfile_script, webfile_script_end);
    else if (on && strcmp(h->name, "demo.css") == 0)
        serve(c, "text/css; charset=utf-8", webfile_style, webfile_style_end);
    else if (on && strcmp(h->name, "icon.svg") == 0)
        serve(c, "image/svg+xml", webfile_icon, webfile_icon_end);
    else
        http_fail(c, 404, "There is nothing at this path");
}

void webfiles_root(struct conn *c, struct http *h)
{
    static const char text[] = "Longwire: publish and subscribe at /t/{topic}, see longwired(8).\n";
    (void)h;
    if (c->worker->settings->demo)
        serve(c, "text/html; charset=utf-8", webfile_page, webfile_page_end);
    else
        http_reply(c, 200, "text/plain; charset=utf-8", text, sizeof(text) - 1);
}
