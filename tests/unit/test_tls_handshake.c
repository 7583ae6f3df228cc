/*
 * Handshakes without sockets: a client of mbedTLS, the handshake of a server, and the link that
 * comes of it; what goes between them is cut at every byte.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

#include "http/h1/h1_silent.h"
#include "net/readiness.h"
#include "net/tls/tls_context.h"
#include "net/tls/tls_handshake.h"
#include "tests/unit/desk.h"
#include "tests/unit/roaming_link.h"
#include "tests/unit/tls_guest.h"

static char folder[] = "/tmp/test-tls-XXXXXX";

/* --- files --- */

static const char *path_of(const char *name)
{
    static char paths[8][128];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const void *text)
{
    FILE *f = fopen(path_of(name), "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs(text, f), 0);
    ck_assert_int_eq(fclose(f), 0);
}

static void make_files(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    tls_guest_sign(path_of("hub"), "CN=hub");
    tls_guest_sign(path_of("other"), "CN=other");
    tls_guest_sign(path_of("client"), "CN=alice,O=Example");
}

static void remove_files(void)
{
    static const char *const names[] = {"hub", "other", "client"};
    char file[64];
    for (int i = 0; i < 3; i++) {
        snprintf(file, sizeof(file), "%s.key", names[i]);
        unlink(path_of(file));
        snprintf(file, sizeof(file), "%s.pem", names[i]);
        unlink(path_of(file));
    }
    rmdir(folder);
}

/* --- the hub's end --- */

static struct tls_context *context_with(bool compact, bool client_ca)
{
    struct tls_host hosts[] = {
        {NULL, path_of("hub.pem"), path_of("hub.key")},
        {"other.example", path_of("other.pem"), path_of("other.key")},
    };
    char ca[128];
    snprintf(ca, sizeof(ca), "%s", path_of("client.pem"));
    struct tls_options o = {
        .hosts = hosts,
        .host_count = 2,
        .versions = TLS_SPEAKS_1_2 | TLS_SPEAKS_1_3,
        .client_ca = client_ca ? ca : NULL,
        .tickets = true,
        .compact = compact,
    };
    struct tls_context *c;
    struct tls_fault fault = {0};
    enum err e = tls_context_create(&o, NULL, &c, &fault);
    ck_assert_msg(e == ERR_OK, "%.*s", (int)fault.text.len, fault.text.data);
    return c;
}

/* What is spoken inside of TLS, by a worker of its own. */
static struct desk desk;
static struct roaming wire;
static struct conn *conn;

enum { LOOKS_MAX = 10000 };

/* Until nothing moves any more. */
static void settle(void)
{
    for (int looks = 0; conn_state(conn) != CONN_CLOSED && roaming_has_news(&wire); looks++) {
        ck_assert_int_lt(looks, LOOKS_MAX);
        unsigned what = roaming_look(&wire);
        if (what)
            desk_serve(&desk, conn, what);
    }
}

/* --- both --- */

/* How the client's bytes are cut: into pieces, or in two at one place, counted over all. */
struct cutting {
    size_t piece, at;
};

static size_t next_piece(const struct cutting *cut, size_t done, size_t left)
{
    size_t n = cut->piece ? cut->piece : left;
    if (cut->at > done && cut->at - done < n)
        n = cut->at - done;
    return n < left ? n : left;
}

static enum tls_outcome give_hub(struct tls_handshake *h, struct tls_guest *c,
                                 const struct cutting *cut, size_t *done)
{
    enum tls_outcome outcome = TLS_GOES_ON;
    while (c->out.len && outcome == TLS_GOES_ON) {
        size_t n = next_piece(cut, *done, c->out.len);
        ck_assert_int_eq(tls_handshake_feed(h, c->out.data, n), ERR_OK);
        buf_consume(&c->out, n);
        *done += n;
        outcome = tls_handshake_step(h);
    }
    struct buf *out = tls_handshake_output(h);
    buf_append(&c->in, out->data, out->len);
    buf_clear(out);
    return outcome;
}

/* Returns how many bytes the client has sent. What the client says when its handshake is over goes
 * along with its last flight, if it is the last to say something. */
static size_t shake_hands(struct tls_handshake *h, struct tls_guest *c, const struct cutting *cut)
{
    size_t done = 0;
    enum tls_outcome outcome = TLS_GOES_ON;
    bool over = false;
    for (int i = 0; i < 20 && (outcome == TLS_GOES_ON || !over); i++) {
        over = over || tls_guest_step(c);
        if (outcome == TLS_GOES_ON)
            outcome = give_hub(h, c, cut, &done);
    }
    ck_assert_int_eq(outcome, TLS_DONE);
    ck_assert(over);
    return done;
}

#define REQUEST "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"

/* H's handshake is done: a connection goes on with what came of it. */
static void take_over(struct tls_handshake *h)
{
    struct link l;
    desk_open(&desk);
    roaming_init(&wire, ROAMING_WHOLE, &desk.worker->loop);
    ck_assert_int_eq(tls_handshake_link(h, roaming_link(&wire), &l), ERR_OK);
    tls_handshake_destroy(h);
    conn = desk_connect(&desk, l, false, &h1_silent_protocol);
    desk_serve(&desk, conn, READY_READ); /* what came behind the handshake */
}

static void client_says(struct tls_guest *c, const char *text)
{
    int n = (int)strlen(text);
    ck_assert_int_eq(mbedtls_ssl_write(&c->ssl, (const unsigned char *)text, strlen(text)), n);
}

static void carry(struct tls_guest *c)
{
    roaming_say(&wire, c->out.data, c->out.len);
    buf_clear(&c->out);
    settle();
    buf_append(&c->in, wire.out.data, wire.out.len);
    wire.out.len = 0;
}

static void expect_answer(struct tls_guest *c)
{
    unsigned char data[4096];
    int n = mbedtls_ssl_read(&c->ssl, data, sizeof(data));
    ck_assert_int_gt(n, 20);
    ck_assert_mem_eq(data, "HTTP/1.1 200 OK\r\n", 17);
}

/* Both ways, then each side's end. */
static void talk(struct tls_guest *c)
{
    unsigned char data[100];
    client_says(c, REQUEST);
    carry(c);
    expect_answer(c);
    ck_assert_int_eq(mbedtls_ssl_close_notify(&c->ssl), 0);
    carry(c);
    ck_assert_int_eq(conn_state(conn), CONN_CLOSED);
    buf_append(&c->in, wire.out.data, wire.out.len);
    ck_assert_int_eq(mbedtls_ssl_read(&c->ssl, data, sizeof(data)),
                     MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY);
    desk_disconnect(&desk, conn);
    ck_assert(wire.closed);
    roaming_finish(&wire);
    desk_close(&desk);
}

static void connect_once(struct tls_context *context, const char *name, struct tls_guest *c,
                         const struct cutting *cut)
{
    struct tls_handshake *h = tls_handshake_create(tls_context_ref(context), name);
    ck_assert_ptr_nonnull(h);
    shake_hands(h, c, cut);
    take_over(h);
    talk(c);
}

static size_t bytes_of_client(struct tls_context *context)
{
    struct tls_guest c;
    struct cutting whole = {0, 0};
    struct tls_handshake *h = tls_handshake_create(tls_context_ref(context), "");
    tls_guest_init(&c, "hub");
    size_t n = shake_hands(h, &c, &whole);
    tls_handshake_destroy(h);
    tls_guest_finish(&c);
    return n;
}

/* Loop: records of mbedTLS, or ours. */
START_TEST(records_are_whose_they_are_to_be)
{
    struct tls_context *context = context_with(_i, false);
    struct tls_handshake *h = tls_handshake_create(tls_context_ref(context), "");
    struct tls_guest c;
    struct cutting whole = {0, 0};
    tls_guest_init(&c, "hub");
    shake_hands(h, &c, &whole);
    ck_assert_int_eq(tls_handshake_is_compact(h), _i);
    tls_handshake_destroy(h);
    tls_guest_finish(&c);
    tls_context_unref(context);
}
END_TEST

/* mbedTLS cuts them. */
START_TEST(short_records_are_those_of_mbedtls)
{
    struct tls_context *context = context_with(true, false);
    struct tls_handshake *h = tls_handshake_create(tls_context_ref(context), "");
    struct tls_guest c;
    struct cutting whole = {0, 0};
    tls_guest_init(&c, "hub");
    ck_assert_int_eq(mbedtls_ssl_conf_max_frag_len(&c.conf, MBEDTLS_SSL_MAX_FRAG_LEN_4096), 0);
    tls_guest_speak_12(&c);
    shake_hands(h, &c, &whole);
    ck_assert(!tls_handshake_is_compact(h));
    tls_handshake_destroy(h);
    tls_guest_finish(&c);
    tls_context_unref(context);
}
END_TEST

START_TEST(it_is_done_in_pieces_of_any_size)
{
    static const size_t sizes[] = {0, 1, 2, 3, 100};
    struct tls_context *context = context_with(_i, false);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct tls_guest c;
        struct cutting cut = {sizes[i], 0};
        tls_guest_init(&c, "hub");
        connect_once(context, "hub", &c, &cut);
        tls_guest_finish(&c);
    }
    tls_context_unref(context);
}
END_TEST

