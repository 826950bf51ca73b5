/*
 * The severities of the hosts' log. No preprocessor lines in this file: cffi reads it, too.
 */
enum kae_abi_severity {
    KAE_ABI_FATAL = 1,
    KAE_ABI_CRITICAL = 2,
    KAE_ABI_ERROR = 3,
    KAE_ABI_WARNING = 4,
    KAE_ABI_NOTICE = 5,
    KAE_ABI_INFO = 6,
    KAE_ABI_DEBUG = 7,
    KAE_ABI_TRACE = 8
};
