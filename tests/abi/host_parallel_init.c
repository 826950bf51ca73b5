/* host_parallel_init LIBRARY: the first calls come from several threads at once. */
#include <pthread.h>

#include "host.h"

#define THREADS 8

static struct host host;
static pthread_barrier_t together;

static void *first_call(void *unused)
{
    (void)unused;
    pthread_barrier_wait(&together);
    host.destroy(host_init(&host, "", NULL, NULL));
    return NULL;
}

int main(int argc, char **argv)
{
    EXPECT(argc == 2);
    host_load(&host, argv[1]);
    EXPECT(pthread_barrier_init(&together, NULL, THREADS) == 0);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        EXPECT(pthread_create(&threads[i], NULL, first_call, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        EXPECT(pthread_join(threads[i], NULL) == 0);
    host_unload(&host);
    puts("started");
    return 0;
}
