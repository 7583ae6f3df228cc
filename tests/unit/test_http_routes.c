/* Which row of a table answers at a path, and what its path says behind it. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "http/http_routes.h"

static const struct http_route rows[] = {
    {HTTP_PATH("/a/"), .methods = HTTP_POST, .takes_rest = true},
    {HTTP_PATH("/a/"), .methods = HTTP_GET | HTTP_HEAD, .takes_rest = true},
    {HTTP_PATH("/a"), .methods = HTTP_GET},
};
static const struct http_routes table = {rows, sizeof(rows) / sizeof(rows[0])};

static const struct http_route *find(const char *target, unsigned method)
{
    struct url u;
    url_split(target, strlen(target), &u);
    return http_routes_find(&table, &u, method);
}

START_TEST(a_row_answers_for_its_methods)
{
    ck_assert_ptr_eq(find("/a/b", HTTP_POST), &rows[0]);
    ck_assert_ptr_eq(find("/a/b", HTTP_HEAD), &rows[1]);
    ck_assert_ptr_eq(find("/a?q", HTTP_GET), &rows[2]);
}
END_TEST

START_TEST(another_path_has_none)
{
    ck_assert_ptr_null(find("/a/", HTTP_GET)); /* nothing behind it */
    ck_assert_ptr_null(find("/ab", HTTP_GET));
    ck_assert_ptr_null(find("/", HTTP_GET));
}
END_TEST

START_TEST(a_path_takes_the_methods_of_all_its_rows)
{
    const struct http_route *r = find("/a/b", HTTP_OTHER);
    ck_assert_ptr_nonnull(r);
    ck_assert_str_eq(r->path, "/a/");
    ck_assert_uint_eq(http_routes_methods(&table, &rows[0]), HTTP_POST | HTTP_GET | HTTP_HEAD);
    ck_assert_uint_eq(http_routes_methods(&table, &rows[2]), HTTP_GET);
}
END_TEST

/* The rest of TARGET behind "/a/". */
static enum err rest(const char *target, char **ret, size_t *ret_len, bool *ret_borrowed)
{
    struct url u;
    url_split(target, strlen(target), &u);
    return http_route_rest(&rows[0], &u, ret, ret_len, ret_borrowed);
}

START_TEST(what_stands_behind_it_is_decoded)
{
    static const char plain[] = "/a/b/c";
    char *text;
    size_t n;
    bool borrowed;
    ck_assert_int_eq(rest(plain, &text, &n, &borrowed), ERR_OK);
    ck_assert(borrowed);
    ck_assert_ptr_eq(text, plain + 3);
    ck_assert_uint_eq(n, 3);
    ck_assert_int_eq(rest("/a/b%2fc?q", &text, &n, &borrowed), ERR_OK);
    ck_assert(!borrowed);
    ck_assert_str_eq(text, "b/c");
    ck_assert_uint_eq(n, 3);
    free(text);
    ck_assert_int_eq(rest("/a/b%2", &text, &n, &borrowed), ERR_INVALID);
    ck_assert(!borrowed);
    free(text);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("http_routes");
    TCase *t = tcase_create("all");
    tcase_add_test(t, a_row_answers_for_its_methods);
    tcase_add_test(t, another_path_has_none);
    tcase_add_test(t, a_path_takes_the_methods_of_all_its_rows);
    tcase_add_test(t, what_stands_behind_it_is_decoded);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
