#include "access/algorithm.h"

#include <string.h>

static const struct {
    const char *name;
    enum key_kind kind;
    unsigned bits;
} algorithms[ALGORITHMS] = {
#define ALGORITHM_ROW(algorithm, name, kind, bits) [algorithm] = {name, kind, bits},
    ALGORITHM_TABLE(ALGORITHM_ROW)
#undef ALGORITHM_ROW
};

const char *algorithm_name(enum algorithm a)
{
    return algorithms[a].name;
}

enum key_kind algorithm_kind(enum algorithm a)
{
    return algorithms[a].kind;
}

unsigned algorithm_bits(enum algorithm a)
{
    return algorithms[a].bits;
}

enum algorithm algorithm_find(const char *name, size_t n)
{
    unsigned a = 0;
    while (a < ALGORITHMS &&
           (strlen(algorithms[a].name) != n || memcmp(algorithms[a].name, name, n) != 0))
        a++;
    return (enum algorithm)a;
}

unsigned algorithms_of(enum key_kind kind)
{
    unsigned bits = 0;
    for (unsigned a = 0; a < ALGORITHMS; a++)
        if (algorithms[a].kind == kind)
            bits |= 1u << a;
    return bits;
}
