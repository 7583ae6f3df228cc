/*
 * Standard input, output and error of a program that was started without them.
 *
 * The next files that such a program opens would get their numbers: what it prints or logs would be
 * written into its own files.
 */
#ifndef BASE_STD_FDS_H
#define BASE_STD_FDS_H

#include <stdbool.h>

/* Opens what is closed of descriptors 0, 1 and 2 on /dev/null, the wrong way round, so that using
 * it still fails as it does with a closed one. First of all in every main(). False: it cannot be
 * done, and the program must end without opening anything. */
bool std_fds_open(void);

#endif
