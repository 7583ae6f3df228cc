#include "frontends/resp/resp_command.h"

#include <string.h>
#include <strings.h>

const struct resp_command *resp_command_find(const struct resp_commands *t, const char *name,
                                             size_t n)
{
    for (size_t i = 0; i < t->count; i++)
        if (strlen(t->rows[i].name) == n && strncasecmp(t->rows[i].name, name, n) == 0)
            return &t->rows[i];
    return NULL;
}

bool resp_command_is_container(const struct resp_command *c)
{
    return !c->run && !c->publish;
}

bool resp_command_is_subcommand(const struct resp_command *c)
{
    return strchr(c->name, '|') != NULL;
}

bool resp_command_reads(const struct resp_command *c)
{
    return c->flags & RESP_READONLY && !(c->flags & RESP_FAST);
}
