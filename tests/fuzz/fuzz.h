/* What the fuzz targets share: each is one LLVMFuzzerTestOneInput, run by libFuzzer
 * (--enable-fuzzing) or by replay_main.c. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "tests/require.h"

/* Runs one input; returns 0. Aborts when an invariant does not hold. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
