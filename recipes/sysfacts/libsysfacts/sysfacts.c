#include "sysfacts.h"

#include <stdio.h>
#include <string.h>

int sysfacts_os_release(const char *key, char *value, size_t size)
{
    char line[512];
    size_t length = strlen(key);
    int result = -1;
    FILE *file = fopen("/etc/os-release", "re");

    if (!file || size == 0) {
        if (file)
            fclose(file);
        return -1;
    }
    while (result != 0 && fgets(line, sizeof line, file)) {
        char *start = line + length + 1;
        char *end;

        if (strncmp(line, key, length) != 0 || line[length] != '=')
            continue;
        end = start + strcspn(start, "\n");
        if (end - start >= 2 && (*start == '"' || *start == '\'') && end[-1] == *start) {
            start++;
            end--;
        }
        *end = '\0';
        snprintf(value, size, "%s", start);
        result = 0;
    }
    fclose(file);
    return result;
}

double sysfacts_uptime(void)
{
    double seconds = -1;
    FILE *file = fopen("/proc/uptime", "re");

    if (!file)
        return -1;
    if (fscanf(file, "%lf", &seconds) != 1)
        seconds = -1;
    fclose(file);
    return seconds;
}

long long sysfacts_memory_available(void)
{
    char line[256];
    long long kibibytes = -1;
    FILE *file = fopen("/proc/meminfo", "re");

    if (!file)
        return -1;
    while (kibibytes < 0 && fgets(line, sizeof line, file))
        if (sscanf(line, "MemAvailable: %lld kB", &kibibytes) != 1)
            kibibytes = -1;
    fclose(file);
    return kibibytes < 0 ? -1 : kibibytes * 1024;
}
