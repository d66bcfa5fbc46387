/* The write-order journal of the lab's guest: it proves that images of two disks show one instant.

   Record n goes to disk A, then to disk B, and each is on the disk before the next is written. So at every instant the
   newest record of A is that of B, or one ahead. lab/journal-check reads the same from two images.

   Each disk has a file `journal`: a ring of RING_RECORDS records of RECORD_BYTES, record n in slot n % RING_RECORDS:

       SEQ 000000001234 RUN 0123456789abcdef SUM fedcba9876543210     and spaces up to a newline

   RUN is drawn at each start, so two disks that went on separately differ even where their numbers are the same. SUM is
   FNV-1a of what stands before "SUM". The files get their full size at the start: no later write moves a block.

   usage: journal FOLDER_A FOLDER_B INTERVAL_MS CHURN_KIB
   Every 16th record CHURN_KIB KiB of noise are written to each disk as well, so that a backup has something to do. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { RECORD_BYTES = 64, SUMMED_BYTES = 38, RING_RECORDS = 16384, RING_BYTES = RECORD_BYTES * RING_RECORDS };
enum { CHURN_EVERY = 16, CHURN_FILES = 64, TELL_EVERY = 512 };

struct disk {
    const char *folder;
    int journal;
    uint64_t newest;           /* 0: none yet */
    char record[RECORD_BYTES]; /* the newest one */
};

static void fail(const char *what, const char *where)
{
    fprintf(stderr, "journal: %s %s: ", what, where);
    perror(NULL);
    exit(1);
}

static void write_all(int file, const char *bytes, size_t length, off_t offset, const char *where)
{
    while (length > 0) {
        ssize_t written = pwrite(file, bytes, length, offset);
        if (written <= 0) fail("write", where);
        bytes += written, length -= (size_t)written, offset += written;
    }
}

static uint64_t sum_of(const char *record)
{
    uint64_t sum = 14695981039346656037ULL;
    for (int i = 0; i < SUMMED_BYTES; i++) sum = (sum ^ (unsigned char)record[i]) * 1099511628211ULL;
    return sum;
}

static void format_record(char record[RECORD_BYTES], uint64_t sequence, uint64_t run)
{
    char text[RECORD_BYTES + 1];
    int length = snprintf(text, sizeof text, "SEQ %012" PRIu64 " RUN %016" PRIx64 " ", sequence, run);
    length += snprintf(text + length, sizeof text - (size_t)length, "SUM %016" PRIx64, sum_of(text));
    memset(record, ' ', RECORD_BYTES);
    memcpy(record, text, (size_t)length);
    record[RECORD_BYTES - 1] = '\n';
}

/* 0 for a slot that holds no whole record of its own. */
static uint64_t sequence_of(const char *record, int slot)
{
    uint64_t sequence, sum;
    if (memcmp(record, "SEQ ", 4) != 0) return 0;
    if (sscanf(record, "SEQ %" SCNu64 " RUN %*x SUM %" SCNx64, &sequence, &sum) != 2) return 0;
    return sum == sum_of(record) && sequence % RING_RECORDS == (uint64_t)slot ? sequence : 0;
}

static void open_disk(struct disk *disk, const char *folder)
{
    static char ring[RING_BYTES + 1];
    char path[256];
    snprintf(path, sizeof path, "%s/journal", folder);
    *disk = (struct disk){ .folder = folder, .journal = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644) };
    if (disk->journal < 0) fail("open", path);

    memset(ring, 0, sizeof ring);
    if (pread(disk->journal, ring, RING_BYTES, 0) != RING_BYTES) {
        /* New, or its making was cut short: no record was written yet. */
        memset(ring, 0, sizeof ring);
        write_all(disk->journal, ring, RING_BYTES, 0, path);
        if (fsync(disk->journal) != 0) fail("sync", path);
    }
    for (int slot = 0; slot < RING_RECORDS; slot++) {
        const char *record = ring + (size_t)slot * RECORD_BYTES;
        uint64_t sequence = sequence_of(record, slot);
        if (sequence <= disk->newest) continue;
        disk->newest = sequence;
        memcpy(disk->record, record, RECORD_BYTES);
    }
}

static void append(struct disk *disk, const char record[RECORD_BYTES], uint64_t sequence)
{
    write_all(disk->journal, record, RECORD_BYTES, (off_t)(sequence % RING_RECORDS) * RECORD_BYTES, disk->folder);
    if (fdatasync(disk->journal) != 0) fail("sync", disk->folder);
    memcpy(disk->record, record, RECORD_BYTES);
    disk->newest = sequence;
}

static void churn(const struct disk *disk, uint64_t sequence, size_t length)
{
    static uint64_t noise = 88172645463325252ULL;
    uint64_t buffer[512];
    char path[256];
    snprintf(path, sizeof path, "%s/churn-%02d", disk->folder, (int)(sequence / CHURN_EVERY % CHURN_FILES));
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0) fail("open", path);
    noise ^= sequence;
    for (size_t offset = 0; offset < length; offset += sizeof buffer) {
        for (size_t i = 0; i < sizeof buffer / sizeof *buffer; i++) {
            noise ^= noise << 13, noise ^= noise >> 7, noise ^= noise << 17;
            buffer[i] = noise;
        }
        size_t rest = length - offset;
        write_all(file, (const char *)buffer, rest < sizeof buffer ? rest : sizeof buffer, (off_t)offset, path);
    }
    if (fsync(file) != 0 || close(file) != 0) fail("sync", path);
}

/* Were both disks left at one instant? Then B gets what A has ahead, and the numbers go on from there. */
static uint64_t resume(struct disk *a, struct disk *b)
{
    int ahead = a->newest == b->newest + 1;
    int same = a->newest == b->newest && memcmp(a->record, b->record, RECORD_BYTES) == 0;
    printf("journal: found A=%" PRIu64 " B=%" PRIu64 " %s\n", a->newest, b->newest,
           a->newest == 0 ? "NEW" : ahead || same ? "ORDER-OK" : "ORDER-BROKEN");
    if (!ahead && !same) exit(1);
    if (ahead) append(b, a->record, a->newest);
    return a->newest + 1;
}

int main(int count, char **arguments)
{
    if (count != 5) {
        fprintf(stderr, "usage: journal FOLDER_A FOLDER_B INTERVAL_MS CHURN_KIB\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    useconds_t interval = (useconds_t)atoi(arguments[3]) * 1000;
    size_t churn_length = (size_t)atoi(arguments[4]) * 1024;

    struct disk a, b;
    uint64_t run;
    if (getrandom(&run, sizeof run, 0) != sizeof run) fail("draw", "a run");
    open_disk(&a, arguments[1]);
    open_disk(&b, arguments[2]);
    uint64_t first = resume(&a, &b);

    for (uint64_t sequence = first;; sequence++) {
        char record[RECORD_BYTES];
        format_record(record, sequence, run);
        append(&a, record, sequence);
        append(&b, record, sequence);
        if (sequence == first) printf("journal: writing from %" PRIu64 "\n", first);
        if (sequence % TELL_EVERY == 0) printf("journal: written %" PRIu64 "\n", sequence);
        if (churn_length > 0 && sequence % CHURN_EVERY == 0) {
            churn(&a, sequence, churn_length);
            churn(&b, sequence, churn_length);
        }
        if (interval > 0) usleep(interval);
    }
}
