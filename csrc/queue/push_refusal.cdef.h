/*
 * Why a push is refused. No preprocessor lines in this file: cffi reads it, too.
 */
enum kae_push_refusal { KAE_PUSH_CLOSED = -1 };
