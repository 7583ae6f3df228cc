/* What was wrong with a log, in words, for the sentence that refuses it. */
#include <stdarg.h>
#include <stdio.h>

#include "storage/store.h"
#include "storage/store_ops.h"

static _Thread_local char wrong[STORE_WRONG_SIZE];
static _Thread_local bool of_journal;

const char *store_wrong(void)
{
    return wrong;
}

bool store_wrong_is_journal(void)
{
    return *wrong && of_journal;
}

void store_say_wrong_journal(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    of_journal = true;
    vsnprintf(wrong, sizeof(wrong), format, args);
    va_end(args);
}

void store_say_wrong(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    of_journal = false;
    vsnprintf(wrong, sizeof(wrong), format, args);
    va_end(args);
}
