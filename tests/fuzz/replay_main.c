/*
 * Runs a fuzz target over files without libFuzzer: `fuzz_x FILE|DIRECTORY...`. Without arguments it
 * takes the target's corpus, $srcdir/tests/fuzz/corpus/fuzz_x, so that `make check` replays it.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "tests/fuzz/fuzz.h"

static unsigned files;

static void die(const char *path)
{
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    exit(EXIT_FAILURE);
}

static void read_file(const char *path, FILE *f, struct buf *ret)
{
    char part[4096];
    size_t n;
    while ((n = fread(part, 1, sizeof(part), f)) > 0)
        buf_append(ret, part, n);
    if (ferror(f) || ret->failed)
        die(path);
}

/* The input goes into an allocation of its own size, so that a read beyond it is seen. */
static void run_file(const char *path)
{
    struct buf b = {0};
    FILE *f = fopen(path, "rb");
    if (!f)
        die(path);
    read_file(path, f, &b);
    fclose(f);
    uint8_t *input = malloc(b.len ? b.len : 1);
    if (!input)
        die(path);
    if (b.len)
        memcpy(input, b.data, b.len);
    fprintf(stderr, "%s\n", path); /* the last one named is the one that failed */
    LLVMFuzzerTestOneInput(input, b.len);
    free(input);
    buf_finish(&b);
    files++;
}

static void run_path(const char *path)
{
    DIR *dir = opendir(path);
    if (!dir) {
        run_file(path);
        return;
    }
    for (struct dirent *e; (e = readdir(dir));) {
        char name[4096];
        snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
        if (e->d_name[0] != '.')
            run_file(name);
    }
    closedir(dir);
}

static void run_corpus(const char *program)
{
    const char *slash = strrchr(program, '/'), *srcdir = getenv("srcdir");
    char path[4096];
    snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", srcdir ? srcdir : ".",
             slash ? slash + 1 : program);
    run_path(path);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        run_path(argv[i]);
    if (argc < 2)
        run_corpus(argv[0]);
    fprintf(stderr, "%u inputs replayed\n", files);
    return files > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
