/*
 * Front end of a released compiler driver.
 *
 * PREFIX/bin/TRIPLE-gcc is this program; the driver itself is PREFIX/driver/TRIPLE-gcc. The driver finds its
 * parts relative to the name that it is called by, so it is called by the absolute name PREFIX/bin/TRIPLE-gcc,
 * whatever link, directory or PATH entry led here. Before that, every variable goes that would make it look
 * into directories of the machine it runs on.
 *
 * Without the following variables every answer is the driver's own. An empty one counts as none.
 *
 *   CCWRAP_TOPDIR=DIR           another top for the compiler. Has DIR a driver of this name, in DIR/driver, then the whole
 *                               compiler is taken from DIR. Otherwise this one works with another C library: headers come
 *                               from DIR/include, those of C++ from DIR/include/c++/VERSION where there are some of this
 *                               version, and crt files and libraries are looked for in DIR/lib first; gcc's own headers and
 *                               libgcc stay.
 *   CCWRAP_DYNAMIC_LINKER=PATH  the dynamic loader that is written into programs which want one.
 *   CCWRAP_DEBUG=1              print what is executed.
 *
 * Where the driver links, and how, only it can tell (@file, -r, -static-pie, link-time optimisation ...), so that the
 * first two reach it as spec files, PREFIX/driver/NAME.specs, which read the variables (and CCWRAP_CXX,
 * CCWRAP_CXX_TARGET and CCWRAP_PREFIX, which are set here).
 *
 * Compiled with -DGCC_VERSION="VERSION". Exit code 127: the driver could not be run.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * The first five add directories of headers, libraries and programs; GCC_EXEC_PREFIX moves the whole compiler;
 * LD_RUN_PATH makes ld write directories of this machine into target programs, where -rpath is not given.
 * What only names output (DEPENDENCIES_OUTPUT, SUNPRO_DEPENDENCIES, TMPDIR) stays.
 */
static const char *const leaks[] = {
    "CPATH",         "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "OBJC_INCLUDE_PATH", "LIBRARY_PATH",
    "COMPILER_PATH", "GCC_EXEC_PREFIX", "LD_RUN_PATH",
};

static const char *called_as;

static void die(const char *what, const char *name, const char *why)
{
    fprintf(stderr, "%s: %s%s: %s\n", called_as, what, name, why);
    exit(127);
}

