#include "daemon/secret_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void secret_file_forget(struct buf *secret)
{
    if (secret->data)
        explicit_bzero(secret->data, secret->cap);
    buf_finish(secret);
}

static enum err read_stream(FILE *in, struct buf *ret, struct buf *why)
{
    char *to = buf_reserve(ret, SECRET_FILE_MAX + 2);
    if (!to)
        return ERR_NOMEM;
    ret->len = fread(to, 1, SECRET_FILE_MAX + 1, in);
    to[ret->len] = '\0';
    if (ferror(in))
        buf_printf(why, "cannot be read: %s", strerror(errno));
    else if (ret->len > SECRET_FILE_MAX)
        buf_printf(why, "is too large: must be at most %d bytes", SECRET_FILE_MAX);
    else
        return ERR_OK;
    return ERR_INVALID;
}

enum err secret_file_read(const char *path, struct buf *ret, struct buf *why)
{
    FILE *in = fopen(path, "re");
    if (!in) {
        buf_printf(why, "cannot be read: %s", strerror(errno));
        return ERR_INVALID;
    }
    setvbuf(in, NULL, _IONBF, 0); /* no second copy of a key */
    enum err e = read_stream(in, ret, why);
    fclose(in);
    return e;
}

static void leave_out(struct buf *text, char c)
{
    if (text->len && text->data[text->len - 1] == c)
        text->data[--text->len] = '\0';
}

enum err secret_file_read_secret(const char *path, struct buf *ret, struct buf *why)
{
    enum err e = secret_file_read(path, ret, why);
    if (e != ERR_OK)
        return e;
    leave_out(ret, '\n');
    leave_out(ret, '\r');
    if (ret->len >= SECRET_MIN)
        return ERR_OK;
    buf_printf(why, "is too short: a secret must be at least %d bytes", SECRET_MIN);
    return ERR_INVALID;
}
