/* What to check when the hub cannot be reached: says what is there, and what was expected. */
#include "tools/ctl/ctl_advice.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/ctl/ctl_hub.h"
#include "tools/ctl/ctl_out.h"

enum { GROUPS_SHOWN = 32 };

static void put_user(struct buf *out, uid_t uid)
{
    const struct passwd *user = getpwuid(uid);
    if (user)
        buf_printf(out, "%s ", user->pw_name);
    buf_printf(out, "(uid %u)", (unsigned)uid);
}

static void put_group(struct buf *out, gid_t gid)
{
    const struct group *group = getgrgid(gid);
    if (group)
        buf_printf(out, "%s ", group->gr_name);
    buf_printf(out, "(gid %u)", (unsigned)gid);
}

static void put_owner(struct buf *out, const char *path, const struct stat *st)
{
    buf_printf(out, "  %s: owner ", path);
    put_user(out, st->st_uid);
    buf_puts(out, ", group ");
    put_group(out, st->st_gid);
    buf_printf(out, ", mode %04o\n", (unsigned)st->st_mode & 07777);
}

static void put_self(struct buf *out)
{
    gid_t groups[GROUPS_SHOWN];
    int n = getgroups(GROUPS_SHOWN, groups);
    buf_puts(out, "  you are ");
    put_user(out, geteuid());
    buf_puts(out, ", groups ");
    put_group(out, getegid());
    for (int i = 0; i < n; i++) {
        if (groups[i] == getegid())
            continue;
        buf_puts(out, ", ");
        put_group(out, groups[i]);
    }
    buf_putc(out, '\n');
}

/* Shows the directories above PATH up to the first that may not be entered or does not exist. */
static void put_directories(struct buf *out, const char *path)
{
    char part[PATH_MAX];
    struct stat st;
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
        if (stat(part, &st) < 0) {
            buf_printf(out, "  %s: %s\n", part, strerror(errno));
            return;
        }
        if (access(part, X_OK) < 0) {
            put_owner(out, part, &st);
            return;
        }
    }
}

static void advise_missing(struct buf *out, const struct ctl_hub *h)
{
    put_directories(out, h->path);
    buf_puts(out,
             "  Nothing is there. Is longwired running, and is this its socket.path?\n"
             "  (systemctl status longwired; its line `ready ... socket=PATH` names the path)\n");
}

static void advise_refused(struct buf *out, const struct ctl_hub *h)
{
    struct stat st;
    if (stat(h->path, &st) == 0 && !S_ISSOCK(st.st_mode)) {
        buf_puts(out, "  That is not a socket. Name longwired's socket.path.\n");
        return;
    }
    buf_puts(out, "  The socket is there, but nobody listens: longwired has ended without\n"
                  "  removing it, or is starting or stopping now. Is it running?\n");
}

static void advise_access(struct buf *out, const struct ctl_hub *h)
{
    struct stat st;
    put_directories(out, h->path);
    if (stat(h->path, &st) == 0)
        put_owner(out, h->path, &st);
    put_self(out);
    buf_puts(out,
             "  Connecting needs write permission on the socket, and search permission on the\n"
             "  directories above it: become a member of its group (and log in again), or run\n"
             "  this as its owner or root.\n");
}

static void advise(struct buf *out, const struct ctl_hub *h)
{
    switch (h->error) {
    case ENOENT:
    case ENOTDIR:
        advise_missing(out, h);
        break;
    case ECONNREFUSED:
        advise_refused(out, h);
        break;
    case EACCES:
    case EPERM:
        advise_access(out, h);
        break;
    case ENAMETOOLONG:
        buf_printf(out, "  A socket's path has at most %zu bytes.\n",
                   sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
        break;
    case EAGAIN:
        buf_puts(out, "  longwired is there but does not accept connections: is it stopped or\n"
                      "  overloaded? (ps, its log on standard error)\n");
        break;
    }
}

void ctl_advice(const struct ctl_hub *h)
{
    struct buf out = {0};
    ctl_say("cannot connect to %s: %s", h->path, ctl_hub_why(h));
    buf_printf(&out, "  That path is from %s.\n", h->path_from);
    advise(&out, h);
    if (!out.failed)
        fwrite(out.data, 1, out.len, stderr);
    buf_finish(&out);
}
