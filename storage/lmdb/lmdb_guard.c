/*
 * The last defence against pages that have changed under a running hub.
 *
 * What is wrong with a file when it is opened has been found by then (lmdb_pages.c). But a
 * disk can change what is read later, or refuse it, and LMDB reads by a map: it runs into an
 * assertion, SIGSEGV or SIGBUS. Nothing can be saved then. The process says in one line what has
 * happened and ends with status 1; it was no clean stop, so the next start looks at all pages, and
 * says more.
 *
 * Faults elsewhere in the program end it as they ever did.
 */
#include "storage/lmdb/lmdb_guard.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "storage/lmdb/lmdb_store.h"

static _Thread_local int inside; /* the library, on this thread */
static char last_words[1024];    /* written by a signal's handler */
static const int faults[] = {SIGSEGV, SIGBUS};
static struct sigaction before[sizeof(faults) / sizeof(faults[0])];

void lmdb_guard_enter(void)
{
    inside++;
}

void lmdb_guard_leave(void)
{
    inside--;
}

__attribute__((noreturn)) static void end(void)
{
    (void)!write(STDERR_FILENO, last_words, strlen(last_words));
    _exit(1);
}

static void on_assert(MDB_env *env, const char *text)
{
    (void)env;
    (void)text;
    end();
}

/* Back to who was asked before, by doing again what caused it. */
static void on_fault(int number)
{
    if (inside > 0)
        end();
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        if (faults[i] == number)
            sigaction(number, &before[i], NULL);
}

/* An open log of this process; the first one's faults are everybody's. */
static void catch_faults(void)
{
    static bool caught;
    struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};
    if (caught)
        return;
    caught = true;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        sigaction(faults[i], &action, &before[i]);
}

int lmdb_guard_env(MDB_env *env, const char *path)
{
    snprintf(last_words, sizeof(last_words),
             "error the log %s/" LMDB_DATA_FILE " is damaged: its pages cannot be read, and this "
             "process ends; `longwirectl verify %s` says where, `longwirectl restore` takes a "
             "backup\n",
             path, path);
    catch_faults();
    return mdb_env_set_assert(env, on_assert);
}