/* Concatenation in fresh memory. */
static char *join(const char *a, const char *b, const char *c)
{
    char *text;

    if (asprintf(&text, "%s%s%s", a, b, c) < 0) die("", called_as, "out of memory");
    return text;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* Value of a variable, or NULL when it is empty or not set. */
static const char *setting(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

/* Absolute name of this program with links resolved, or NULL. */
static char *own_file(const char *argv0)
{
    char *self = realpath("/proc/self/exe", NULL);
    const char *path, *end;

    if (self) return self;
    /* No /proc. A name with a slash says where; any other was found through PATH. */
    if (strchr(argv0, '/')) return realpath(argv0, NULL);
    for (path = getenv("PATH"); path; path = *end ? end + 1 : NULL) {
        char *directory, *candidate;

        end = strchrnul(path, ':');
        directory = strndup(path, end - path);
        if (!directory) die("", called_as, "out of memory");
        candidate = join(*directory ? directory : ".", "/", argv0);
        if (!access(candidate, X_OK)) return realpath(candidate, NULL);
        free(candidate);
        free(directory);
    }
    return NULL;
}

/*
 * File name of the driver that `name` means: that of the same name; else, since links are called armv5l-gcc, cc
 * or c++, that of the same last word (cc means gcc, c++ means g++) behind the triple of `self`. NULL if neither is there.
 */
static const char *find_driver(const char *drivers, const char *name, const char *self)
{
    static const char *const words[][2] = {
        {"gcc", "gcc"}, {"cc", "gcc"}, {"g++", "g++"}, {"c++", "g++"}, {"cpp", "cpp"},
    };
    const char *dash = strrchr(name, '-'), *word = dash ? dash + 1 : name;
    size_t i;

    if (!access(join(drivers, "/", name), X_OK)) return name;
    for (i = 0; i < sizeof(words) / sizeof(*words); i++) {
        const char *last = strrchr(self, '-');
        char *triple = last ? strndup(self, last + 1 - self) : "";
        const char *candidate;

        if (strcmp(word, words[i][0])) continue;
        if (!triple) die("", called_as, "out of memory");
        candidate = join(triple, words[i][1], "");
        if (!access(join(drivers, "/", candidate), X_OK)) return candidate;
    }
    return NULL;
}

/*
 * The directory below `headers` (of C++) that holds what differs between targets, which has the target's name; `headers`
 * itself where there is none.
 */
static const char *target_headers(const char *headers)
{
    const char *found = headers;
    struct dirent **entries;
    int i, count = scandir(headers, &entries, NULL, alphasort);

    for (i = 0; i < count && found == headers; i++) {
        const char *name = entries[i]->d_name;
        const char *directory = join(headers, "/", name);

        if (*name != '.' && !access(join(directory, "/bits/c++config.h", ""), R_OK)) found = directory;
    }
    return found;
}

static void set(const char *name, const char *value)
{
    if (setenv(name, value, 1)) die("", called_as, strerror(errno));
}

int main(int argc, char **argv)
{
    char *self, *slash, *driver, *drivers, *libraries, **arguments;
    const char *name = NULL, *own, *top = setting("CCWRAP_TOPDIR");
    size_t i;
    int n, count = 0;

    called_as = argc ? base_name(argv[0]) : "ccwrap";
    self = own_file(argc ? argv[0] : "");
    if (!self) die("cannot find out where this program is", "", "mount /proc, or call it by its whole name");

    /* self = PREFIX/bin/OWN; cut it into its three parts. */
    slash = strrchr(self, '/');
    own = slash + 1;
    *slash = 0;
    slash = strrchr(self, '/');
    if (!slash) die("", self, "not in a bin directory of a compiler");
    *slash = 0;

    /* At most five arguments of ours, behind the program's name: what the user says comes later and wins. */
    arguments = calloc(argc + 7, sizeof(*arguments));
    if (!arguments) die("", called_as, "out of memory");
    count = 1;

    drivers = join(self, "/driver", "");
    if (setting("CCWRAP_DYNAMIC_LINKER")) arguments[count++] = join("-specs=", drivers, "/dynamic-linker.specs");
    if (top) {
        char *whole = realpath(top, NULL), *others, *headers;

        if (!whole) die("CCWRAP_TOPDIR=", top, strerror(errno));
        others = join(whole, "/driver", "");
        name = find_driver(others, called_as, own);
        if (name) {
            self = whole;
            drivers = others;
        } else {
            /* The spec file reads it, wherever the driver's children work. */
            set("CCWRAP_TOPDIR", whole);
            arguments[count++] = join("-specs=", drivers, "/topdir.specs");
            headers = join(whole, "/include/c++/" GCC_VERSION, "");
            if (!access(headers, X_OK)) {
                set("CCWRAP_CXX", headers);
                set("CCWRAP_CXX_TARGET", target_headers(headers));
                arguments[count++] = join("-specs=", drivers, "/topdir-c++.specs");
            }
            arguments[count++] = join("-B", whole, "/lib/");
        }
    }
    if (!name) name = find_driver(drivers, called_as, own);
    if (!name) name = find_driver(drivers, own, own);
    if (!name) name = own;
    driver = join(drivers, "/", name);
    /* Where gcc's shared libraries lie, which are outside the sysroot: those that a shared library needs itself. */
    libraries = join(drivers, "/libraries.specs", "");
    if (!access(libraries, R_OK)) {
        set("CCWRAP_PREFIX", self);
        arguments[count++] = join("-specs=", libraries, "");
    }

    for (i = 0; i < sizeof(leaks) / sizeof(*leaks); i++) unsetenv(leaks[i]);

    arguments[0] = join(self, "/bin/", name);
    for (n = 1; n < argc; n++) arguments[count++] = argv[n];
    if (setting("CCWRAP_DEBUG")) {
        fprintf(stderr, "%s: %s", called_as, driver);
        for (n = 0; n < count; n++) fprintf(stderr, " '%s'", arguments[n]);
        fputc('\n', stderr);
    }
    execv(driver, arguments);
    die("cannot run ", driver, strerror(errno));
}
