#include "base/x25519.h"

#ifdef __SIZEOF_INT128__

#include <stddef.h>
#include <string.h>

__extension__ typedef unsigned __int128 uint128_t;

enum {
    LIMBS = 5,
    LIMB_BITS = 51,
    A24 = 121665, /* (486662 - 2) / 4, of the curve */
    TOP_BIT = 254,
};

#define LIMB_MASK ((UINT64_C(1) << LIMB_BITS) - 1)

/* A number modulo p = 2^255 - 19, of digits of 51 bits, the lowest first. What fe_mul and its like
 * return is *tight*: digits below 2^51 + 2^18. Sums and differences of tight ones have digits below
 * 2^53, and can be multiplied, which takes up to 2^54. */
struct fe {
    uint64_t v[LIMBS];
};

const uint8_t x25519_base[X25519_SIZE] = {9};

/* --- bytes --- */

static uint64_t load(const uint8_t *at)
{
    uint64_t n = 0;
    for (int i = 7; i >= 0; i--)
        n = n << 8 | at[i];
    return n;
}

static void store(uint8_t *at, uint64_t n)
{
    for (int i = 0; i < 8; i++, n >>= 8)
        at[i] = (uint8_t)n;
}

/* The highest bit is nobody's. */
static struct fe fe_read(const uint8_t in[X25519_SIZE])
{
    return (struct fe){{
        load(in) & LIMB_MASK,
        load(in + 6) >> 3 & LIMB_MASK,
        load(in + 12) >> 6 & LIMB_MASK,
        load(in + 19) >> 1 & LIMB_MASK,
        load(in + 24) >> 12 & LIMB_MASK,
    }};
}

/* Each digit's overflow to the next one; what the last one has above 2^255 is worth 19 times as
 * much at the bottom. */
static void carry(struct fe *a)
{
    for (int i = 0; i < LIMBS - 1; i++) {
        a->v[i + 1] += a->v[i] >> LIMB_BITS;
        a->v[i] &= LIMB_MASK;
    }
    a->v[0] += 19 * (a->v[4] >> LIMB_BITS);
    a->v[4] &= LIMB_MASK;
}

/* The one number from 0 to p - 1 that A is. A, below 2^255 after being carried twice, is p or more
 * exactly when 19 more make 2^255 or more. */
static void fe_write(uint8_t out[X25519_SIZE], const struct fe *number)
{
    struct fe a = *number;
    carry(&a);
    carry(&a);
    uint64_t over = (a.v[0] + 19) >> LIMB_BITS;
    for (int i = 1; i < LIMBS; i++)
        over = (a.v[i] + over) >> LIMB_BITS;
    a.v[0] += 19 * over;
    for (int i = 0; i < LIMBS - 1; i++) {
        a.v[i + 1] += a.v[i] >> LIMB_BITS;
        a.v[i] &= LIMB_MASK;
    }
    a.v[4] &= LIMB_MASK;
    store(out, a.v[0] | a.v[1] << 51);
    store(out + 8, a.v[1] >> 13 | a.v[2] << 38);
    store(out + 16, a.v[2] >> 26 | a.v[3] << 25);
    store(out + 24, a.v[3] >> 39 | a.v[4] << 12);
}

/* --- arithmetic --- */

static struct fe fe_add(const struct fe *a, const struct fe *b)
{
    return (struct fe){{a->v[0] + b->v[0], a->v[1] + b->v[1], a->v[2] + b->v[2], a->v[3] + b->v[3],
                        a->v[4] + b->v[4]}};
}

/* B is tight: 2p is added, so no digit is below zero. */
static struct fe fe_sub(const struct fe *a, const struct fe *b)
{
    const uint64_t first = 2 * (LIMB_MASK - 18), other = 2 * LIMB_MASK;
    return (struct fe){{a->v[0] + first - b->v[0], a->v[1] + other - b->v[1],
                        a->v[2] + other - b->v[2], a->v[3] + other - b->v[3],
                        a->v[4] + other - b->v[4]}};
}

/* A digit of what goes on in the next one. */
static uint64_t low_of(uint128_t n)
{
    return (uint64_t)n & LIMB_MASK;
}

/* Products' digits, below 2^116. */
static struct fe reduce(uint128_t r0, uint128_t r1, uint128_t r2, uint128_t r3, uint128_t r4)
{
    r1 += r0 >> LIMB_BITS;
    r2 += r1 >> LIMB_BITS;
    r3 += r2 >> LIMB_BITS;
    r4 += r3 >> LIMB_BITS;
    uint128_t low = low_of(r0) + 19 * (r4 >> LIMB_BITS);
    return (struct fe){{low_of(low), low_of(r1) + (uint64_t)(low >> LIMB_BITS), low_of(r2),
                        low_of(r3), low_of(r4)}};
}

static struct fe fe_mul(const struct fe *x, const struct fe *y)
{
    const uint64_t *a = x->v, *b = y->v;
    uint64_t b1 = 19 * b[1], b2 = 19 * b[2], b3 = 19 * b[3], b4 = 19 * b[4];
    uint128_t a0 = a[0], a1 = a[1], a2 = a[2], a3 = a[3], a4 = a[4];
    return reduce(a0 * b[0] + a1 * b4 + a2 * b3 + a3 * b2 + a4 * b1,
                  a0 * b[1] + a1 * b[0] + a2 * b4 + a3 * b3 + a4 * b2,
                  a0 * b[2] + a1 * b[1] + a2 * b[0] + a3 * b4 + a4 * b3,
                  a0 * b[3] + a1 * b[2] + a2 * b[1] + a3 * b[0] + a4 * b4,
                  a0 * b[4] + a1 * b[3] + a2 * b[2] + a3 * b[1] + a4 * b[0]);
}

