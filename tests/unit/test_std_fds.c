/* Standard descriptors that are closed: /dev/null takes their places, and only theirs. */
#include "base/std_fds.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Each test is a process of its own (CK_FORK), so it may close what it likes. */
static bool is_null(int fd)
{
    struct stat fds, null;
    return fstat(fd, &fds) == 0 && stat("/dev/null", &null) == 0 && fds.st_rdev == null.st_rdev;
}

START_TEST(every_set_of_closed_ones)
{
    int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    bool right = file > STDERR_FILENO;
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (_i & 1 << fd)
            close(fd);
        else
            right = right && dup2(file, fd) == fd;
    right = right && std_fds_open();
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        right = right && is_null(fd) == !!(_i & 1 << fd);
    int next = open("/dev/null", O_RDONLY);
    _exit(right && next == file + 1 ? EXIT_SUCCESS : EXIT_FAILURE);
}
END_TEST

START_TEST(using_them_fails_as_if_they_were_closed)
{
    char byte = 'x';
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        close(fd);
    bool right = std_fds_open();
    right = right && read(STDIN_FILENO, &byte, 1) == -1 && errno == EBADF;
    right = right && write(STDOUT_FILENO, &byte, 1) == -1 && errno == EBADF;
    right = right && write(STDERR_FILENO, &byte, 1) == -1 && errno == EBADF;
    _exit(right ? EXIT_SUCCESS : EXIT_FAILURE);
}
END_TEST

START_TEST(no_descriptor_to_be_had)
{
    struct rlimit none = {0, 0};
    close(STDIN_FILENO);
    bool right = setrlimit(RLIMIT_NOFILE, &none) == 0 && !std_fds_open();
    _exit(right ? EXIT_SUCCESS : EXIT_FAILURE);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("std_fds");
    TCase *t = tcase_create("closed");
    tcase_add_loop_exit_test(t, every_set_of_closed_ones, EXIT_SUCCESS, 0, 8);
    tcase_add_exit_test(t, using_them_fails_as_if_they_were_closed, EXIT_SUCCESS);
    tcase_add_exit_test(t, no_descriptor_to_be_had, EXIT_SUCCESS);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_set_fork_status(r, CK_FORK);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
