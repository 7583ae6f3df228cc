#include "storage/lmdb/lmdb_pages.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/load.h"

/*
 * The layout (lmdb.h says what it means, mdb.c has it). All integers are the machine's.
 *
 *     a page     0 number64 | 8 pad16 | 10 flags16 | 12 lower16 | 14 upper16 | 16 offset16, ...
 *     a node     0 lo16 | 2 hi16 | 4 flags16 | 6 key size16 | 8 key, data
 *     a header   a page, then 16 magic32 | 20 version32 | 24 address64 | 32 map size64 |
 *                40 free pages: db | 88 main: db | 136 last page64 | 144 txn64
 *     a db       0 pad32 | 4 flags16 | 6 depth16 | 8 branches64 | 16 leaves64 | 24 overflows64 |
 *                32 entries64 | 40 root64
 */
enum {
    AT_NUMBER = 0,
    AT_FLAGS = 10,
    AT_LOWER = 12,
    AT_UPPER = 14,
    AT_RUN = 12, /* pages of a large value, 32 bits, where others have lower and upper */
    PAGE_HEADER = 16,
    NODE_HEADER = 8,
    AT_MAGIC = 16,
    AT_VERSION = 20,
    AT_FREE_DB = 40,
    AT_MAIN_DB = 88,
    AT_LAST_PAGE = 136,
    AT_TXN = 144,
    META_SIZE = 152,
    DB_SIZE = 48,
};

enum { BRANCH = 1, LEAF = 2, OVERFLOW = 4, META = 8 }; /* pages */
enum { BIG = 1, SUBTREE = 2, DUPLICATES = 4 };         /* nodes of leaves */
enum { INTEGER_KEYS = 8 };                             /* databases */
enum { MAGIC = (int)0xBEEFC0DE, DATA_VERSION = 1, METAS = 2 };
enum { PAGE_MIN = 512, PAGE_MAX = 32768, DEPTH_MAX = 32, DBS_MAX = 16, NAME_SIZE = 32 };
enum { WINDOW_BYTES = 1 << 18, WRONG_SIZE = 128 };

static const uint64_t no_page = UINT64_MAX;

/* A database, and what was found of it so far. */
struct db {
    char name[NAME_SIZE];
    unsigned flags, depth;
    uint64_t branches, leaves, overflows, entries, root;
    uint64_t found_branches, found_leaves, found_overflows, found_entries;
    size_t key_size; /* of integer keys; 0 = not seen yet */
    bool shallow;    /* its leaves are left out */
};

/* A key; BYTES borrows from a page of the way, NULL: none. */
struct key {
    const uint8_t *bytes;
    size_t n;
};

/* One page of the way from the root. */
struct level {
    uint8_t *page; /* a copy; owned */
    uint64_t number;
    unsigned next;        /* the node to look at next */
    struct key low, high; /* its keys are from LOW on and below HIGH */
};

struct lmdb_pages {
    int fd;
    enum pages_depth depth;
    struct pages_header header;
    uint64_t *used;         /* a bit for each page */
    struct db dbs[DBS_MAX]; /* free pages, main, and those that main names */
    size_t db_count, db;    /* the one that is walked */
    struct level levels[DEPTH_MAX];
    unsigned level_count; /* 0: the database is still to be begun */
    /* What was read last: pages in a row are read together. */
    uint8_t *window;
    uint64_t window_first, window_count;
    char wrong[WRONG_SIZE];
};

enum { DB_FREE, DB_MAIN };

__attribute__((format(printf, 3, 4))) static enum err wrong(struct lmdb_pages *p, uint64_t page,
                                                            const char *format, ...)
{
    va_list args;
    int n = snprintf(p->wrong, sizeof(p->wrong), "page %" PRIu64 ": ", page);
    va_start(args, format);
    vsnprintf(p->wrong + n, sizeof(p->wrong) - (size_t)n, format, args);
    va_end(args);
    return ERR_CORRUPT;
}

/* --- reading --- */