START_TEST(it_is_done_cut_in_two_at_each_byte)
{
    struct tls_context *context = context_with(_i, false);
    size_t n = bytes_of_client(context);
    for (size_t at = 1; at < n; at += 5) {
        struct tls_guest c;
        struct cutting cut = {0, at};
        tls_guest_init(&c, "hub");
        connect_once(context, "hub", &c, &cut);
        tls_guest_finish(&c);
    }
    tls_context_unref(context);
}
END_TEST

/* Whoever resumes under 1.2, and everybody under 1.3, says more with the last flight. */
START_TEST(what_comes_with_the_last_flight_is_the_first_that_is_read)
{
    struct tls_context *context = context_with(_i, false);
    struct cutting whole = {0, 0};
    mbedtls_ssl_session session;
    mbedtls_ssl_session_init(&session);
    for (int i = 0; i < 2; i++) {
        struct tls_handshake *h = tls_handshake_create(tls_context_ref(context), "hub");
        struct tls_guest c;
        size_t done = 0;
        tls_guest_init(&c, "hub");
        if (i > 0)
            ck_assert_int_eq(mbedtls_ssl_set_session(&c.ssl, &session), 0);
        while (!tls_guest_step(&c))
            ck_assert_int_ne(give_hub(h, &c, &whole, &done), TLS_FAILED);
        if (i == 0)
            ck_assert_int_eq(mbedtls_ssl_get_session(&c.ssl, &session), 0);
        bool more = c.out.len > 0;
        if (more) {
            client_says(&c, REQUEST);
            ck_assert_int_eq(give_hub(h, &c, &whole, &done), TLS_DONE);
        }
        ck_assert(more || i == 0);
        take_over(h);
        if (more) {
            carry(&c);
            expect_answer(&c);
        }
        talk(&c);
        tls_guest_finish(&c);
    }
    mbedtls_ssl_session_free(&session);
    tls_context_unref(context);
}
END_TEST

