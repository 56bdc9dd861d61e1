/* Prints the available memory every SECONDS (default 1) until interrupted, or COUNT times. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sysfacts.h>

int main(int argc, char **argv)
{
    unsigned seconds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    long count = argc > 2 ? strtol(argv[2], NULL, 10) : -1;

    while (count < 0 || count-- > 0) {
        printf("%10.0f s %8lld MiB available\n", sysfacts_uptime(), sysfacts_memory_available() / (1024 * 1024));
        fflush(stdout);
        if (count != 0)
            sleep(seconds);
    }
    return 0;
}
