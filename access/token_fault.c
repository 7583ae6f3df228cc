#include "access/token_fault.h"

static const struct {
    const char *name, *text;
} faults[] = {
#define TOKEN_FAULT_ROW(fault, name, text) [fault] = {name, text},
    TOKEN_FAULT_TABLE(TOKEN_FAULT_ROW)
#undef TOKEN_FAULT_ROW
};

const char *token_fault_name(enum token_fault f)
{
    return faults[f].name;
}

struct token_why token_why_of(enum token_fault f)
{
    return (struct token_why){f, faults[f].text};
}

bool token_fault_is_foreign(enum token_fault f)
{
    return f == TOKEN_MALFORMED || f == TOKEN_ALGORITHM || f == TOKEN_UNKNOWN_KEY;
}