static const char *subject_shown(struct tls_guest *c)
{
    static char subject[128];
    const mbedtls_x509_crt *peer = mbedtls_ssl_get_peer_cert(&c->ssl);
    ck_assert_ptr_nonnull(peer);
    ck_assert_int_gt(mbedtls_x509_dn_gets(subject, sizeof(subject), &peer->subject), 0);
    return subject;
}

START_TEST(each_name_gets_its_certificate)
{
    struct tls_context *context = context_with(true, false);
    static const char *const names[][2] = {
        {"other.example", "CN=other"}, {"hub", "CN=hub"}, {"unknown.example", "CN=hub"}};
    for (int i = 0; i < 3; i++) {
        struct tls_guest c;
        struct cutting whole = {0, 0};
        struct tls_handshake *h = tls_handshake_create(tls_context_ref(context), names[i][0]);
        tls_guest_init(&c, names[i][0]);
        shake_hands(h, &c, &whole);
        ck_assert_str_eq(subject_shown(&c), names[i][1]);
        tls_handshake_destroy(h);
        tls_guest_finish(&c);
    }
    tls_context_unref(context);
}
END_TEST

START_TEST(the_client_is_named_by_its_certificate)
{
    struct tls_context *context = context_with(_i, true);
    struct tls_handshake *h = tls_handshake_create(tls_context_ref(context), "hub");
    struct tls_guest c;
    struct cutting whole = {0, 0};
    tls_guest_init(&c, "hub");
    tls_guest_show(&c, path_of("client"));
    shake_hands(h, &c, &whole);
    ck_assert_str_eq(tls_handshake_subject(h), "CN=alice, O=Example");
    tls_handshake_destroy(h);
    tls_guest_finish(&c);
    tls_context_unref(context);
}
END_TEST

