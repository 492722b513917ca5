// A clock of the test's: the system's, moved by as many seconds as a file says. For LD_PRELOAD.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    const char *path = getenv("WARDKEY_TEST_CLOCK");
    FILE *file = clock == CLOCK_REALTIME && path ? fopen(path, "r") : NULL;
    long moved = 0;
    if (file) {
        if (fscanf(file, "%ld", &moved) == 1) now->tv_sec += moved;
        fclose(file);
    }
    return result;
}
