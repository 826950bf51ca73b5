/*
 * Where this library's Python environment is, derived from the library's own
 * location and nothing else: no environment variables, no search path.
 *
 *   DIR/libk8saudit-eks.so  with  DIR/k8saudit-eks/lib/pythonXY.zip   the bundle
 *   ENV/lib/pythonX.Y/site-packages/k8saudit_eks/libk8saudit-eks.so   pip, in a venv
 *   .../dist-packages/k8saudit_eks/libk8saudit-eks.so                 pip, without one
 *   CHECKOUT/build/libk8saudit-eks.so  with  CHECKOUT/.venv           a checkout
 *
 * A virtual environment says where Python's modules come from. It counts only if its
 * folder and its pyvenv.cfg belong to root or to the library's owner, and others may
 * not write them: the library may lie below a folder where anyone may make one.
 *
 * The bundle comes first: its libpython is the only one that its library can load, so
 * the bundle is what lies around that libpython. bundle/ makes it.
 */
#ifndef KAE_PYTHON_HOME_H
#define KAE_PYTHON_HOME_H

#include <limits.h>
#include <stdint.h>

enum { KAE_BUNDLE_PATHS = 3 };

struct kae_python_home {
    char library[PATH_MAX];      /* this library's file */
    char libpython[PATH_MAX];    /* its file as the loader names it; a program with Python in it */
    char executable[PATH_MAX];   /* the interpreter whose environment is used; need not exist */
    char site_packages[PATH_MAX]; /* the virtual environment's; "" without one */
    char package_dir[PATH_MAX];  /* what to append to sys.path; "" when site finds it */
    char bundle[PATH_MAX];       /* the bundle's folder; "" when this is none */
    char distrusted_venv[PATH_MAX]; /* one that was found but may be a stranger's; or "" */
    char bundle_paths[KAE_BUNDLE_PATHS][PATH_MAX]; /* the bundle's whole sys.path, in order */
};

/* False with `error` (size bytes) filled in when a path can't be found out. */
int32_t kae_python_home_find(struct kae_python_home *home, char *error, uint32_t size_bytes);

#endif
