/* Before any other header: Python decides on feature macros. */
#include <Python.h>

#include "python/interpreter.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "python/callbacks.h"
#include "python/python_home.h"

static pthread_mutex_t start_lock = PTHREAD_MUTEX_INITIALIZER;
static bool started;
/* Written once under start_lock, then only read. */
static char failure[2 * PATH_MAX]; /* room for a path and the reason */
static char warning[PATH_MAX + 256]; /* "" when the start found nothing strange */
static char refusal[sizeof failure + sizeof warning + 16]; /* both */

static const char RUNNING_VERSION[] = PY_VERSION;

static bool fail(const char *what, const char *detail)
{
    snprintf(failure, sizeof failure, "k8saudit-eks %s%s%s", what, detail[0] != '\0' ? ": " : "",
             detail);
    for (char *c = failure; *c != '\0'; c++) {
        if (*c == '\n')
            *c = ' ';
    }
    return false;
}

/* Takes the pending Python exception away and fails with it. GIL held. */
static bool fail_with_exception(const char *what)
{
#if PY_VERSION_HEX >= 0x030c0000
    PyObject *value = PyErr_GetRaisedException();
#else
    PyObject *type = NULL;
    PyObject *value = NULL;
    PyObject *traceback = NULL;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    Py_XDECREF(traceback);
    Py_XDECREF(type);
#endif
    PyObject *text = value != NULL ? PyObject_Str(value) : NULL;
    const char *detail = text != NULL ? PyUnicode_AsUTF8(text) : NULL;
    fail(what, detail != NULL ? detail : "no reason given");
    Py_XDECREF(text);
    Py_XDECREF(value);
    PyErr_Clear(); /* what str() raised */
    return false;
}

/* A host that has another Python in its global scope would lend its symbols to
 * our extension modules: refuse instead of crashing later. */
static bool check_foreign_python(void)
{
    const char *(*version)(void) = NULL;
    *(void **)&version = dlsym(RTLD_DEFAULT, "Py_GetVersion");
    if (version == NULL)
        return true;
    const char *dot = strchr(strchr(RUNNING_VERSION, '.') + 1, '.');
    size_t len = (size_t)(dot - RUNNING_VERSION) + 1;
    if (strncmp(version(), RUNNING_VERSION, len) == 0)
        return true;
    char detail[64];
    snprintf(detail, sizeof detail, "%.*s", (int)strcspn(version(), " "), version());
    return fail("is built for another Python than the one in this process; build it for", detail);
}

/* Whether the program, or what it is linked with, is the Python that this library uses. */
static bool is_programs_python(void)
{
    void *program = dlopen(NULL, RTLD_NOW);
    const char *(*version)(void) = NULL;
    if (program == NULL)
        return false;
    *(void **)&version = dlsym(program, "Py_GetVersion");
    dlclose(program);
    return version == Py_GetVersion;
}

/* Hosts load plugins with RTLD_LOCAL, which hides libpython's symbols from every
 * extension module it will load. A program's own are visible; and Debian's python3 has
 * them in itself, so there is no libpython to find. */
static bool promote_libpython(const char *libpython)
{
    if (is_programs_python() || dlopen(libpython, RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL) != NULL)
        return true;
    const char *reason = dlerror();
    return fail("can't make libpython visible to Python's extension modules",
                reason != NULL ? reason : libpython);
}

static bool fail_with_status(const char *what, PyStatus status)
{
    return fail(what, status.err_msg != NULL ? status.err_msg : "no reason given");
}

static bool preinitialize(void)
{
    PyPreConfig preconfig;
    PyPreConfig_InitIsolatedConfig(&preconfig);
    preconfig.utf8_mode = 1; /* whatever the host's locale is */
    PyStatus status = Py_PreInitialize(&preconfig);
    return !PyStatus_Exception(status) || fail_with_status("can't prepare Python", status);
}

