/* What only C shows of connect(): a thread that is cancelled in it, and a signal handler that calls it. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fd, size;
static const struct sockaddr *address;
static volatile int gave = 255;
static volatile int id;
static pthread_t thread;

void aim(int to_fd, const void *to_address, int to_size) { fd = to_fd; address = to_address; size = to_size; }
int thread_id(void) { return id; }

static void *call(void *unused)
{
    id = (int)syscall(SYS_gettid);
    gave = connect(fd, address, (socklen_t)size) ? errno : 0;
    return unused;
}

int begin(void) { return pthread_create(&thread, 0, call, 0); }

int cancel(void)
{
    void *ended = 0;
    pthread_cancel(thread);
    return pthread_join(thread, &ended) ? -1 : ended == PTHREAD_CANCELED;
}

static void handler(int number)
{
    (void)number;
    gave = connect(fd, address, (socklen_t)size) ? errno : 0;
}

int handle(void)
{
    struct sigaction with = {.sa_handler = handler}, before;
    sigaction(SIGUSR1, &with, &before);
    raise(SIGUSR1);
    sigaction(SIGUSR1, &before, 0);
    return gave;
}
