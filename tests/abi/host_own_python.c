/* host_own_python LIBRARY OPEN_PARAMS: a host that runs a Python of the same version
 * itself. The plugin joins it, and the host's Python goes on working. */
#include <Python.h>

#include "host.h"

int main(int argc, char **argv)
{
    EXPECT(argc == 3);
    Py_InitializeEx(0);
    EXPECT(PyRun_SimpleString("import sys; before = (sys.stdout, sys.stderr, list(sys.path))") ==
           0);
    PyThreadState *state = PyEval_SaveThread();

    struct host host;
    host_load(&host, argv[1]);
    void *plugin = host_init(&host, "", NULL, NULL);
    void *instance = host_open(&host, plugin, argv[2]);
    uint32_t nevts = 0;
    struct kae_abi_event **evts = NULL;
    EXPECT(host_next(&host, plugin, instance, &nevts, &evts) == KAE_ABI_SUCCESS);
    printf("%s\n", host_extract(&host, plugin, evts[0], 1, "ka.auditid"));
    host.close(plugin, instance);
    host.destroy(plugin);
    host_unload(&host);

    PyEval_RestoreThread(state);
    EXPECT(PyRun_SimpleString("assert before[:2] == (sys.stdout, sys.stderr)\n"
                              "assert sys.path[:len(before[2])] == before[2]\n") == 0);
    return 0;
}
