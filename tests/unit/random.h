/* Random numbers for property tests, from a seed that is printed and can be given again. */
#ifndef TESTS_UNIT_RANDOM_H
#define TESTS_UNIT_RANDOM_H

#include <stdint.h>

/* Takes the seed from the environment (LONGWIRE_SEED) or draws one, and prints it. */
void random_seed(void);
/* 0..BELOW-1. */
uint32_t random_below(uint32_t below);

#endif
