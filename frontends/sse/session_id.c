#include "frontends/sse/session_id.h"

#include <string.h>
#include <sys/random.h>

#include "base/crypto.h"

static unsigned char key[CRYPTO_BLOCK_SIZE];

enum err session_id_init(void)
{
    return getrandom(key, sizeof(key), 0) == (ssize_t)sizeof(key) ? ERR_OK : ERR_IO;
}

enum err session_id_format(uint64_t number, char *out)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char plain[CRYPTO_BLOCK_SIZE] = {0}, sealed[CRYPTO_BLOCK_SIZE];
    memcpy(plain, &number, sizeof(number));
    enum err e = crypto_seal(key, plain, sealed);
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < sizeof(sealed); i++) {
        *out++ = digits[sealed[i] >> 4];
        *out++ = digits[sealed[i] & 15];
    }
    *out = '\0';
    return ERR_OK;
}

/* -1: it is none. */
static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum err read_digits(const char *text, size_t n, unsigned char *ret)
{
    if (n != SESSION_ID_SIZE - 1)
        return ERR_NOT_FOUND;
    for (size_t i = 0; i < n; i += 2) {
        int high = digit_of(text[i]), low = digit_of(text[i + 1]);
        if (high < 0 || low < 0)
            return ERR_NOT_FOUND;
        ret[i / 2] = (unsigned char)(high << 4 | low);
    }
    return ERR_OK;
}

enum err session_id_parse(const char *text, size_t n, uint64_t *ret)
{
    static const unsigned char zeros[CRYPTO_BLOCK_SIZE - sizeof(*ret)];
    unsigned char sealed[CRYPTO_BLOCK_SIZE], plain[CRYPTO_BLOCK_SIZE];
    enum err e = read_digits(text, n, sealed);
    if (e == ERR_OK)
        e = crypto_unseal(key, sealed, plain);
    if (e != ERR_OK)
        return e;
    if (memcmp(plain + sizeof(*ret), zeros, sizeof(zeros)) != 0)
        return ERR_NOT_FOUND;
    memcpy(ret, plain, sizeof(*ret));
    return ERR_OK;
}