static struct fe fe_square(const struct fe *x)
{
    const uint64_t *a = x->v;
    uint64_t d0 = 2 * a[0], d1 = 2 * a[1], d2 = 2 * a[2], a3 = 19 * a[3], a4 = 19 * a[4];
    uint128_t a0 = a[0], a1 = a[1], a2 = a[2];
    return reduce(a0 * a[0] + (uint128_t)d1 * a4 + (uint128_t)d2 * a3,
                  (uint128_t)d0 * a[1] + (uint128_t)d2 * a4 + (uint128_t)a[3] * a3,
                  (uint128_t)d0 * a[2] + a1 * a[1] + (uint128_t)(2 * a[3]) * a4,
                  (uint128_t)d0 * a[3] + (uint128_t)d1 * a[2] + (uint128_t)a[4] * a4,
                  (uint128_t)d0 * a[4] + (uint128_t)d1 * a[3] + a2 * a[2]);
}

static struct fe fe_mul_small(const struct fe *a, uint64_t n)
{
    uint128_t m = n;
    return reduce(m * a->v[0], m * a->v[1], m * a->v[2], m * a->v[3], m * a->v[4]);
}

/* Squared N times, and then times B. */
static struct fe squares_times(struct fe a, int n, const struct fe *b)
{
    while (n-- > 0)
        a = fe_square(&a);
    return fe_mul(&a, b);
}

/* 1 / A: A^(p - 2). A name tells by how many ones its exponent ends, and it is nothing else. */
static struct fe fe_invert(const struct fe *a)
{
    struct fe a2 = fe_square(a);
    struct fe a9 = squares_times(a2, 2, a); /* to the 9th */
    struct fe a11 = fe_mul(&a9, &a2);       /* to the 11th */
    struct fe ones5 = squares_times(a11, 1, &a9);
    struct fe ones10 = squares_times(ones5, 5, &ones5);
    struct fe ones20 = squares_times(ones10, 10, &ones10);
    struct fe ones40 = squares_times(ones20, 20, &ones20);
    struct fe ones50 = squares_times(ones40, 10, &ones10);
    struct fe ones100 = squares_times(ones50, 50, &ones50);
    struct fe ones200 = squares_times(ones100, 100, &ones100);
    struct fe ones250 = squares_times(ones200, 50, &ones50);
    return squares_times(ones250, 5, &a11);
}

/* --- the ladder --- */

/* Two multiples of the point, whose difference is the point: x2 / z2 and x3 / z3. */
struct ladder {
    struct fe x2, z2, x3, z3;
};

/* Without a branch. SWAP: 0 or 1. */
static void swap_if(uint64_t swap, struct fe *a, struct fe *b)
{
    uint64_t mask = 0 - swap;
    for (int i = 0; i < LIMBS; i++) {
        uint64_t change = mask & (a->v[i] ^ b->v[i]);
        a->v[i] ^= change;
        b->v[i] ^= change;
    }
}

/* RFC 7748 has these names: the first is doubled, and both are added. */
static void step(struct ladder *l, const struct fe *x1)
{
    struct fe a = fe_add(&l->x2, &l->z2), aa = fe_square(&a);
    struct fe b = fe_sub(&l->x2, &l->z2), bb = fe_square(&b);
    struct fe c = fe_add(&l->x3, &l->z3), cb = fe_mul(&c, &b);
    struct fe d = fe_sub(&l->x3, &l->z3), da = fe_mul(&d, &a);
    struct fe sum = fe_add(&da, &cb), difference = fe_sub(&da, &cb);
    struct fe e = fe_sub(&aa, &bb), e24 = fe_mul_small(&e, A24);
    e24 = fe_add(&aa, &e24);
    difference = fe_square(&difference);
    l->x3 = fe_square(&sum);
    l->z3 = fe_mul(x1, &difference);
    l->x2 = fe_mul(&aa, &bb);
    l->z2 = fe_mul(&e, &e24);
}

static void climb(struct ladder *l, const struct fe *x1, const uint8_t scalar[X25519_SIZE])
{
    uint64_t swapped = 0;
    for (int t = TOP_BIT; t >= 0; t--) {
        uint64_t bit = scalar[t / 8] >> (t % 8) & 1;
        swap_if(swapped ^ bit, &l->x2, &l->x3);
        swap_if(swapped ^ bit, &l->z2, &l->z3);
        swapped = bit;
        step(l, x1);
    }
    swap_if(swapped, &l->x2, &l->x3);
    swap_if(swapped, &l->z2, &l->z3);
}

static void clamp(uint8_t scalar[X25519_SIZE])
{
    scalar[0] &= 248;
    scalar[31] &= 127;
    scalar[31] |= 64;
}

static bool is_zero(const uint8_t number[X25519_SIZE])
{
    unsigned all = 0;
    for (size_t i = 0; i < X25519_SIZE; i++)
        all |= number[i];
    return all == 0;
}

bool x25519(uint8_t out[X25519_SIZE], const uint8_t secret[X25519_SIZE],
            const uint8_t point[X25519_SIZE])
{
    uint8_t scalar[X25519_SIZE];
    struct fe x1 = fe_read(point);
    struct ladder l = {.x2 = {{1}}, .x3 = x1, .z3 = {{1}}};
    memcpy(scalar, secret, sizeof(scalar));
    clamp(scalar);
    climb(&l, &x1, scalar);
    l.z2 = fe_invert(&l.z2);
    l.x2 = fe_mul(&l.x2, &l.z2);
    fe_write(out, &l.x2);
    explicit_bzero(scalar, sizeof(scalar));
    explicit_bzero(&l, sizeof(l));
    return !is_zero(out);
}

#endif