START_TEST(a_session_is_resumed)
{
    struct tls_context *context = context_with(_i, false);
    mbedtls_ssl_session session;
    struct cutting whole = {0, 0};
    mbedtls_ssl_session_init(&session);
    for (int i = 0; i < 3; i++) {
        struct tls_guest c;
        struct tls_handshake *h = tls_handshake_create(tls_context_ref(context), "hub");
        tls_guest_init(&c, "hub");
        if (i > 0)
            ck_assert_int_eq(mbedtls_ssl_set_session(&c.ssl, &session), 0);
        shake_hands(h, &c, &whole);
        if (mbedtls_ssl_get_version(&c.ssl)[5] == '1' && mbedtls_ssl_get_version(&c.ssl)[7] == '2')
            ck_assert_int_eq(tls_handshake_was_resumed(h), i > 0);
        if (i == 0)
            ck_assert_int_eq(mbedtls_ssl_get_session(&c.ssl, &session), 0);
        tls_handshake_destroy(h);
        tls_guest_finish(&c);
    }
    mbedtls_ssl_session_free(&session);
    tls_context_unref(context);
}
END_TEST

/* --- failing --- */

static enum tls_outcome answer_to(const struct buf *first, size_t from, struct buf *ret_said,
                                  enum tls_failure *ret)
{
    struct tls_context *context = context_with(true, false);
    struct tls_handshake *h = tls_handshake_create(context, "");
    ck_assert_int_eq(tls_handshake_feed(h, first->data, from), ERR_OK);
    enum tls_outcome outcome = tls_handshake_step(h);
    if (outcome == TLS_GOES_ON && from < first->len) {
        buf_clear(tls_handshake_output(h));
        ck_assert_int_eq(tls_handshake_feed(h, first->data + from, first->len - from), ERR_OK);
        outcome = tls_handshake_step(h);
    }
    *ret_said = *tls_handshake_output(h);
    buf_init(tls_handshake_output(h));
    *ret = tls_handshake_failure(h);
    tls_handshake_destroy(h);
    return outcome;
}

START_TEST(a_hello_with_a_wrong_byte_is_answered_or_refused_in_words)
{
    struct tls_guest c;
    tls_guest_init(&c, "hub");
    ck_assert(!tls_guest_step(&c));
    for (size_t at = 5; at < c.out.len; at += 7) {
        struct buf said;
        enum tls_failure why;
        c.out.data[at] ^= 0x55;
        enum tls_outcome outcome = answer_to(&c.out, c.out.len, &said, &why);
        c.out.data[at] ^= 0x55;
        if (outcome == TLS_FAILED) {
            ck_assert_uint_ge(said.len, 7);
            ck_assert_int_eq(said.data[said.len - 7], 21); /* an alert */
            ck_assert_ptr_nonnull(tls_failure_text(why));
        }
        buf_finish(&said);
    }
    tls_guest_finish(&c);
}
END_TEST

START_TEST(garbage_instead_of_the_second_flight_gets_an_alert)
{
    static const char *const wrongs[] = {"\x17\x03\x03\x00\x03xyz",
                                         "\x16\x03\x03\x00\x04\x00\x00\x00",
                                         "\x14\x03\x03\x00\x01\x02", "\x63\x03\x03\x00\x01\x02"};
    static const size_t sizes[] = {8, 9, 6, 6};
    struct tls_guest c;
    struct buf said;
    enum tls_failure why;
    tls_guest_init(&c, "hub");
    ck_assert(!tls_guest_step(&c));
    size_t hello = c.out.len;
    buf_append(&c.out, wrongs[_i], sizes[_i]);
    ck_assert_int_eq(answer_to(&c.out, hello, &said, &why), TLS_FAILED);
    ck_assert_int_eq(why, TLS_FAILED_PROTOCOL);
    ck_assert_uint_ge(said.len, 7);
    buf_finish(&said);
    tls_guest_finish(&c);
}
END_TEST

/* Without a certificate; what the client hears last. */
static int refusal_of(struct tls_handshake *h, struct tls_guest *c)
{
    struct cutting whole = {0, 0};
    enum tls_outcome outcome = TLS_GOES_ON;
    size_t done = 0;
    unsigned char data[1];
    int r = MBEDTLS_ERR_SSL_WANT_READ;
    for (int i = 0; i < 20 && outcome == TLS_GOES_ON; i++) {
        r = mbedtls_ssl_handshake(&c->ssl);
        outcome = give_hub(h, c, &whole, &done);
    }
    ck_assert_int_eq(outcome, TLS_FAILED);
    return r == 0 ? mbedtls_ssl_read(&c->ssl, data, 1) : mbedtls_ssl_handshake(&c->ssl);
}

