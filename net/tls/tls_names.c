#include "net/tls/tls_names.h"

#include <stdio.h>
#include <string.h>

#include <mbedtls/x509_crt.h>

#include "base/ip.h"

/* Kinds of names, as context-specific tags. */
enum { TAG_KIND = 0x1f, KIND_DNS = 2, KIND_ADDRESS = 7, NAME_MAX_LEN = 256 };

/* A NAME of another kind, or one that no host has, is "". */
static void put_name(const mbedtls_x509_buf *name, char text[NAME_MAX_LEN])
{
    int kind = name->tag & TAG_KIND;
    text[0] = '\0';
    if (kind == KIND_DNS && name->len < NAME_MAX_LEN) {
        memcpy(text, name->p, name->len);
        text[name->len] = '\0';
    } else if (kind == KIND_ADDRESS && (name->len == 4 || name->len == 16)) {
        struct ip ip = name->len == 4 ? ip_from_v4(name->p) : ip_from_v6(name->p);
        ip_format(&ip, text);
    }
}

void tls_names_list(const mbedtls_x509_crt *certificate, char *text, size_t size)
{
    static const char more[] = "...";
    size_t n = 0;
    text[0] = '\0';
    for (const mbedtls_x509_sequence *s = &certificate->subject_alt_names; s; s = s->next) {
        char name[NAME_MAX_LEN];
        const char *comma = n ? ", " : "";
        put_name(&s->buf, name);
        if (!*name)
            continue;
        if (n + strlen(comma) + strlen(name) + sizeof(more) + 2 > size) {
            snprintf(text + n, size - n, "%s%s", comma, more);
            return;
        }
        n += (size_t)snprintf(text + n, size - n, "%s%s", comma, name);
    }
}
