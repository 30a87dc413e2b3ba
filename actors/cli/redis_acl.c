/*  redis_acl -- the users of a Redis that is shared over the network: a file for its `aclfile`.
 *
 *      redis-acl -c FILE [--secrets FOLDER]    one line for each role, on stdout
 *
 *  Passwords are made here, kept in FOLDER and nowhere printed; who has one keeps it, so that the
 *  file may be printed again after the configuration or the program has changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/cli/cli.h"
#include "broker/runtime/life.h"
#include "broker/site.h"
#include "proto/digest.h"
#include "proto/owned.h"

enum {
    PASSWORD_BYTES = 32, // of chance; twice as many hex digits
    PASSWORD_SIZE = 2 * PASSWORD_BYTES,
    USER_SIZE_MAX = 128,
};

typedef struct {
    char text[PASSWORD_SIZE + 1];
} password_t;

static void s_forget(password_t *password)
{
    explicit_bzero(password, sizeof *password);
}

static void s_print_hex(const uint8_t *bytes, size_t count, char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * count] = '\0';
}

// ---- passwords in files ---------------------------------------------------------------------

static void s_close(int *file)
{
    if (*file >= 0)
        close(*file);
}

// A password of ours is in the file, and for its owner alone (a group that only reads it is the
// operator's choice). Another one is not made ours.
static bool s_read(int file, const char *path, password_t *password, fault_t *fault)
{
    struct stat state;
    char extra[2];
    if (fstat(file, &state) != 0)
        return fault_set(fault, "%.300s: %s", path, strerror(errno));
    if (state.st_mode & (S_IRWXO | S_IWGRP))
        return fault_set(fault, "%.300s: others can read or change it; chmod 600", path);
    bool whole = read(file, password->text, PASSWORD_SIZE) == PASSWORD_SIZE;
    ssize_t behind = whole ? read(file, extra, sizeof extra) : -1;
    password->text[PASSWORD_SIZE] = '\0';
    bool ours = strspn(password->text, "0123456789abcdef") == PASSWORD_SIZE &&
                (behind == 0 || (behind == 1 && extra[0] == '\n'));
    return ours || fault_set(fault,
                             "%.300s: is no password of `redis-acl` (%d hex digits): remove it, "
                             "and a new one is made",
                             path, PASSWORD_SIZE);
}

static bool s_make(const char *path, password_t *password, fault_t *fault)
{
    uint8_t chance[PASSWORD_BYTES];
    owned(s_close) int file =
        open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0)
        return fault_set(fault, "%.300s: %s", path, strerror(errno));
    bool good = getrandom(chance, sizeof chance, 0) == sizeof chance;
    s_print_hex(chance, sizeof chance, password->text);
    explicit_bzero(chance, sizeof chance);
    good = good && write(file, password->text, PASSWORD_SIZE) == PASSWORD_SIZE &&
           write(file, "\n", 1) == 1 && fsync(file) == 0;
    if (!good) {
        fault_set(fault, "%.300s: %s", path, strerror(errno));
        unlink(path);
    }
    return good;
}

// That of FOLDER/<role>.password, which is made if it is not there.
static bool s_password(const char *folder, redis_user_t user, password_t *password, fault_t *fault)
{
    char path[SITE_PATH_MAX];
    int size = snprintf(path, sizeof path, "%s/%s.password", folder, redis_user_role(user));
    if (size < 0 || (size_t) size >= sizeof path)
        return fault_set(fault, "%.300s: the path is too long", folder);
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return fault_set(fault, "%.300s: %s", folder, strerror(errno));
    owned(s_close) int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0 && errno == ENOENT)
        return s_make(path, password, fault);
    if (file < 0)
        return fault_set(fault, "%.300s: %s", path, strerror(errno));
    return s_read(file, path, password, fault);
}

// " on #<SHA-256>"
static void s_put_password(const password_t *password, buffer_t *out)
{
    digest_t digest;
    uint8_t hash[DIGEST_BYTES];
    char text[2 * DIGEST_BYTES + 1];
    digest_begin(&digest);
    digest_add(&digest, slice_of(password->text, PASSWORD_SIZE));
    digest_end(&digest, hash);
    s_print_hex(hash, sizeof hash, text);
    buffer_printf(out, " on #%s", text);
}

// ---- lines ----------------------------------------------------------------------------------

// The user in redis://user@host; the configuration has been checked: {role} is in it.
static bool s_user_name(const char *url, redis_user_t user, char name[USER_SIZE_MAX])
{
    char pattern[USER_SIZE_MAX];
    const char *start = strstr(url, "://");
    size_t size = start ? strcspn(start + 3, "@") : sizeof pattern;
    if (size >= sizeof pattern)
        return false;
    memcpy(pattern, start + 3, size);
    pattern[size] = '\0';
    return redis_user_expand(user, pattern, name, USER_SIZE_MAX) &&
           strcspn(name, " \t\r\n\"'\\") == strlen(name);
}

static int s_database(const char *url)
{
    const char *slash = strncmp(url, "redis://", 8) == 0 ? strchr(url + 8, '/') : NULL;
    return slash ? (int) strtol(slash + 1, NULL, 10) : 0; // checked: digits, or nothing
}

static bool s_put_user(const settings_t *settings, const char *folder, redis_user_t user,
                       keys_t *keys, buffer_t *out, fault_t *fault)
{
    char name[USER_SIZE_MAX];
    owned(s_forget) password_t password = { .text = "" };
    const redis_setup_t setup = { .database = s_database(settings->redis),
                                  .copies = settings->stage_keep_us > 0 };
    if (!s_user_name(settings->redis, user, name))
        return fault_set(fault, "redis: the user is too long, or has blanks or quotes in it");
    if (folder && !s_password(folder, user, &password, fault))
        return false;
    buffer_printf(out, "user %s", name);
    if (folder)
        s_put_password(&password, out);
    else
        buffer_text(out, " off");
    redis_user_rules(user, keys, &setup, out);
    buffer_text(out, "\n");
    return !out->failed || fault_set(fault, "out of memory");
}

static bool s_print(const settings_t *settings, const char *folder, fault_t *fault)
{
    keys_t keys;
    owned(buffer_destroy) buffer_t out = { 0 };
    bool good = keys_init(&keys, settings->namespace);
    buffer_text(&out, "user default off resetpass resetkeys resetchannels -@all\n");
    for (int user = 0; user < REDIS_USERS && good; user++)
        good = s_put_user(settings, folder, (redis_user_t) user, &keys, &out, fault);
    keys_clear(&keys);
    if (good)
        fputs(buffer_string(&out), stdout);
    return good;
}

static void s_say_more(const char *folder)
{
    if (!folder)
        fputs("tidewire redis-acl: without --secrets FOLDER nobody has a password: all users are "
              "off\n",
              stderr);
    fputs("tidewire redis-acl: redis.conf of that Redis needs `aclfile` with these lines (and one "
          "of your own for who looks after it) and `notify-keyspace-events Kghx`; then "
          "`tidewire redis-functions -c FILE`. See docs/security.md\n",
          stderr);
}

int cli_redis_acl(int argc, char **argv)
{
    static const struct option known[] = {
        { "config", required_argument, NULL, 'c' },
        { "secrets", required_argument, NULL, 's' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    const char *config = NULL, *folder = NULL;
    optind = 1;
    for (int word; (word = getopt_long(argc, argv, "c:h", known, NULL)) != -1;) {
        switch (word) {
        case 'c':
            config = optarg;
            break;
        case 's':
            folder = optarg;
            break;
        case 'h':
            puts(
                "usage: tidewire redis-acl -c FILE [--secrets FOLDER]\n\n"
                "Prints the users of the Redis of FILE, a line each for its `aclfile`: one for\n"
                "each role, with the keys and commands that it needs and no more. FILE says\n"
                "`redis: redis://tw-{role}@host:port`. Passwords are made in FOLDER, in\n"
                "<role>.password; who has one keeps it. Print again when `namespace`, `redis`\n"
                "or `stage_keep` changes, or the version. docs/security.md says what each may do.");
            return EXIT_OK;
        default:
            return EXIT_USAGE;
        }
    }
    if (!config || optind < argc)
        return cli_misuse("redis-acl", "give -c FILE, and nothing else than --secrets", NULL);
    owned(settings_destroy) settings_t *settings = cli_settings(config);
    if (!settings)
        return EXIT_CONFIG;
    fault_t fault = { 0 };
    if (!strstr(settings->redis, REDIS_ROLE_MARK)) {
        fprintf(stderr,
                "tidewire redis-acl: redis: '%s' is not a Redis with a user for each role: write "
                "redis://tw-{role}@host:port, and redis_password_file: FOLDER/{role}.password\n",
                settings->redis);
        return EXIT_CONFIG;
    }
    if (!s_print(settings, folder, &fault)) {
        fprintf(stderr, "tidewire redis-acl: %s\n", fault.text);
        return EXIT_FAILED;
    }
    s_say_more(folder);
    return EXIT_OK;
}
