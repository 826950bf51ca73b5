/* Before any other header: Python decides on feature macros. */
#include <Python.h>

#include "python_home.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ENV is at most five levels above the library (see the header). */
#define KAE_MAX_LEVELS 5

#define KAE_STRINGIFY(x) #x
#define KAE_VERSION_STRING(major, minor) KAE_STRINGIFY(major) "." KAE_STRINGIFY(minor)
#define KAE_PYTHON_VERSION KAE_VERSION_STRING(PY_MAJOR_VERSION, PY_MINOR_VERSION)

static bool join(char *out, const char *dir, const char *rest)
{
    int written = snprintf(out, PATH_MAX, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir, rest);
    return written > 0 && written < PATH_MAX;
}

static bool exists(const char *dir, const char *rest)
{
    char path[PATH_MAX];
    return join(path, dir, rest) && access(path, R_OK) == 0;
}

/* Cuts the last component off; false at the root. */
static bool to_parent(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash == NULL || path[1] == '\0')
        return false;
    if (slash == path)
        path[1] = '\0';
    else
        *slash = '\0';
    return true;
}

static bool file_of(const void *symbol, char *out)
{
    Dl_info info;
    return dladdr(symbol, &info) != 0 && info.dli_fname != NULL &&
           realpath(info.dli_fname, out) != NULL;
}

/* The virtual environment around the library: out is its folder. */
static bool find_venv(const char *library_dir, char *out)
{
    char dir[PATH_MAX];
    char checkout[PATH_MAX];
    snprintf(dir, sizeof dir, "%s", library_dir);
    for (int level = 0; level < KAE_MAX_LEVELS && to_parent(dir); level++) {
        if (exists(dir, "pyvenv.cfg"))
            return snprintf(out, PATH_MAX, "%s", dir) < PATH_MAX;
        if (level == 0 && join(checkout, dir, ".venv") && exists(checkout, "pyvenv.cfg"))
            return snprintf(out, PATH_MAX, "%s", checkout) < PATH_MAX;
    }
    return false;
}

/* The prefix that libpython was installed in: the folder above it that holds its
 * standard library. Debian has a multiarch folder in between. */
static bool find_prefix(const char *libpython, char *out)
{
    char dir[PATH_MAX];
    snprintf(dir, sizeof dir, "%s", libpython);
    while (to_parent(dir)) {
        if (exists(dir, "lib/python" KAE_PYTHON_VERSION "/os.py"))
            return snprintf(out, PATH_MAX, "%s", dir) < PATH_MAX;
    }
    return false;
}

int32_t kae_python_home_find(struct kae_python_home *home, char *error, uint32_t size_bytes)
{
    char dir[PATH_MAX];
    char prefix[PATH_MAX];
    Dl_info info;

    memset(home, 0, sizeof *home);
    if (!file_of((const void *)(uintptr_t)kae_python_home_find, home->library)) {
        snprintf(error, size_bytes,
                 "k8saudit-eks can't find out where its own library file is: give the host an "
                 "absolute library_path");
        return 0;
    }
    if (dladdr((const void *)(uintptr_t)Py_InitializeFromConfig, &info) == 0 ||
        info.dli_fname == NULL) {
        snprintf(error, size_bytes,
                 "k8saudit-eks can't find the file of libpython" KAE_PYTHON_VERSION
                 ": reinstall Python " KAE_PYTHON_VERSION " with its shared library");
        return 0;
    }
    snprintf(home->libpython, sizeof home->libpython, "%s", info.dli_fname);

    snprintf(dir, sizeof dir, "%s", home->library);
    to_parent(dir);
    if (strcmp(strrchr(dir, '/'), "/k8saudit_eks") == 0) {
        snprintf(home->package_dir, sizeof home->package_dir, "%s", dir);
        to_parent(home->package_dir);
    }

    char resolved[PATH_MAX];
    if (realpath(home->libpython, resolved) == NULL)
        snprintf(resolved, sizeof resolved, "%s", home->libpython);
    if (find_venv(dir, prefix)) {
        if (!join(home->executable, prefix, "bin/python3"))
            home->executable[0] = '\0';
    } else if (find_prefix(resolved, prefix)) {
        if (!join(home->executable, prefix, "bin/python" KAE_PYTHON_VERSION))
            home->executable[0] = '\0';
    }
    if (home->executable[0] == '\0') {
        snprintf(error, size_bytes,
                 "k8saudit-eks finds no Python " KAE_PYTHON_VERSION
                 " environment around %s: use the library where it was installed "
                 "(k8saudit-eks path prints it) instead of a copy",
                 home->library);
        return 0;
    }
    return 1;
}
