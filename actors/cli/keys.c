/*  keys -- CURVE keys of an installation: make, list, rotate, revoke, and pass on.
 *
 *      keys init --roles LIST      pairs for what `up --roles LIST` starts on this host
 *      keys add NAME --role ROLE   keys list   keys rotate NAME   keys revoke NAME [--old]
 *      keys export [NAME]          keys import [FILE] [--replace]
 */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "actors/cli/cli.h"
#include "actors/cli/roles.h"
#include "actors/cli/table.h"
#include "broker/runtime/life.h"
#include "broker/trust/key_folder.h"
#include "proto/owned.h"

typedef struct {
    const char *folder, *role, *roles;
    bool old, replace;
    FILE *file;              // of `import`, or NULL
    const char *word, *name; // name: the word after it, or NULL
} keys_word_t;

static int s_fail(const fault_t *fault)
{
    fprintf(stderr, "tidewire keys: %s\n", fault->text);
    return EXIT_FAILED;
}

static int s_add(const keys_word_t *self)
{
    fault_t fault = { 0 };
    role_t role;
    if (!self->role)
        return cli_misuse("keys",
                          "add: --role is missing (collector, prep, transform, notifier, "
                          "broker, feed, subscriber)",
                          NULL);
    if (!role_parse(self->role, &role))
        return cli_misuse("keys", "unknown role", self->role);
    if (!key_folder_add(self->folder, self->name, role, &fault))
        return s_fail(&fault);
    printf("made the key of %s '%s': its secret is %s/secret/%s" CERTIFICATE_SECRET_ENDING "\n",
           self->role, self->name, self->folder, self->name);
    if (role == ROLE_SUBSCRIBER)
        printf(
            "Give that file to '%s'. The endpoints to connect to are `alerts` of every broker in "
            "`status --json`, with what is behind the # (docs/clients/README.md)\n",
            self->name);
    if (role == ROLE_FEED)
        printf("Give that file to '%s'. The endpoints to connect to are `push`, `push_2` and so on "
               "of the collector in `status --json`, with what is behind the # "
               "(docs/clients/README.md)\n",
               self->name);
    return EXIT_OK;
}

// What `up` starts here has names; who has a key keeps it.
static int s_init_one(const keys_word_t *self, role_t role, const char *name)
{
    fault_t fault = { 0 };
    char path[4096];
    certificate_t pair;
    bool there = ring_secret_path(self->folder, name, path, sizeof path) &&
                 certificate_read(&pair, path, true, &fault);
    certificate_forget(&pair);
    if (!there && !key_folder_add(self->folder, name, role, &fault))
        return s_fail(&fault);
    printf("%-7s %s %s\n", there ? "there" : "made", role_name(role), name);
    return EXIT_OK;
}

static int s_init(const keys_word_t *self)
{
    fault_t fault = { 0 };
    int status = EXIT_OK;
    for (int r = 0; r < ROLES && status == EXIT_OK; r++) {
        int count = roles_count(self->roles, roles_order[r], &fault);
        if (count < 0)
            return cli_misuse("keys", fault.text, NULL);
        role_t role;
        if (!role_parse(roles_key(roles_order[r]), &role))
            return EXIT_FAILED;
        for (int i = 1; i <= count && status == EXIT_OK; i++) {
            char name[ROLES_NAME_MAX];
            roles_name(roles_order[r], i, name);
            status = s_init_one(self, role, name);
        }
    }
    // Who looks from this host: `tail`.
    return status == EXIT_OK ? s_init_one(self, ROLE_SUBSCRIBER, KEYS_OPERATOR) : status;
}

static int s_list(const keys_word_t *self)
{
    fault_t fault = { 0 };
    owned(ring_destroy) ring_t *ring = ring_load(self->folder, &fault);
    if (!ring)
        return s_fail(&fault);
    owned(table_destroy) table_t table = { .columns = 4 };
    owned(buffer_destroy) buffer_t out = { 0 };
    static const char *const titles[] = { "NAME", "ROLE", "SECRET", "PUBLIC KEY" };
    for (int i = 0; i < 4; i++)
        table_cell(&table, titles[i]);
    for (size_t i = 0; i < ring_count(ring); i++) {
        const certificate_t *key = ring_at(ring, i);
        certificate_t pair = { 0 };
        char path[4096], text[41];
        bool here = ring_secret_path(self->folder, key->name, path, sizeof path) &&
                    certificate_read(&pair, path, true, &fault) &&
                    memcmp(pair.public_key, key->public_key, sizeof pair.public_key) == 0;
        certificate_forget(&pair);
        table_cell(&table, key->name);
        table_cell(&table, role_name(key->role));
        table_cell(&table, here ? "here" : "elsewhere");
        table_cell(&table, zmq_z85_encode(text, key->public_key, CERTIFICATE_KEY_BYTES));
    }
    table_print(&table, &out);
    fputs(buffer_string(&out), stdout);
    return EXIT_OK;
}

static int s_rotate(const keys_word_t *self)
{
    fault_t fault = { 0 };
    if (!key_folder_rotate(self->folder, self->name, &fault))
        return s_fail(&fault);
    printf("'%s' has a new key. Pass it on (`keys export %s`, `keys import` on every other host), "
           "start the actor again, then `keys revoke %s --old` everywhere\n",
           self->name, self->name, self->name);
    return EXIT_OK;
}

static int s_revoke(const keys_word_t *self)
{
    fault_t fault = { 0 };
    if (!key_folder_revoke(self->folder, self->name, self->old, &fault))
        return s_fail(&fault);
    printf("the %skey of '%s' is revoked on this host: connections end within two seconds. Do the "
           "same on every host\n",
           self->old ? "old " : "", self->name);
    return EXIT_OK;
}