/* As many bytes as there are, up to N. */
static ssize_t read_at(int fd, uint8_t *to, size_t n, uint64_t at)
{
    size_t done = 0;
    while (done < n) {
        ssize_t got = pread(fd, to + done, n - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

/* Reads COUNT pages from NUMBER on into the window, or some of them. */
static enum err fill_window(struct lmdb_pages *p, uint64_t number, uint64_t count)
{
    size_t size = p->header.page_size;
    ssize_t got = read_at(p->fd, p->window, (size_t)count * size, number * size);
    if (got < 0 && count > 1) /* one of those behind it, perhaps */
        got = read_at(p->fd, p->window, size, number * size);
    if (got < 0) {
        wrong(p, number, "cannot be read: %s", strerror(errno));
        return ERR_IO;
    }
    p->window_first = number;
    p->window_count = (size_t)got / size;
    return p->window_count ? ERR_OK : wrong(p, number, "the file ends before it");
}

/* AHEAD pages, this one included, are going to be read. Valid until the next one is. */
static enum err read_page(struct lmdb_pages *p, uint64_t number, uint64_t ahead,
                          const uint8_t **ret)
{
    if (number < p->window_first || number - p->window_first >= p->window_count) {
        enum err e = fill_window(p, number, ahead);
        if (e)
            return e;
    }
    *ret = p->window + (number - p->window_first) * p->header.page_size;
    return ERR_OK;
}

/* Pages from FIRST on get their one use. */
static enum err use_pages(struct lmdb_pages *p, uint64_t from, uint64_t first, uint64_t count)
{
    if (first < METAS || first >= p->header.pages || count > p->header.pages - first)
        return wrong(p, from, "it leads to page %" PRIu64 ", which there is not", first);
    for (uint64_t i = first; i < first + count; i++) {
        uint64_t bit = UINT64_C(1) << (i % 64);
        if (p->used[i / 64] & bit)
            return wrong(p, from, "it leads to page %" PRIu64 ", which is in use elsewhere", i);
        p->used[i / 64] |= bit;
    }
    return ERR_OK;
}

/* --- nodes --- */

static unsigned page_flags(const uint8_t *page)
{
    return load16(page + AT_FLAGS);
}

static unsigned node_count(const uint8_t *page)
{
    return (load16(page + AT_LOWER) - (unsigned)PAGE_HEADER) / 2;
}

static const uint8_t *node_at(const uint8_t *page, unsigned i)
{
    return page + load16(page + PAGE_HEADER + 2 * i);
}

static struct key node_key(const uint8_t *node)
{
    return (struct key){node + NODE_HEADER, load16(node + 6)};
}

static uint64_t node_child(const uint8_t *node)
{
    return load16(node) | (uint64_t)load16(node + 2) << 16 | (uint64_t)load16(node + 4) << 32;
}

static size_t node_data_size(const uint8_t *node)
{
    return load16(node) | (size_t)load16(node + 2) << 16;
}

static const uint8_t *node_data(const uint8_t *node)
{
    return node + NODE_HEADER + load16(node + 6);
}

/* What a node takes in its page, padding included; its header is within the page. */
static size_t node_size(const uint8_t *page, const uint8_t *node)
{
    size_t n = NODE_HEADER + (size_t)load16(node + 6);
    if (page_flags(page) == LEAF)
        n += load16(node + 4) & BIG ? sizeof(uint64_t) : node_data_size(node);
    return n + (n & 1);
}

/* Nodes lie packed from `upper` to the end of the page. */
static enum err check_nodes(struct lmdb_pages *p, uint64_t number, const uint8_t *page)
{
    size_t size = p->header.page_size, upper = load16(page + AT_UPPER), sum = 0;
    for (unsigned i = 0; i < node_count(page); i++) {
        size_t at = load16(page + PAGE_HEADER + 2 * i);
        if (at < upper || at % 2 || at + NODE_HEADER > size)
            return wrong(p, number, "a node lies beyond the page");
        size_t n = node_size(page, page + at);
        if (n > size - at)
            return wrong(p, number, "a node is longer than the page");
        sum += n;
    }
    return sum == size - upper ? ERR_OK : wrong(p, number, "its nodes do not fill it");
}

static enum err check_page(struct lmdb_pages *p, uint64_t number, const uint8_t *page,
                           unsigned flags)
{
    unsigned lower = load16(page + AT_LOWER), upper = load16(page + AT_UPPER);
    if (load64(page + AT_NUMBER) != number)
        return wrong(p, number, "it says that it is another one");
    if (page_flags(page) != flags)
        return wrong(p, number, "it is of another kind than its place");
    if (lower < PAGE_HEADER + 2 || lower % 2 || lower > upper || upper > p->header.page_size)
        return wrong(p, number, "its bounds are wrong");
    if (flags == BRANCH && node_count(page) < 2)
        return wrong(p, number, "a branch has one way only");
    return check_nodes(p, number, page);
}

/* --- keys --- */

static uint64_t integer_of(const struct key *k)
{
    return k->n == sizeof(uint32_t) ? load32(k->bytes) : load64(k->bytes);
}

static int compare_keys(const struct db *db, const struct key *a, const struct key *b)
{
    if (db->flags & INTEGER_KEYS) {
        uint64_t x = integer_of(a), y = integer_of(b);
        return (x > y) - (x < y);
    }
    int order = memcmp(a->bytes, b->bytes, a->n < b->n ? a->n : b->n);
    return order ? order : (a->n > b->n) - (a->n < b->n);
}

static bool key_fits(struct db *db, const struct key *k)
{
    if (!(db->flags & INTEGER_KEYS))
        return k->n > 0;
    if (db->key_size == 0 && (k->n == sizeof(uint32_t) || k->n == sizeof(uint64_t)))
        db->key_size = k->n;
    return k->n == db->key_size;
}

/* The key of a branch's first way stands for nothing. */
static enum err check_keys(struct lmdb_pages *p, struct db *db, const struct level *l)
{
    struct key before = l->low;
    for (unsigned i = page_flags(l->page) == BRANCH; i < node_count(l->page); i++) {
        struct key k = node_key(node_at(l->page, i));
        if (!key_fits(db, &k))
            return wrong(p, l->number, "a key has the wrong size");
        int order = before.bytes ? compare_keys(db, &before, &k) : -1;
        bool first = before.bytes == l->low.bytes; /* which may be equal to the bound */
        if (order > 0 || (order == 0 && !first) ||
            (l->high.bytes && compare_keys(db, &k, &l->high) >= 0))
            return wrong(p, l->number, "its keys are not in order");
        before = k;
    }
    return ERR_OK;
}

/* --- values --- */

/* A value in pages of its own; more of them than it needs, if it was longer once. */
static enum err check_large(struct lmdb_pages *p, struct db *db, uint64_t from, const uint8_t *node)
{
    const uint8_t *page;
    uint64_t first = load64(node_data(node));
    uint64_t needed = (PAGE_HEADER - 1 + node_data_size(node)) / p->header.page_size + 1;
    enum err e = use_pages(p, from, first, 1);
    if (!e)
        e = read_page(p, first, 1, &page);
    if (e)
        return e;
    uint64_t count = load32(page + AT_RUN);
    if (load64(page + AT_NUMBER) != first || page_flags(page) != OVERFLOW || count < needed)
        return wrong(p, first, "it is not the beginning of the value that it should be");
    db->found_overflows += count;
    return count > 1 ? use_pages(p, first, first + 1, count - 1) : ERR_OK;
}

/* Lists of free pages: how many, and their numbers, the highest first. */
static enum err check_free_list(struct lmdb_pages *p, uint64_t from, const uint8_t *list, size_t n)
{
    uint64_t before = no_page, count = n >= sizeof(uint64_t) ? load64(list) : no_page;
    if (count > n / sizeof(uint64_t) - 1)
        return wrong(p, from, "a list of free pages is longer than its value");
    for (uint64_t i = 1; i <= count; i++) {
        uint64_t number = load64(list + i * sizeof(uint64_t));
        if (number >= before)
            return wrong(p, from, "a list of free pages is not in order");
        enum err e = use_pages(p, from, number, 1);
        if (e)
            return e;
        before = number;
    }
    return ERR_OK;
}

/* A list in pages of its own. */
static enum err check_long_free_list(struct lmdb_pages *p, const uint8_t *node)
{
    size_t n = node_data_size(node);
    uint64_t first = load64(node_data(node));
    uint8_t *list = malloc(n ? n : 1);
    if (!list)
        return ERR_NOMEM;
    ssize_t got = read_at(p->fd, list, n, first * p->header.page_size + PAGE_HEADER);
    enum err e = got == (ssize_t)n ? check_free_list(p, first, list, n)
                                   : wrong(p, first, "the file ends within it");
    free(list);
    return e;
}

static void load_db(struct db *db, const uint8_t *row)
{
    db->flags = load16(row + 4);
    db->depth = load16(row + 6);
    db->branches = load64(row + 8);
    db->leaves = load64(row + 16);
    db->overflows = load64(row + 24);
    db->entries = load64(row + 32);
    db->root = load64(row + 40);
}

/* Main names a database. */
static enum err add_db(struct lmdb_pages *p, uint64_t from, const uint8_t *node)
{
    struct key name = node_key(node);
    if (!(load16(node + 4) & SUBTREE) || p->db_count == DBS_MAX || name.n >= NAME_SIZE)
        return ERR_FORMAT;
    if (node_data_size(node) != DB_SIZE)
        return wrong(p, from, "the row of a database has the wrong size");
    struct db *db = &p->dbs[p->db_count++];
    memcpy(db->name, name.bytes, name.n);
    load_db(db, node_data(node));
    db->shallow = p->depth == PAGES_SHALLOW && strcmp(db->name, "log") == 0;
    return ERR_OK;
}

static enum err check_value(struct lmdb_pages *p, struct db *db, const struct level *l,
                            const uint8_t *node)
{
    unsigned flags = load16(node + 4);
    if (flags & ~(unsigned)(p->db == DB_MAIN ? SUBTREE | DUPLICATES : BIG))
        return wrong(p, l->number, "a node is of a kind that there is not");
    if (flags & DUPLICATES)
        return ERR_FORMAT;
    enum err e = flags & BIG ? check_large(p, db, l->number, node) : ERR_OK;
    if (e || p->db > DB_MAIN)
        return e;
    if (p->db == DB_MAIN)
        return add_db(p, l->number, node);
    return flags & BIG ? check_long_free_list(p, node)
                       : check_free_list(p, l->number, node_data(node), node_data_size(node));
}

/* --- walking --- */

static enum err check_leaf(struct lmdb_pages *p, struct db *db, const struct level *l)
{
    enum err e = ERR_OK;
    db->found_leaves++;
    db->found_entries += node_count(l->page);
    for (unsigned i = 0; !e && i < node_count(l->page); i++)
        e = check_value(p, db, l, node_at(l->page, i));
    return e;
}

/* How many of the ways from number I on lead to pages in a row; as many as fit into the window. */
static uint64_t ways_in_a_row(const struct lmdb_pages *p, const uint8_t *page, unsigned i)
{
    uint64_t first = node_child(node_at(page, i)), n = 1, most = WINDOW_BYTES / p->header.page_size;
    while (n < most && i + n < node_count(page) &&
           node_child(node_at(page, i + (unsigned)n)) == first + n)
        n++;
    return n;
}

/* Reads page NUMBER, to which page FROM leads, to the end of the way. */
static enum err enter(struct lmdb_pages *p, struct db *db, uint64_t from, uint64_t number,
                      uint64_t ahead, struct key low, struct key high)
{
    struct level *l = &p->levels[p->level_count];
    const uint8_t *page;
    bool leaf = p->level_count + 1 == db->depth;
    enum err e = use_pages(p, from, number, 1);
    if (e || (leaf && db->shallow)) {
        db->found_leaves++;
        return e;
    }
    if (!l->page && !(l->page = malloc(p->header.page_size)))
        return ERR_NOMEM;
    e = read_page(p, number, ahead, &page);
    if (e)
        return e;
    memcpy(l->page, page, p->header.page_size);
    l->number = number;
    l->next = 0;
    l->low = low;
    l->high = high;
    e = check_page(p, number, l->page, leaf ? LEAF : BRANCH);
    if (!e)
        e = check_keys(p, db, l);
    if (e || leaf)
        return e ? e : check_leaf(p, db, l);
    db->found_branches++;
    p->level_count++;
    return ERR_OK;
}

/* Goes one way of the last branch, or leaves it. */
static enum err walk_on(struct lmdb_pages *p, struct db *db)
{
    struct level *l = &p->levels[p->level_count - 1];
    unsigned i = l->next++;
    if (i >= node_count(l->page)) {
        p->level_count--;
        return ERR_OK;
    }
    struct key low = i ? node_key(node_at(l->page, i)) : l->low;
    struct key high = i + 1 < node_count(l->page) ? node_key(node_at(l->page, i + 1)) : l->high;
    return enter(p, db, l->number, node_child(node_at(l->page, i)), ways_in_a_row(p, l->page, i),
                 low, high);
}

static enum err check_counts(struct lmdb_pages *p, const struct db *db)
{
    uint64_t from = p->db <= DB_MAIN ? p->header.txn % METAS : p->dbs[DB_MAIN].root;
    bool same = db->found_branches == db->branches && db->found_leaves == db->leaves;
    if (!db->shallow)
        same &= db->found_overflows == db->overflows && db->found_entries == db->entries;
    return same ? ERR_OK : wrong(p, from, "its counts of %s are not what is there", db->name);
}

static bool flags_are_known(const struct lmdb_pages *p, const struct db *db)
{
    static const char *const integers[] = {"topics", "log", "index", "groups", "keys"};
    if (p->db == DB_MAIN)
        return db->flags == 0;
    bool wanted = p->db == DB_FREE;
    for (size_t i = 0; i < sizeof(integers) / sizeof(integers[0]); i++)
        wanted |= strcmp(db->name, integers[i]) == 0;
    if (wanted)
        return db->flags == INTEGER_KEYS;
    return strcmp(db->name, "meta") != 0 || db->flags == 0;
}

static enum err begin_db(struct lmdb_pages *p, struct db *db)
{
    static const struct key none;
    uint64_t from = p->db <= DB_MAIN ? p->header.txn % METAS : p->dbs[DB_MAIN].root;
    if (!flags_are_known(p, db))
        return wrong(p, from, "%s is of another kind than it should be", db->name);
    if (db->flags & ~(unsigned)INTEGER_KEYS)
        return ERR_FORMAT; /* another program's: there is more than is known here */
    if (db->root == no_page)
        return db->depth ? wrong(p, from, "%s has no root", db->name) : ERR_OK;
    if (db->depth == 0 || db->depth > DEPTH_MAX)
        return wrong(p, from, "the depth of %s is wrong", db->name);
    return enter(p, db, from, db->root, 1, none, none);
}

enum err pages_step(struct lmdb_pages *p, size_t max, bool *ret_done)
{
    enum err e = ERR_OK;
    bool begun = p->level_count > 0;
    for (; !e && max > 0 && p->db < p->db_count; max--) {
        struct db *db = &p->dbs[p->db];
        e = begun ? walk_on(p, db) : begin_db(p, db);
        begun = p->level_count > 0;
        if (e || begun)
            continue;
        e = check_counts(p, db);
        p->db++;
    }
    *ret_done = p->db == p->db_count;
    return e;
}

/* --- headers --- */

static bool is_header(const uint8_t *page)
{
    return page_flags(page) == META && load32(page + AT_MAGIC) == (uint32_t)MAGIC &&
           load32(page + AT_VERSION) == DATA_VERSION;
}

/* The size of a page, which the first header tells; 0 when it cannot be one. */
static size_t told_page_size(const uint8_t *page)
{
    size_t n = load32(page + AT_FREE_DB);
    return n >= PAGE_MIN && n <= PAGE_MAX && (n & (n - 1)) == 0 ? n : 0;
}

/* The two headers take turns: that of commit n is in page n % 2. */
static enum err check_headers(struct lmdb_pages *p, uint8_t metas[METAS][META_SIZE])
{
    for (unsigned i = 0; i < METAS; i++) {
        uint64_t txn = load64(metas[i] + AT_TXN);
        if (!is_header(metas[i]) || load64(metas[i] + AT_NUMBER) != i)
            return wrong(p, i, "it is no header");
        if (told_page_size(metas[i]) != p->header.page_size)
            return wrong(p, i, "the size of pages is not the other header's");
        if (txn && txn % METAS != i)
            return wrong(p, i, "its commit should have its header in the other page");
    }
    return ERR_OK;
}

static enum err load_header(struct lmdb_pages *p, uint8_t metas[METAS][META_SIZE])
{
    bool second = load64(metas[1] + AT_TXN) > load64(metas[0] + AT_TXN);
    const uint8_t *meta = metas[second];
    p->header.txn = load64(meta + AT_TXN);
    p->header.other_txn = load64(metas[!second] + AT_TXN);
    load_db(&p->dbs[DB_FREE], meta + AT_FREE_DB);
    load_db(&p->dbs[DB_MAIN], meta + AT_MAIN_DB);
    snprintf(p->dbs[DB_FREE].name, NAME_SIZE, "the free pages");
    snprintf(p->dbs[DB_MAIN].name, NAME_SIZE, "the databases");
    p->db_count = DB_MAIN + 1;
    uint64_t last = load64(meta + AT_LAST_PAGE);
    struct stat st;
    if (fstat(p->fd, &st))
        return ERR_IO;
    if (last < METAS - 1 || last >= (uint64_t)st.st_size / p->header.page_size)
        return wrong(p, second, "the file is cut off: it has %" PRIu64 " of %" PRIu64 " pages",
                     (uint64_t)st.st_size / p->header.page_size, last + 1);
    p->header.pages = last + 1;
    return ERR_OK;
}

/* The first header may be damaged: then the second is looked for at the usual place. */
static enum err read_headers(struct lmdb_pages *p)
{
    uint8_t metas[METAS][META_SIZE] = {{0}};
    if (read_at(p->fd, metas[0], META_SIZE, 0) < 0)
        return ERR_IO;
    size_t size = is_header(metas[0]) ? told_page_size(metas[0]) : 0;
    p->header.page_size = size ? size : (size_t)sysconf(_SC_PAGESIZE);
    if (read_at(p->fd, metas[1], META_SIZE, p->header.page_size) < 0)
        return ERR_IO;
    if (!is_header(metas[0]) && !is_header(metas[1]))
        return ERR_FORMAT;
    enum err e = check_headers(p, metas);
    return e ? e : load_header(p, metas);
}

enum err pages_create(int fd, enum pages_depth depth, struct lmdb_pages **ret)
{
    struct lmdb_pages *p = calloc(1, sizeof(*p));
    if (!p)
        return ERR_NOMEM;
    p->fd = fd;
    p->depth = depth;
    enum err e = read_headers(p);
    if (!e) {
        p->window = malloc(WINDOW_BYTES);
        p->used = calloc(p->header.pages / 64 + 1, sizeof(*p->used));
    }
    if (!e && (!p->window || !p->used)) {
        pages_destroy(p);
        return ERR_NOMEM;
    }
    *ret = p;
    return e;
}

void pages_destroy(struct lmdb_pages *p)
{
    if (!p)
        return;
    for (unsigned i = 0; i < DEPTH_MAX; i++)
        free(p->levels[i].page);
    free(p->window);
    free(p->used);
    free(p);
}

const struct pages_header *pages_header(const struct lmdb_pages *p)
{
    return &p->header;
}

const char *pages_wrong(const struct lmdb_pages *p)
{
    return p->wrong;
}

enum err pages_check(int fd, enum pages_depth depth, struct pages_header *ret_header, char *wrong,
                     size_t n)
{
    struct lmdb_pages *p = NULL;
    bool done = false;
    enum err e = pages_create(fd, depth, &p);
    while (!e && !done)
        e = pages_step(p, SIZE_MAX, &done);
    snprintf(wrong, n, "%s", p ? p->wrong : "");
    if (!e)
        *ret_header = p->header;
    pages_destroy(p);
    return e;
}
