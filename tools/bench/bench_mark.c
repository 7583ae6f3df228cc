/* Writing marks; reading them is inline, in the header. */
#include "tools/bench/bench_mark.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

enum { TAG_RANDOM = 5, TAG_BASE = 36 };

uint64_t mark_tag(void)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    char text[MARK_TAG_SIZE] = {MARK_BYTE, 'l', 'w'};
    uint32_t n;
    uint64_t tag;
    if (getrandom(&n, sizeof(n), GRND_NONBLOCK) != sizeof(n))
        n = (uint32_t)time(NULL);
    for (size_t i = 0; i < TAG_RANDOM; i++, n /= TAG_BASE)
        text[MARK_TAG_SIZE - TAG_RANDOM + i] = digits[n % TAG_BASE];
    memcpy(&tag, text, sizeof(tag));
    return tag;
}

uint64_t mark_fill_tag(void)
{
    static const char text[MARK_TAG_SIZE] = {MARK_BYTE, 'l', 'w', '-', 'f', 'i', 'l', 'l'};
    uint64_t tag;
    memcpy(&tag, text, sizeof(tag));
    return tag;
}

void mark_hex32(char *out, uint32_t n)
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 7; i >= 0; i--, n >>= 4)
        out[i] = digits[n & 15];
}

void mark_write(char *out, uint64_t tag, const struct bench_mark *m)
{
    memcpy(out, &tag, sizeof(tag));
    mark_hex32(out + 8, m->stream);
    mark_hex32(out + MARK_NUMBER_AT, m->number);
    mark_hex32(out + 24, (uint32_t)(m->time >> 32));
    mark_hex32(out + 32, (uint32_t)m->time);
}