/* Under 1.3 the client's handshake is over by then; the alert is sealed with the keys of data. */
START_TEST(who_is_refused_for_its_certificate_hears_so)
{
    struct tls_context *context = context_with(true, true);
    struct tls_handshake *h = tls_handshake_create(tls_context_ref(context), "hub");
    struct tls_guest c;
    tls_guest_init(&c, "hub");
    ck_assert_int_eq(refusal_of(h, &c), MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE);
    ck_assert_int_eq(tls_handshake_failure(h), TLS_FAILED_CERTIFICATE);
    tls_handshake_destroy(h);
    tls_guest_finish(&c);
    tls_context_unref(context);
}
END_TEST

/* Loop: the newest version, or 1.2. Clients have no keys yet. */
START_TEST(an_alert_is_not_answered)
{
    struct tls_guest c;
    struct buf said;
    enum tls_failure why;
    tls_guest_init(&c, "hub");
    if (_i)
        tls_guest_speak_12(&c);
    ck_assert(!tls_guest_step(&c));
    size_t hello = c.out.len;
    buf_append(&c.out, "\x15\x03\x03\x00\x02\x02\x30", 7); /* unknown_ca */
    ck_assert_int_eq(answer_to(&c.out, hello, &said, &why), TLS_FAILED);
    ck_assert_int_eq(why, TLS_FAILED_ALERT);
    ck_assert_uint_eq(said.len, 0);
    buf_finish(&said);
    tls_guest_finish(&c);
}
END_TEST

/* --- contexts --- */

static void expect_fault(struct tls_options *o, enum tls_option option, size_t host,
                         const char *text)
{
    struct tls_context *c;
    struct tls_fault fault = {0};
    ck_assert_int_ne(tls_context_create(o, NULL, &c, &fault), ERR_OK);
    ck_assert_int_eq(fault.option, option);
    ck_assert_uint_eq(fault.host, host);
    buf_putc(&fault.text, '\0');
    ck_assert_ptr_nonnull(strstr(fault.text.data, text));
    buf_finish(&fault.text);
}

START_TEST(what_is_wrong_with_files_is_told)
{
    char pem[128], key[128], other[128];
    snprintf(pem, sizeof(pem), "%s", path_of("hub.pem"));
    snprintf(key, sizeof(key), "%s", path_of("hub.key"));
    snprintf(other, sizeof(other), "%s", path_of("other.key"));
    struct tls_host hosts[] = {{NULL, pem, key}, {"a", pem, other}};
    struct tls_options o = {.hosts = hosts, .host_count = 2, .versions = TLS_SPEAKS_1_2};
    expect_fault(&o, TLS_KEY, 1, "another key");
    hosts[1].key = key;
    hosts[1].certificate = key;
    expect_fault(&o, TLS_CERTIFICATE, 1, "has no certificate");
    hosts[0].key = "/nowhere";
    expect_fault(&o, TLS_KEY, 0, "cannot be read");
    hosts[0].key = pem;
    expect_fault(&o, TLS_KEY, 0, "has no private key");
    hosts[0].key = key;
    o.host_count = 1;
    o.client_ca = key;
    expect_fault(&o, TLS_CLIENT_CA, 0, "has no certificate");
    o.client_ca = NULL;
    o.tickets = true;
    write_file("secret", "short");
    o.ticket_key_file = path_of("secret");
    expect_fault(&o, TLS_TICKET_KEY_FILE, 0, "at least 32");
    unlink(path_of("secret"));
    o.versions = 0;
    expect_fault(&o, TLS_VERSIONS, 0, "must");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("tls_handshake");
    TCase *t = tcase_create("all");
    tcase_add_unchecked_fixture(t, make_files, remove_files);
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, records_are_whose_they_are_to_be, 0, 2);
    tcase_add_test(t, short_records_are_those_of_mbedtls);
    tcase_add_loop_test(t, it_is_done_in_pieces_of_any_size, 0, 2);
    tcase_add_loop_test(t, it_is_done_cut_in_two_at_each_byte, 0, 2);
    tcase_add_loop_test(t, what_comes_with_the_last_flight_is_the_first_that_is_read, 0, 2);
    tcase_add_test(t, each_name_gets_its_certificate);
    tcase_add_loop_test(t, the_client_is_named_by_its_certificate, 0, 2);
    tcase_add_loop_test(t, a_session_is_resumed, 0, 2);
    tcase_add_test(t, a_hello_with_a_wrong_byte_is_answered_or_refused_in_words);
    tcase_add_loop_test(t, garbage_instead_of_the_second_flight_gets_an_alert, 0, 4);
    tcase_add_test(t, who_is_refused_for_its_certificate_hears_so);
    tcase_add_loop_test(t, an_alert_is_not_answered, 0, 2);
    tcase_add_test(t, what_is_wrong_with_files_is_told);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
