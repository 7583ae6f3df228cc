#include "net/local_socket.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

enum { BACKLOG = 4096 };

static bool somebody_answers(const struct sockaddr_un *a)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    bool answers = connect(fd, (const struct sockaddr *)a, sizeof(*a)) == 0 || errno == EAGAIN;
    close(fd);
    return answers;
}

static enum err set_access(const struct local_socket *s, struct buf *error)
{
    gid_t gid = (gid_t)-1;
    if (s->group) {
        const struct group *g = getgrnam(s->group);
        if (!g) {
            buf_printf(error, "socket.group = %s: there is no such group", s->group);
            return ERR_NOT_FOUND;
        }
        gid = g->gr_gid;
    }
    if ((s->group && chown(s->path, (uid_t)-1, gid) != 0) || chmod(s->path, s->mode) != 0) {
        buf_printf(error, "cannot set owner and mode of %s: %s", s->path, strerror(errno));
        return ERR_ACCESS;
    }
    return ERR_OK;
}

/* What may stand at the path already: nothing, or a socket that nobody answers at. */
static enum err clear_path(const struct sockaddr_un *a, struct buf *error)
{
    struct stat st;
    if (lstat(a->sun_path, &st) != 0)
        return ERR_OK;
    if (!S_ISSOCK(st.st_mode)) {
        buf_printf(error, "%s exists and is not a socket", a->sun_path);
        return ERR_INVALID;
    }
    if (somebody_answers(a)) {
        buf_printf(error, "another hub is running at %s", a->sun_path);
        return ERR_LOCKED;
    }
    log_info("removing the stale socket %s", a->sun_path);
    unlink(a->sun_path);
    return ERR_OK;
}

/* What a new socket file may be opened by is what its descriptor says (Linux, unix(7)); so nobody
 * else gets in before the mode is set, and the umask of all threads stays as it is. */
static enum err bind_and_listen(struct local_socket *s, int fd, const struct sockaddr_un *a,
                                struct buf *error)
{
    struct stat st;
    bool bound = fd >= 0 && fchmod(fd, S_IRUSR | S_IWUSR) == 0 &&
                 bind(fd, (const struct sockaddr *)a, sizeof(*a)) == 0;
    if (!bound || listen(fd, BACKLOG) != 0 || lstat(s->path, &st) != 0) {
        buf_printf(error, "cannot listen at %s: %s", s->path, strerror(errno));
        enum err e = errno == EACCES ? ERR_ACCESS : ERR_IO;
        if (bound)
            unlink(s->path);
        return e;
    }
    s->device = st.st_dev;
    s->inode = st.st_ino;
    enum err e = set_access(s, error);
    if (e != ERR_OK)
        unlink(s->path);
    return e;
}

enum err local_socket_listen(struct local_socket *s, int *ret_fd, struct buf *error)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(s->path) >= sizeof(a.sun_path)) {
        buf_printf(error, "socket.path: at most %zu bytes", sizeof(a.sun_path) - 1);
        return ERR_INVALID;
    }
    memcpy(a.sun_path, s->path, strlen(s->path) + 1);
    enum err e = clear_path(&a, error);
    if (e != ERR_OK)
        return e;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    e = bind_and_listen(s, fd, &a, error);
    if (e == ERR_OK)
        *ret_fd = fd;
    else if (fd >= 0)
        close(fd);
    return e;
}

enum local_socket_state local_socket_look(const struct local_socket *s)
{
    struct stat st;
    if (lstat(s->path, &st) != 0)
        return errno == ENOENT || errno == ENOTDIR ? LOCAL_SOCKET_GONE : LOCAL_SOCKET_FOREIGN;
    bool same = st.st_dev == s->device && st.st_ino == s->inode && S_ISSOCK(st.st_mode);
    return same ? LOCAL_SOCKET_OURS : LOCAL_SOCKET_FOREIGN;
}

void local_socket_remove(const struct local_socket *s)
{
    if (local_socket_look(s) == LOCAL_SOCKET_OURS)
        unlink(s->path);
}
