/*  process -- see process.h. */
#include "broker/metrics/process.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { STAT_BYTES_MAX = 1024 };

static void s_put(buffer_t *out, const char *name, const char *type, const char *help, double value)
{
    buffer_printf(out, "# HELP process_%s %s\n# TYPE process_%s %s\nprocess_%s %.17g\n", name, help,
                  name, type, name, value);
}

// When the machine was started, Unix time; 0: unknown.
static double s_boot_s(void)
{
    FILE *file = fopen("/proc/stat", "re");
    char line[STAT_BYTES_MAX];
    unsigned long long seconds = 0;
    while (file && seconds == 0 && fgets(line, sizeof line, file))
        if (sscanf(line, "btime %llu", &seconds) == 1)
            break;
    if (file)
        fclose(file);
    return (double) seconds;
}

// Fields 20 (threads), 22 (start) and 24 (pages) of /proc/self/stat, behind the name, which may
// hold anything.
static bool s_read_stat(long *threads, unsigned long long *start, long *pages)
{
    FILE *file = fopen("/proc/self/stat", "re");
    char text[STAT_BYTES_MAX] = "";
    size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    text[size] = '\0';
    const char *rest = strrchr(text, ')');
    return rest && sscanf(rest + 1,
                          " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
                          "%ld %*d %llu %*u %ld",
                          threads, start, pages) == 3;
}

static int s_count_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = -1; // its own
    for (struct dirent *item; dir && (item = readdir(dir));)
        count += item->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return count;
}

void process_expose(buffer_t *out)
{
    struct rusage usage;
    long threads, pages;
    unsigned long long start;
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        s_put(out, "cpu_seconds_total", "counter", "CPU time, user and system.",
              (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                  (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6);
    if (s_read_stat(&threads, &start, &pages)) {
        s_put(out, "resident_memory_bytes", "gauge", "Memory that is in use.",
              (double) pages * (double) sysconf(_SC_PAGESIZE));
        s_put(out, "threads", "gauge", "Threads.", (double) threads);
        s_put(out, "start_time_seconds", "gauge", "When it was started, Unix time.",
              s_boot_s() + (double) start / (double) sysconf(_SC_CLK_TCK));
    }
    int files = s_count_files();
    if (files >= 0)
        s_put(out, "open_fds", "gauge", "Open files and sockets.", files);
}
