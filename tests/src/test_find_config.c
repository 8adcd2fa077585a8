/* test_find_config.c - the configs that there are, with what their first lines say. */
#include <unistd.h>

#include "src/find_config.h"
#include "tests/run/run_test.h"

static const struct config_item *find(const struct config_item *list, int n, const char *name) {
    for (int i = 0; i < n; i++)
        if (strcmp(list[i].name, name) == 0) return &list[i];
    return NULL;
}

static void test_list(void **state) {
    static const struct {
        const char *name, *text, *about;
    } configs[] = {
        {"zoo", "# zoo: animals.\nname: zoo\n", "animals."},
        {"plain", "#no name here\r\nname: x\n", "no name here"},
        {"zoom", "# zoo: of another\n", "zoo: of another"},
        {"bare", "name: bare\n# later\n", ""},
        {"empty", "", ""},
        {"medical", "# medical: ours\n", "ours"}, /* in front of the one that is built in */
    };
    struct config_item *list;
    char here[PATH_MAX], path[PATH_MAX], file[64];
    int n;
    struct err err = {0};
    assert_ok(files_make_dirs(in_folder(state, "configs/folder.yaml"), 0700, &err), err);
    for (size_t i = 0; i < COUNT(configs); i++) {
        snprintf(file, sizeof file, "configs/%s.yaml", configs[i].name);
        append_text(in_folder(state, file), configs[i].text);
    }
    append_text(in_folder(state, "configs/notes.txt"), "# no config");
    append_text(in_folder(state, "configs/.yaml"), "# no name");
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(in_folder(state, "")), 0);
    assert_ok(config_list(&list, &n, &err), err);
    for (size_t i = 0; i < COUNT(configs); i++) {
        const struct config_item *item = find(list, n, configs[i].name);
        assert_non_null(item);
        assert_string_equal(item->about, configs[i].about);
        assert_ok(config_find(configs[i].name, path, &err), err);
        assert_string_equal(item->path, path); /* as `thaw run NAME` finds it */
    }
    assert_int_equal(chdir(here), 0);
    for (int i = 1; i < n; i++) assert_true(strcmp(list[i - 1].name, list[i].name) < 0);
    assert_null(find(list, n, "folder"));
    assert_null(find(list, n, "notes"));
    assert_null(find(list, n, ""));
    free(list);
}

/* Elsewhere the configs are those that thaw was built with. */
static void test_built_in(void **state) {
    struct config_item *list;
    char here[PATH_MAX];
    int n;
    struct err err = {0};
    assert_non_null(getcwd(here, sizeof here));
    assert_ok(files_make_dirs(in_folder(state, "elsewhere"), 0700, &err), err);
    assert_int_equal(chdir(in_folder(state, "elsewhere")), 0);
    assert_ok(config_list(&list, &n, &err), err);
    assert_int_equal(chdir(here), 0);
    const struct config_item *item = find(list, n, "medical");
    assert_non_null(item);
    assert_string_equal(item->path, THAW_SOURCE_DIR "/configs/medical.yaml");
    if (strncmp(item->about, "learn English", 13) != 0) fail_msg("%s", item->about);
    free(list);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_list),
                                       cmocka_unit_test(test_built_in)};
    return cmocka_run_group_tests_name("find_config", tests, folder_setup, folder_teardown);
}
