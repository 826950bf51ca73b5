/*
 * Starts CPython inside a host, or joins the one that the host runs.
 *
 * Called by plugin_init in any host thread, without the GIL; concurrent first
 * calls wait for one another. Python is started once per process and never
 * finalised: its threads and extension modules can't be unloaded, so the library
 * is linked with -z nodelete and survives dlclose.
 */
#ifndef KAE_INTERPRETER_H
#define KAE_INTERPRETER_H

/* NULL when Python runs and the package's callbacks are attached; otherwise one
 * sentence, valid for the life of the process, that says what to do. A failed
 * start is not tried again: half an interpreter can't be taken back. */
const char *kae_interpreter_start(void);

/* What the host's log should say after a start that succeeded, or NULL; lives as long. */
const char *kae_interpreter_warning(void);

#endif