/* Leaves Python nothing to find out: where it was built for must not matter. */
static PyStatus use_only_bundle(PyConfig *config, const struct kae_python_home *home)
{
    PyStatus status = PyConfig_SetBytesString(config, &config->home, home->bundle);
    config->module_search_paths_set = 1;
    for (int i = 0; i < KAE_BUNDLE_PATHS && !PyStatus_Exception(status); i++) {
        wchar_t *path = Py_DecodeLocale(home->bundle_paths[i], NULL);
        if (path == NULL)
            return PyStatus_NoMemory();
        status = PyWideStringList_Append(&config->module_search_paths, path);
        PyMem_RawFree(path);
    }
    return status;
}

static bool initialize(const struct kae_python_home *home)
{
    PyConfig config;
    PyStatus status;

    /* Isolated: no PYTHON* variables, no user site, no signal handlers, no
     * change of locale or standard streams. */
    PyConfig_InitIsolatedConfig(&config);
    config.pathconfig_warnings = 0; /* they would go to the host's stderr */
    config.site_import = 0;         /* done by import_site, which can report */
    config.write_bytecode = 0;
    status = PyConfig_SetBytesString(&config, &config.executable, home->executable);
    if (!PyStatus_Exception(status))
        status = PyConfig_SetBytesString(&config, &config.program_name, home->executable);
    if (!PyStatus_Exception(status) && home->bundle[0] != '\0')
        status = use_only_bundle(&config, home);
    if (!PyStatus_Exception(status))
        status = Py_InitializeFromConfig(&config);
    if (PyStatus_Exception(status))
        fail_with_status("can't start Python " PY_VERSION "; reinstall that Python, or the plugin "
                         "in a fresh virtual environment. Python says",
                         status);
    PyConfig_Clear(&config);
    return !PyStatus_Exception(status);
}

/* The module _signal installs a SIGINT handler of its own when it is first imported,
 * even into an isolated Python, if the host has none: imported here, where the
 * host's can be put back. GIL held. */
static bool import_signal_module(void)
{
    struct sigaction hosts;
    sigaction(SIGINT, NULL, &hosts);
    PyObject *module = PyImport_ImportModule("_signal");
    sigaction(SIGINT, &hosts, NULL);
    Py_XDECREF(module);
    return module != NULL || fail_with_exception("can't load Python's signal module");
}

/* Nothing may reach the host's streams. GIL held. */
static void take_streams_away(void)
{
    PySys_SetObject("stdout", Py_None);
    PySys_SetObject("stderr", Py_None);
}

/* What the interpreter's own start would have done, without its exit on error.
 * GIL held. */
static bool import_site(void)
{
    PyObject *site = PyImport_ImportModule("site");
    PyObject *done = site != NULL ? PyObject_CallMethod(site, "main", NULL) : NULL;
    Py_XDECREF(done);
    Py_XDECREF(site);
    return done != NULL || fail_with_exception("can't set up Python's module search path");
}

/* For a Python that the host started, which knows nothing of the plugin's
 * environment. Appended: the host's modules come first. GIL held. */
static bool add_site_packages(const char *dir)
{
    if (dir[0] == '\0')
        return true;
    PyObject *site = PyImport_ImportModule("site");
    PyObject *done = site != NULL ? PyObject_CallMethod(site, "addsitedir", "s", dir) : NULL;
    Py_XDECREF(done);
    Py_XDECREF(site);
    return done != NULL || fail_with_exception("can't extend Python's module search path");
}

/* GIL held. */
static bool append_to_path(const char *dir)
{
    if (dir[0] == '\0')
        return true;
    PyObject *path = PySys_GetObject("path"); /* borrowed */
    PyObject *entry = PyUnicode_DecodeFSDefault(dir);
    bool ok = false;
    if (path != NULL && entry != NULL) {
        int known = PySequence_Contains(path, entry);
        ok = known == 1 || (known == 0 && PyList_Append(path, entry) == 0);
    }
    Py_XDECREF(entry);
    return ok || fail_with_exception("can't extend Python's module search path");
}

