#include "storage/lmdb/lmdb_wrong.h"

#include <stdarg.h>
#include <stdio.h>

#include "storage/store.h"

static _Thread_local char wrong[LMDB_WRONG_SIZE];

const char *store_wrong(void)
{
    return wrong;
}

void lmdb_wrong(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(wrong, sizeof(wrong), format, args);
    va_end(args);
}
