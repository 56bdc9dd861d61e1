/* Prints what the system is and how it feels, one fact a line. */
#include <stdio.h>
#include <sysfacts.h>

int main(void)
{
    char name[256];

    if (sysfacts_os_release("PRETTY_NAME", name, sizeof name) == 0)
        printf("system: %s\n", name);
    printf("uptime: %.0f s\n", sysfacts_uptime());
    printf("memory available: %lld MiB\n", sysfacts_memory_available() / (1024 * 1024));
    return 0;
}
