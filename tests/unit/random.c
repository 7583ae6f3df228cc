#include "tests/unit/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static uint64_t state;

void random_seed(void)
{
    const char *text = getenv("LONGWIRE_SEED");
    if (text)
        state = strtoull(text, NULL, 0);
    else if (getrandom(&state, sizeof(state), 0) != sizeof(state))
        abort();
    printf("LONGWIRE_SEED=%llu\n", (unsigned long long)state);
    fflush(stdout);
}

/* splitmix64 */
uint32_t random_below(uint32_t below)
{
    state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t z = state;
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return (uint32_t)((z ^ z >> 31) >> 32) % below;
}
