/* Before any other header: Python decides on feature macros. */
#include <Python.h>

#include "python/python_home.h"

#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ENV is at most five levels above the library (see the header). */
#define KAE_MAX_LEVELS 5

#define KAE_STRINGIFY_(x) #x
#define KAE_STRINGIFY(x) KAE_STRINGIFY_(x)
#define KAE_PYTHON_VERSION KAE_STRINGIFY(PY_MAJOR_VERSION) "." KAE_STRINGIFY(PY_MINOR_VERSION)
#define KAE_STANDARD_LIBRARY "lib/python" KAE_PYTHON_VERSION

/* bundle/ gives its libpython a name with this in it, and knows the other names too. */
#define KAE_BUNDLE_MARK "-k8saudit-eks-"
#define KAE_BUNDLE_ZIP                                                                   \
    "lib/python" KAE_STRINGIFY(PY_MAJOR_VERSION) KAE_STRINGIFY(PY_MINOR_VERSION) ".zip"

static const char *const bundle_paths[KAE_BUNDLE_PATHS] = {
    KAE_BUNDLE_ZIP,
    KAE_STANDARD_LIBRARY "/lib-dynload",
    KAE_STANDARD_LIBRARY "/site-packages",
};

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

/* out is the folder above the bundle's lib/. */
static bool find_bundle(const char *libpython, char *out)
{
    return realpath(libpython, out) != NULL &&
           strstr(strrchr(out, '/'), KAE_BUNDLE_MARK) != NULL && to_parent(out) && to_parent(out);
}

static int32_t use_bundle(struct kae_python_home *home, char *error, uint32_t size_bytes)
{
    for (int i = 0; i < KAE_BUNDLE_PATHS; i++) {
        if (!join(home->bundle_paths[i], home->bundle, bundle_paths[i]) ||
            access(home->bundle_paths[i], R_OK) != 0) {
            snprintf(error, size_bytes,
                     "k8saudit-eks finds no readable %s in %s: unpack its archive again, whole",
                     bundle_paths[i], home->bundle);
            return 0;
        }
    }
    return join(home->executable, home->bundle, "bin/python3");
}

static bool is_trusted(const char *path, uid_t owner)
{
    struct stat found;
    return stat(path, &found) == 0 && (found.st_uid == 0 || found.st_uid == owner) &&
           (found.st_mode & S_IWOTH) == 0;
}

/* Whether `venv` is a virtual environment of root or of the library's owner. Another one
 * is noted as distrusted; what lies above it still counts. */
static bool is_own_venv(struct kae_python_home *home, const char *venv)
{
    char file[PATH_MAX];
    struct stat library;
    if (!exists(venv, "pyvenv.cfg"))
        return false;
    if (stat(home->library, &library) == 0 && join(file, venv, "pyvenv.cfg") &&
        is_trusted(venv, library.st_uid) && is_trusted(file, library.st_uid))
        return true;
    if (home->distrusted_venv[0] == '\0')
        snprintf(home->distrusted_venv, sizeof home->distrusted_venv, "%s", venv);
    return false;
}

/* The virtual environment around the library: out is its folder. */
static bool find_venv(struct kae_python_home *home, const char *library_dir, char *out)
{
    char dir[PATH_MAX];
    char checkout[PATH_MAX];
    snprintf(dir, sizeof dir, "%s", library_dir);
    for (int level = 0; level < KAE_MAX_LEVELS && to_parent(dir); level++) {
        if (is_own_venv(home, dir))
            return snprintf(out, PATH_MAX, "%s", dir) < PATH_MAX;
        if (level == 0 && join(checkout, dir, ".venv") && is_own_venv(home, checkout))
            return snprintf(out, PATH_MAX, "%s", checkout) < PATH_MAX;
    }
    return false;
}

/* The value of pyvenv.cfg's `home`, the folder of the interpreter that the
 * environment was made from. */
static bool read_venv_home(const char *venv, char *out)
{
    char path[PATH_MAX];
    char line[PATH_MAX + 16];
    bool found = false;
    FILE *file = join(path, venv, "pyvenv.cfg") ? fopen(path, "re") : NULL;
    if (file == NULL)
        return false;
    while (!found && fgets(line, sizeof line, file) != NULL)
        found = sscanf(line, " home = %4095[^\r\n]", out) == 1;
    fclose(file);
    return found;
}