/* The package is one a Python, and knows one library: another copy of it could only
 * answer that no callback is attached. GIL held. */
static bool check_first_copy(void)
{
    PyObject *name = PyUnicode_FromString("k8saudit_eks.embed");
    int known = name != NULL ? PyDict_Contains(PyImport_GetModuleDict(), name) : -1;
    Py_XDECREF(name);
    if (known == 0)
        return true;
    if (known < 0)
        return fail_with_exception("can't look at Python's modules");
    return fail("is in this process already, from another file: restart the host", "");
}

/* GIL held; given up while cffi takes it by its own means. */
static bool attach_callbacks(void)
{
    PyObject *backend = PyImport_ImportModule("_cffi_backend");
    if (backend == NULL)
        return fail_with_exception("lacks the package cffi; install the plugin with pip, which "
                                   "brings it. Python says");
    Py_DECREF(backend);

    int rc = -1;
    Py_BEGIN_ALLOW_THREADS
    rc = kae_cffi_start();
    Py_END_ALLOW_THREADS
    if (rc != 0)
        return fail("can't use the installed package cffi; reinstall the plugin with pip", "");

    PyObject *embed = PyImport_ImportModule("k8saudit_eks.embed");
    if (embed == NULL)
        return fail_with_exception("can't load its own package; use the library where it was "
                                   "installed (k8saudit-eks path prints it), not a copy. Python "
                                   "says");
    Py_DECREF(embed);
    return true;
}

static void warn_of_stranger(const char *venv)
{
    snprintf(warning, sizeof warning,
             "k8saudit-eks does not use %s/pyvenv.cfg: file and folder must belong to root or to "
             "the library's owner, and others may not write them (chown, chmod o-w)",
             venv);
}

/* What is strange may be the reason, so it comes first: some hosts cut long errors. */
static void refuse(void)
{
    snprintf(refusal, sizeof refusal, "%s%s%s", warning,
             warning[0] != '\0' ? "; without it: " : "", failure);
}

/* Without the GIL. */
static bool start(void)
{
    struct kae_python_home home;
    bool found = kae_python_home_find(&home, failure, sizeof failure);
    if (home.distrusted_venv[0] != '\0')
        warn_of_stranger(home.distrusted_venv);
    if (!found)
        return false;
    /* The bundle's symbols have names of their own, and its extension modules name
     * their libpython: it neither meets another Python nor shows itself to one. */
    if (home.bundle[0] == '\0' &&
        (!check_foreign_python() || !promote_libpython(home.libpython)))
        return false;

    bool joined = Py_IsInitialized();
    bool ok = true;
    if (!joined) {
        if (!preinitialize() || !initialize(&home))
            return false;
        take_streams_away();
        ok = import_signal_module() && (home.bundle[0] != '\0' || import_site());
        /* This thread's state stays: every later entry makes or finds its own. */
        PyEval_SaveThread();
    }
    PyGILState_STATE gil = PyGILState_Ensure();
    if (joined)
        ok = add_site_packages(home.site_packages);
    ok = ok && check_first_copy() && append_to_path(home.package_dir) && attach_callbacks();
    PyGILState_Release(gil);
    return ok;
}

const char *kae_interpreter_start(void)
{
    pthread_mutex_lock(&start_lock);
    if (!started && failure[0] == '\0') {
        started = start();
        if (!started)
            refuse();
    }
    const char *answer = started ? NULL : refusal;
    pthread_mutex_unlock(&start_lock);
    return answer;
}

const char *kae_interpreter_warning(void)
{
    pthread_mutex_lock(&start_lock);
    const char *text = started && warning[0] != '\0' ? warning : NULL;
    pthread_mutex_unlock(&start_lock);
    return text;
}