static int s_export(const keys_word_t *self)
{
    fault_t fault = { 0 };
    owned(buffer_destroy) buffer_t out = { 0 };
    if (!key_folder_export(self->folder, self->name, &out, &fault))
        return s_fail(&fault);
    fputs(buffer_string(&out), stdout);
    return EXIT_OK;
}

static int s_import(const keys_word_t *self)
{
    FILE *file = self->file ? self->file : stdin;
    char line[256];
    int status = EXIT_OK, fresh_count = 0, count = 0;
    while (status == EXIT_OK && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\r\n")] = '\0';
        if (line[0] == '\0' || line[0] == '#')
            continue;
        fault_t fault = { 0 };
        bool fresh;
        if (!key_folder_import(self->folder, line, self->replace, &fresh, &fault))
            status = s_fail(&fault);
        count++;
        fresh_count += fresh;
    }
    if (status == EXIT_OK)
        printf("%d keys read, %d of them new\n", count, fresh_count);
    return status;
}

static const struct {
    const char *word;
    int (*run)(const keys_word_t *self);
    bool wants_name;
} words[] = {
    { "init", s_init, false },     { "add", s_add, true },       { "list", s_list, false },
    { "rotate", s_rotate, true },  { "revoke", s_revoke, true }, { "export", s_export, false },
    { "import", s_import, false },
};

static const struct option known[] = {
    { "keys", required_argument, NULL, 'k' },
    { "role", required_argument, NULL, 'r' },
    { "roles", required_argument, NULL, 'R' },
    { "old", no_argument, NULL, 'o' },
    { "replace", no_argument, NULL, 'p' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

static int s_run(const keys_word_t *self, int extra)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(words[i].word, self->word) != 0)
            continue;
        if (words[i].wants_name && !self->name)
            return cli_misuse("keys", "a name is missing after", self->word);
        if (extra > 0)
            return cli_misuse("keys", "too many words", NULL);
        return words[i].run(self);
    }
    return cli_misuse("keys", "unknown word", self->word);
}

// Root acts as the owner of the folder: so actors can read what is made, and whoever can change the
// folder cannot lead root elsewhere. Others are told how to go on.
static bool s_become_owner(const char *folder, fault_t *fault)
{
    struct stat state;
    uid_t me = geteuid();
    if (stat(folder, &state) != 0 || state.st_uid == me || state.st_uid == 0)
        return true; // what is not there is made by the word, or refused
    const struct passwd *owner = getpwuid(state.st_uid);
    if (me != 0)
        return fault_set(fault,
                         "%.300s belongs to user %s: `runuser -u %s -- tidewire keys ...`, or as "
                         "root",
                         folder, owner ? owner->pw_name : "?", owner ? owner->pw_name : "USER");
    gid_t group = owner ? owner->pw_gid : state.st_gid;
    return (setgroups(1, &group) == 0 && setresgid(group, group, group) == 0 &&
            setresuid(state.st_uid, state.st_uid, state.st_uid) == 0) ||
           fault_set(fault, "cannot act as the owner of %.300s: %s", folder, strerror(errno));
}

// Files that are named are read as whoever called us.
static int s_run_as_owner(keys_word_t *self, int extra)
{
    fault_t fault = { 0 };
    if (strcmp(self->word, "import") == 0 && self->name && !(self->file = fopen(self->name, "re")))
        fault_set(&fault, "%.300s: %s", self->name, strerror(errno));
    int status = fault.text[0] || !s_become_owner(self->folder, &fault) ? s_fail(&fault)
                                                                        : s_run(self, extra);
    if (self->file)
        fclose(self->file);
    return status;
}

int cli_keys(int argc, char **argv)
{
    keys_word_t self = { .folder = CLI_DIR "/keys" };
    optind = 1;
    for (int word; (word = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
        switch (word) {
        case 'k':
            self.folder = optarg;
            break;
        case 'r':
            self.role = optarg;
            break;
        case 'R':
            self.roles = optarg;
            break;
        case 'o':
            self.old = true;
            break;
        case 'p':
            self.replace = true;
            break;
        case 'h':
            puts(
                "usage: tidewire keys WORD [NAME] [--keys FOLDER]\n\n"
                "  init [--roles LIST]    pairs for what `up --roles LIST` starts on this host,\n"
                "                         and for `tail`; what is there stays\n"
                "  add NAME --role ROLE   one pair: collector, prep, transform, notifier, broker,\n"
                "                         feed (pushes rows), subscriber (hears alerts)\n"
                "  list                   who is known, and whose secret is here\n"
                "  export [NAME]          public keys, a line each, for other hosts\n"
                "  import [FILE]          know the keys of such lines (default: stdin); a name\n"
                "                         that has another key here must have been rotated, or\n"
                "                         --replace says that it is the right one\n"
                "  rotate NAME            a new pair; the old key is known until it is revoked\n"
                "  revoke NAME [--old]    forget the key (or the old one alone): who uses it is\n"
                "                         cut off within two seconds\n\n"
                "FOLDER (default .tidewire/keys) is what `keys` of the configuration names. "
                "Actors\n"
                "that run see every change by themselves. Root acts as the owner of FOLDER.");
            return EXIT_OK;
        default:
            return EXIT_USAGE;
        }
    }
    if (optind == argc)
        return cli_misuse("keys", "a word is missing (init, add, list, ...)", NULL);
    self.word = argv[optind];
    self.name = optind + 1 < argc ? argv[optind + 1] : NULL;
    return s_run_as_owner(&self, argc - optind - 2);
}
