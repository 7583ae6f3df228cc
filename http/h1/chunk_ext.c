#include "http/h1/chunk_ext.h"

#include "http/field.h"

/* What kinds of bytes the grammar tells apart. */
enum kind { BLANK, SEMICOLON, EQUALS, QUOTE, BACKSLASH, TCHAR, OTHER, CONTROL, KINDS };

static enum kind kind_of(char c)
{
    switch (c) {
    case ' ':
    case '\t':
        return BLANK;
    case ';':
        return SEMICOLON;
    case '=':
        return EQUALS;
    case '"':
        return QUOTE;
    case '\\':
        return BACKSLASH;
    default:
        if (field_is_tchar(c))
            return TCHAR;
        return field_is_value_char(c) ? OTHER : CONTROL;
    }
}

#define _ CHUNK_EXT_BAD
#define S CHUNK_EXT_START
#define N CHUNK_EXT_NAME
#define M CHUNK_EXT_NAME_END
#define V CHUNK_EXT_VALUE_START
#define T CHUNK_EXT_TOKEN
#define Q CHUNK_EXT_QUOTED
#define E CHUNK_EXT_ESCAPED
#define D CHUNK_EXT_QUOTED_END
#define W CHUNK_EXT_VALUE_END

enum chunk_ext chunk_ext_next(enum chunk_ext state, char c)
{
    /* clang-format off */
    static const unsigned char next[][KINDS] = {
        /*      blank  ;  =  "  \  tchar other control */
        [S] = {   S,   _, _, _, _,  N,    _,    _ },
        [N] = {   M,   S, V, _, _,  N,    _,    _ },
        [M] = {   M,   S, V, _, _,  _,    _,    _ },
        [V] = {   V,   _, _, Q, _,  T,    _,    _ },
        [T] = {   W,   S, _, _, _,  T,    _,    _ },
        [Q] = {   Q,   Q, Q, D, E,  Q,    Q,    _ },
        [E] = {   Q,   Q, Q, Q, Q,  Q,    Q,    _ },
        [D] = {   W,   S, _, _, _,  _,    _,    _ },
        [W] = {   W,   S, _, _, _,  _,    _,    _ },
        [_] = {   _,   _, _, _, _,  _,    _,    _ },
    };
    /* clang-format on */
    return next[state][kind_of(c)];
}

bool chunk_ext_may_end(enum chunk_ext state)
{
    return state == CHUNK_EXT_NAME || state == CHUNK_EXT_TOKEN || state == CHUNK_EXT_QUOTED_END;
}
