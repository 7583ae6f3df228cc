/* A token out of words: its header, its claims. */
#ifndef TOOLS_CTL_CTL_TOKEN_MAKE_H
#define TOOLS_CTL_CTL_TOKEN_MAKE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "tools/ctl/ctl_exit.h"

/* Appends the token that the COUNT WORDS, NAME=VALUE or NAME:=JSON each, describe at NOW_S (Unix),
 * signed with the key in the N bytes KEY, behind which there is a NUL. Tells what is wrong;
 * CTL_USAGE, CTL_FAILED. */
MUST_CHECK enum ctl_exit ctl_token_make(const char *key, size_t n, char *const *words, int count,
                                        int64_t now_s, struct buf *ret);

#endif
