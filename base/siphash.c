#include "base/siphash.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

/* The state, v0 to v3. */
struct sip {
    uint64_t a, b, c, d;
};

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static void turn(struct sip *s, unsigned rounds)
{
    while (rounds--) {
        s->a += s->b;
        s->c += s->d;
        s->b = rotate(s->b, 13) ^ s->a;
        s->d = rotate(s->d, 16) ^ s->c;
        s->a = rotate(s->a, 32);
        s->c += s->b;
        s->a += s->d;
        s->b = rotate(s->b, 17) ^ s->c;
        s->d = rotate(s->d, 21) ^ s->a;
        s->c = rotate(s->c, 32);
    }
}

static void take(struct sip *s, uint64_t word)
{
    s->d ^= word;
    turn(s, 2);
    s->a ^= word;
}

static uint64_t load(const unsigned char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof(word));
    return le64toh(word);
}

static void store(unsigned char *p, uint64_t word)
{
    word = htole64(word);
    memcpy(p, &word, sizeof(word));
}

static struct sip begin(const unsigned char *key)
{
    uint64_t k0 = load(key), k1 = load(key + 8);
    return (struct sip){
        .a = k0 ^ UINT64_C(0x736f6d6570736575),
        .b = k1 ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
        .c = k0 ^ UINT64_C(0x6c7967656e657261),
        .d = k1 ^ UINT64_C(0x7465646279746573),
    };
}

static uint64_t sum(const struct sip *s)
{
    return s->a ^ s->b ^ s->c ^ s->d;
}

void siphash(const unsigned char key[SIPHASH_KEY_SIZE], const void *data, size_t n,
             unsigned char out[SIPHASH_SIZE])
{
    const unsigned char *p = data;
    unsigned char last[8] = {0};
    struct sip s = begin(key);
    for (size_t i = 0; i < n / 8; i++)
        take(&s, load(p + 8 * i));
    if (n % 8)
        memcpy(last, p + n / 8 * 8, n % 8);
    last[7] = (unsigned char)n;
    take(&s, load(last));
    s.c ^= 0xee;
    turn(&s, 4);
    store(out, sum(&s));
    s.b ^= 0xdd;
    turn(&s, 4);
    store(out + 8, sum(&s));
}
