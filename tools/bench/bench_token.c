/* The mode token: what a token costs a worker, that is new to it and that it knows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access/access.h"
#include "access/key_text.h"
#include "access/token.h"
#include "access/token_cache.h"
#include "base/base64url.h"
#include "tools/bench/bench.h"
#include "tools/bench/bench_args.h"
#include "tools/bench/bench_loop.h"
#include "tools/bench/bench_modes.h"
#include "tools/bench/bench_process.h"
#include "tools/bench/bench_progress.h"
#include "tools/bench/bench_report.h"
#include "tools/ctl/ctl_token_sign.h"

enum {
    AT_ONCE = 100,   /* tokens between looks at the clock */
    KEY_MAX = 65536, /* bytes of a key's file */
    NOW = 1700000000,
};

struct token_bench {
    struct buf key, token;
    enum algorithm algorithm;
    struct key_set *keys;
    struct access_policy *policy;
    struct token_cache *cache;
    uint32_t principal_bytes;
};

/* --- what is measured with --- */

static enum bench_exit read_key(const char *path, struct buf *ret)
{
    static const char own[] = "a secret of longwire-bench, of more than 32 bytes";
    FILE *in = path ? fopen(path, "re") : NULL;
    if (!path) {
        buf_append(ret, own, sizeof(own));
    } else if (in && buf_reserve(ret, KEY_MAX + 1)) {
        ret->len = fread(ret->data, 1, KEY_MAX, in);
        buf_putc(ret, '\0');
    }
    if (in)
        fclose(in);
    if (ret->len == 0 || ret->failed) {
        bench_say("--key %s: cannot be read", path ? path : "");
        return BENCH_FAILED;
    }
    ret->len--; /* a NUL stands behind it */
    return BENCH_OK;
}

/* Claims of about SIZE bytes, filled up with `info`. */
static void put_claims(struct buf *out, uint64_t size)
{
    buf_printf(out,
               "{\"sub\":\"bench\",\"jti\":\"d1a7f1c0b7a54e0e\",\"exp\":%d,\"longwire\":{"
               "\"subscribe\":[\"users/{sub}/#\",\"prices/#\"],\"publish\":[\"chat/room1\"],"
               "\"info\":\"",
               NOW + 3600);
    while (out->len + 4 < size && out->len < 1100)
        buf_putc(out, 'x');
    buf_puts(out, "\"}}");
}

static bool sign(struct token_bench *b, uint64_t size)
{
    struct buf claims = {0}, signature = {0}, head = {0};
    buf_printf(&head, "{\"alg\":\"%s\",\"typ\":\"JWT\"}", algorithm_name(b->algorithm));
    put_claims(&claims, size);
    base64url_append(&b->token, head.data, head.len);
    buf_putc(&b->token, '.');
    base64url_append(&b->token, claims.data, claims.len);
    bool done = ctl_token_sign(b->key.data, b->key.len, b->algorithm, b->token.data, b->token.len,
                               &signature) == ERR_OK;
    buf_putc(&b->token, '.');
    base64url_append(&b->token, signature.data, signature.len);
    buf_finish(&head);
    buf_finish(&claims);
    buf_finish(&signature);
    return done && !b->token.failed;
}

static bool make_keys(struct token_bench *b)
{
    struct key *k;
    struct buf why = {0};
    b->keys = key_set_create();
    bool done = b->keys && key_from_text("k", b->key.data, b->key.len, &k, &why) == ERR_OK &&
                key_set_add(b->keys, k) == ERR_OK;
    struct access_options o = {.keys = b->keys};
    b->policy = done ? access_policy_create(&o) : NULL;
    b->cache = token_cache_create();
    buf_finish(&why);
    return b->policy && b->cache && token_init() == ERR_OK;
}

/* --- measuring --- */

/* A token that is new to the worker. */
static bool verify_one(struct token_bench *b)
{
    static const struct claims_rules rules;
    struct principal *p;
    struct token_why why;
    if (token_verify(b->keys, &rules, b->token.data, b->token.len, NOW, &p, &why) != ERR_OK)
        return false;
    b->principal_bytes = p->bytes;
    token_cache_keep(b->cache, b->policy, p);
    principal_unref(p);
    return true;
}

/* One that it knows. */
static bool find_one(struct token_bench *b)
{
    unsigned char hash[PRINCIPAL_HASH_SIZE];
    struct principal *p;
    struct token_why why;
    token_hash(b->token.data, b->token.len, hash);
    return token_cache_find(b->cache, b->policy, hash, NOW, &p, &why) == TOKEN_CACHED_GOOD;
}

/* CPU for each call of ONE, in us; negative: it failed. */
static double measure(struct token_bench *b, uint64_t seconds, bool one(struct token_bench *b))
{
    struct bench_cpu from, to;
    uint64_t count = 0, end = bench_now() + seconds * BENCH_SECOND;
    if (process_cpu(0, &from))
        return -1;
    while (bench_now() < end && !loop_interrupted())
        for (int i = 0; i < AT_ONCE; i++, count++)
            if (!one(b))
                return -1;
    if (count == 0 || process_cpu(0, &to))
        return -1;
    return (double)(to.total - from.total) / 1e3 / (double)count;
}

static enum bench_exit run(const struct bench_config *c, struct token_bench *b)
{
    struct bench_report r = {0};
    double fresh = measure(b, c->seconds, verify_one), known = measure(b, c->seconds, find_one);
    if (fresh < 0 || known < 0) {
        bench_say("the token does not count");
        return BENCH_FAILED;
    }
    report_text(&r, "mode", "mode", "token");
    report_text(&r, "algorithm", "algorithm", algorithm_name(b->algorithm));
    report_number(&r, "token_bytes", "bytes of the token", (double)b->token.len, 0, "");
    report_number(&r, "principal_bytes", "bytes that are kept of it", b->principal_bytes, 0, "");
    report_number(&r, "verify_cpu_us", "CPU for one that is new", fresh, 2, "us");
    report_number(&r, "cached_cpu_us", "CPU for one that is known", known, 3, "us");
    return report_print(&r, c->json);
}

enum bench_exit bench_token(const struct bench_config *config)
{
    struct token_bench b = {0};
    enum bench_exit status = read_key(config->key, &b.key);
    if (status == BENCH_OK) {
        b.algorithm = ctl_token_algorithm(b.key.data, b.key.len);
        bool ready = b.algorithm != ALGORITHMS && sign(&b, config->size) && make_keys(&b);
        if (!ready)
            bench_say("the key must be a secret of 32 bytes or more, or a private key (PEM)");
        status = ready ? run(config, &b) : BENCH_FAILED;
    }
    token_cache_destroy(b.cache);
    access_policy_unref(b.policy);
    key_set_unref(b.keys);
    buf_finish(&b.key);
    buf_finish(&b.token);
    return status;
}