/* The prefix that libpython was installed in: the folder above it that holds its
 * standard library. Debian has a multiarch folder in between. */
static bool find_prefix(const char *libpython, char *out)
{
    char dir[PATH_MAX];
    snprintf(dir, sizeof dir, "%s", libpython);
    while (to_parent(dir)) {
        if (exists(dir, KAE_STANDARD_LIBRARY "/os.py"))
            return snprintf(out, PATH_MAX, "%s", dir) < PATH_MAX;
    }
    return false;
}

/* Checked before Python starts, since a start without its standard library writes
 * a long complaint to the host's stderr. */
static bool check_standard_library(const char *prefix, char *error, uint32_t size_bytes)
{
    if (exists(prefix, KAE_STANDARD_LIBRARY "/encodings/__init__.py"))
        return true;
    snprintf(error, size_bytes,
             "k8saudit-eks finds no complete standard library of Python " KAE_PYTHON_VERSION
             " in %s/" KAE_STANDARD_LIBRARY
             ": reinstall that Python, or the plugin in a fresh virtual environment",
             prefix);
    return false;
}

static int32_t find_environment(struct kae_python_home *home, const char *library_dir,
                                char *error, uint32_t size_bytes)
{
    char libpython[PATH_MAX];
    char venv[PATH_MAX];
    char prefix[PATH_MAX];
    bool in_venv = find_venv(home, library_dir, venv) &&
                   join(home->executable, venv, "bin/python3") &&
                   join(home->site_packages, venv, KAE_STANDARD_LIBRARY "/site-packages");

    /* Python itself looks there first, then at the prefix it was built for. */
    if (in_venv && read_venv_home(venv, prefix) && to_parent(prefix) &&
        exists(prefix, KAE_STANDARD_LIBRARY "/os.py"))
        return check_standard_library(prefix, error, size_bytes);

    if (realpath(home->libpython, libpython) != NULL && find_prefix(libpython, prefix)) {
        if (in_venv || join(home->executable, prefix, "bin/python" KAE_PYTHON_VERSION))
            return check_standard_library(prefix, error, size_bytes);
    }
    snprintf(error, size_bytes,
             "k8saudit-eks finds no standard library of Python " KAE_PYTHON_VERSION
             " around %s: reinstall that Python",
             home->libpython);
    return 0;
}

int32_t kae_python_home_find(struct kae_python_home *home, char *error, uint32_t size_bytes)
{
    char dir[PATH_MAX];
    Dl_info info;

    memset(home, 0, sizeof *home);
    if (!file_of((const void *)(uintptr_t)kae_python_home_find, home->library)) {
        snprintf(error, size_bytes,
                 "k8saudit-eks can't find out where its own library file is: give the host an "
                 "absolute library_path");
        return 0;
    }
    void *object = NULL;
    if (dladdr1((const void *)(uintptr_t)Py_InitializeFromConfig, &info, &object,
                RTLD_DL_LINKMAP) == 0 ||
        info.dli_fname == NULL) {
        snprintf(error, size_bytes,
                 "k8saudit-eks can't find the file of libpython" KAE_PYTHON_VERSION
                 ": reinstall Python " KAE_PYTHON_VERSION " with its shared library");
        return 0;
    }
    /* A program that has Python in itself goes by its argv[0], which may be no path. */
    bool in_program = ((const struct link_map *)object)->l_name[0] == '\0';
    snprintf(home->libpython, sizeof home->libpython, "%s",
             in_program ? "/proc/self/exe" : info.dli_fname);
    if (find_bundle(home->libpython, home->bundle))
        return use_bundle(home, error, size_bytes);
    home->bundle[0] = '\0';

    snprintf(dir, sizeof dir, "%s", home->library);
    to_parent(dir);
    if (strcmp(strrchr(dir, '/'), "/k8saudit_eks") == 0) {
        snprintf(home->package_dir, sizeof home->package_dir, "%s", dir);
        to_parent(home->package_dir);
    }

    return find_environment(home, dir, error, size_bytes);
}
