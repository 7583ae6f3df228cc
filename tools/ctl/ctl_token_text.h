/* Tokens as they are given to commands: a word, or a line of standard input, where neither the
 * history of a shell nor `ps` shows them. */
#ifndef TOOLS_CTL_CTL_TOKEN_TEXT_H
#define TOOLS_CTL_CTL_TOKEN_TEXT_H

#include "base/buf.h"
#include "base/err.h"
#include "tools/ctl/ctl_exit.h"

/* Appends WORD or, if that is "-", the line of standard input, and a NUL that does not count. Tells
 * what is wrong; CTL_USAGE, CTL_FAILED. */
MUST_CHECK enum ctl_exit ctl_token_text(const char *word, struct buf *ret);

#endif
